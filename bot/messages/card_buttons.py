"""What a card's buttons carry, and those beside Approve and Reject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.messages.blocks import Element, button, confirm
from bot.messages.language import _
from bot.rollout.errors import StaleDigest

if TYPE_CHECKING:
    from bot.rollouts import Standing

CHECK = "card_check"
CHANGE = "card_change"
CANCEL = "card_cancel"


def value_of(rollout_id: int, digest: str) -> str:
    """What a button carries: ``id:digest``."""
    return f"{rollout_id}:{digest}"


def parse_value(value: str) -> tuple[int, str]:
    """The id and digest that a button carries.

    Raises `StaleDigest` for a value that no card of this release has.
    """
    number, _colon, digest = value.partition(":")
    if not (number.isascii() and number.isdigit() and digest):
        raise StaleDigest("This button belongs to an older card.", "Open the rollout with /xs status.")
    return int(number), digest


def check_button(standing: Standing) -> Element:
    """Run the checks again."""
    row = standing.row
    label = _("Run the checks of rollout {id} again").format(id=row.id)
    return button(_("Run checks again"), CHECK, value_of(row.id, standing.digest), label=label)


def change_button(standing: Standing) -> Element:
    """Ask for something else instead."""
    row = standing.row
    label = _("Change what rollout {id} of pool {alias} asks for").format(id=row.id, alias=row.pool_alias)
    return button(_("Change…"), CHANGE, value_of(row.id, standing.digest), label=label)


def again_button(standing: Standing) -> Element:
    """Ask for the same again, after its end."""
    row = standing.row
    label = _("Ask again for rollout {id} of pool {alias}").format(id=row.id, alias=row.pool_alias)
    return button(_("Ask again…"), CHANGE, value_of(row.id, standing.digest), label=label)


def cancel_button(standing: Standing) -> Element:
    """Withdraw the request."""
    row = standing.row
    asks = confirm(
        _("Withdraw rollout {id}?").format(id=row.id),
        _("Nothing was changed on pool {alias}. Its approvals are void then.").format(alias=row.pool_alias),
        _("Withdraw"),
        _("Keep it"),
        style="danger",
    )
    label = _("Cancel rollout {id} of pool {alias}").format(id=row.id, alias=row.pool_alias)
    return button(_("Cancel"), CANCEL, value_of(row.id, standing.digest), asks=asks, label=label)
