"""Why something was decided, as data.

A reason is a code and parameters. It becomes a sentence only where a person reads it (`bot.messages.sentences`), in
that person's language; the audit trail keeps code, parameters and the English sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: What a parameter may be; names from XAPI are kept raw here and made safe when rendered.
Param = str | int | float | bool


@dataclass(frozen=True)
class Reason:
    """One reason: `code` is a dotted lower-case word, `params` fill the sentence."""

    code: str
    params: Mapping[str, Param] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The JSON form that the database keeps."""
        return {"code": self.code, "params": dict(self.params)}

    @staticmethod
    def from_dict(data: Mapping[str, object]) -> Reason:
        """The reason kept as JSON by `as_dict`."""
        params = data.get("params")
        return Reason(str(data["code"]), dict(params) if isinstance(params, Mapping) else {})


def because(code: str, /, **params: Param) -> Reason:
    """A reason, written the way it is read: ``because("host.rebooting", host="xs-02", vms=7)``."""
    return Reason(code, params)
