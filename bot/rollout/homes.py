"""Words that bringing things home has in common."""

from __future__ import annotations

#: What XAPI answers while hosts run different versions; the debt then waits for the rest of the pool.
MIXED = "NOT_SUPPORTED_DURING_UPGRADE"
