"""Outbox to Slack: one sender that renders the newest state, sends in order, and never gives up on an outage.

pace       how often Slack lets us post and edit
rendering  outbox row -> what to send and where
sender     `Delivery`: claim, render, send, record
homes      `Homes`: people's Home tabs, which are no messages: the newest content is published, nothing waits
"""

from bot.delivery.homes import Homes
from bot.delivery.sender import Delivery

__all__ = ["Delivery", "Homes"]
