"""Outbox to Slack: one sender that renders the newest state, sends in order, and never gives up on an outage.

pace       how often Slack lets us post and edit
rendering  outbox row -> what to send and where
sender     `Delivery`: claim, render, send, record
"""

from bot.delivery.sender import Delivery

__all__ = ["Delivery"]
