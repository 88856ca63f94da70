"""Conditions with names: what production pools are like when nobody looks, each switched on or off on a running world.

Faults make something go wrong at the next opportunity; a condition simply holds, and the pool's records show it.
"""

from __future__ import annotations

# Imported for the names they register.
from bot.lab.xapi.conditions import host, pool, vm
from bot.lab.xapi.conditions.given import CONDITIONS, Given, condition
from bot.lab.xapi.conditions.host import after_boot

__all__ = ["CONDITIONS", "Given", "after_boot", "condition", "host", "pool", "vm"]
