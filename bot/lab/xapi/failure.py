"""What XAPI says when it refuses: a code and string parameters."""

from __future__ import annotations

NULL = "OpaqueRef:NULL"


class XapiFailure(Exception):
    """A refusal on its way to the client as `ErrorDescription` (`[code, parameter, ...]`)."""

    def __init__(self, code: str, *params: str) -> None:
        super().__init__(code, *params)
        self.code = code
        self.params = list(params)

    @property
    def description(self) -> list[str]:
        """The error vector as it stands on the wire."""
        return [self.code, *self.params]


class ConnectionAborted(Exception):
    """The call ends without an answer: its host went away and the connection breaks."""
