"""What XAPI, or the way to it, said.

    XenError
    ├── Unreachable      nobody answered, or not in time (transient)
    ├── SessionLost      our session is gone, as after every coordinator restart (transient)
    ├── NotCoordinator   we asked a member; `address` is the coordinator's (transient: the gateway looks there)
    ├── Busy             something else is going on right now (transient)
    ├── LoginRefused     wrong name or password, or no role at all
    ├── TlsRefused       the certificate is not the one we trust
    ├── RoleMissing      the account may not do that; `permission` names what
    ├── HandleGone       the object no longer exists
    └── Refused          no, until a person changes something
        ├── PoolClaimed  another installation's rollout holds the pool; `owner` names it
        └── HostNotEmpty a host to be rebooted still has VMs

`code` and `params` are XAPI's own words (untrusted text, references already replaced by names where we know them);
codes that begin with ``XSBOT_`` are ours. `transient` says whether looking again later may help by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from bot.errors import XsbotError
from bot.xen.codes import CODES, Kind, Meaning

#: The code for "the host has the question but does not answer in time", unlike not reaching it at all.
TIMEOUT = "XSBOT_TIMEOUT"
#: Longer parameters are cut in sentences; the full text stays in `params`.
_LONGEST = 200
_NO_NAMES: Mapping[str, str] = {}


class XenError(XsbotError):
    """XAPI refused, failed or could not be asked."""

    is_transient: ClassVar[bool] = False

    def __init__(self, sentence: str, hint: str = "", *, code: str, params: Sequence[str] = ()) -> None:
        super().__init__(sentence, hint)
        self.code = code
        self.params = tuple(params)

    @property
    def transient(self) -> bool:
        """Whether it may pass by itself, so that looking again later makes sense."""
        return self.is_transient

    @property
    def details(self) -> tuple[str, ...]:
        """Code and parameters in one row, as XAPI sends them and as an intent keeps them."""
        return (self.code, *self.params)


class Unreachable(XenError):
    """Nobody answered, or not in time. Whether an effect happened is unknown: look again."""

    is_transient = True


class SessionLost(XenError):
    """The session is no longer known; XAPI notices before it carries anything out."""

    is_transient = True


class Busy(XenError):
    """Something else is going on that ends by itself."""

    is_transient = True


class NotCoordinator(XenError):
    """We asked a member of the pool."""

    is_transient = True

    @property
    def address(self) -> str:
        """Where the coordinator is, without a port."""
        return self.params[0] if self.params else ""


class LoginRefused(XenError):
    """The account is not let in."""


class TlsRefused(XenError):
    """The host's certificate is not the one we trust."""


class RoleMissing(XenError):
    """The account's role does not allow the call."""

    @property
    def permission(self) -> str:
        """The permission that is missing, in XAPI's lower-case spelling."""
        return self.params[0] if self.params else ""


class HandleGone(XenError):
    """The object no longer exists, or it is a task that a restart of the coordinator wiped out."""


class Refused(XenError):
    """XAPI will keep saying no until a person changes something."""


class PoolClaimed(Refused):
    """Another rollout, perhaps of another installation, holds the pool."""

    def __init__(self, owner: str) -> None:
        super().__init__(
            f"The pool is held by another rollout: {plain(owner)}.",
            "Let that rollout end or abort it. If it no longer exists, remove the key xsbot:rollout from the pool's "
            "other_config.",
            code="XSBOT_POOL_CLAIMED",
            params=(owner,),
        )

    @property
    def owner(self) -> str:
        """What the other one wrote into the pool."""
        return self.params[0]


class HostNotEmpty(Refused):
    """A host that was to be rebooted still runs VMs; XAPI would shut them down."""

    def __init__(self, host: str, vms: Sequence[str]) -> None:
        super().__init__(
            f"{plain(host)} is not rebooted, because {len(vms)} VM(s) still run there: {plain(', '.join(vms))}.",
            "Move these VMs away or stop them, then retry.",
            code="XSBOT_HOST_NOT_EMPTY",
            params=(host, *vms),
        )


_CLASSES: Mapping[Kind, type[XenError]] = {
    Kind.UNREACHABLE: Unreachable,
    Kind.SESSION_LOST: SessionLost,
    Kind.NOT_COORDINATOR: NotCoordinator,
    Kind.BUSY: Busy,
    Kind.LOGIN_REFUSED: LoginRefused,
    Kind.TLS_REFUSED: TlsRefused,
    Kind.ROLE_MISSING: RoleMissing,
    Kind.GONE: HandleGone,
    Kind.REFUSED: Refused,
}


def plain(text: str) -> str:
    """Untrusted text made fit for one line: no control characters, no line breaks, not endless."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def translate(details: Sequence[str], names: Mapping[str, str] = _NO_NAMES) -> XenError:
    """The error behind XAPI's ``ErrorDescription`` (code, then parameters).

    `names` gives names for references, because nobody can read an OpaqueRef. Never raises: a code that is not in
    the table becomes a `Refused` that names it (or `Busy` where the code itself says that something is in progress).
    """
    code = plain(str(details[0])) if details else "INTERNAL_ERROR"
    params = tuple(_named(str(param), names) for param in details[1:])
    # Storage drivers number their failures: SR_BACKEND_FAILURE_46 and so on.
    known = "SR_BACKEND_FAILURE" if code.startswith("SR_BACKEND_FAILURE_") else code
    meaning = CODES.get(known) or _unknown(code)
    shown = [plain(param) or "?" for param in params]
    filler = ["?"] * 6
    sentence = meaning.sentence.format(*shown, *filler, code=code, all=", ".join(shown) or "no details")
    return _CLASSES[meaning.kind](sentence, meaning.hint, code=code, params=params)


def unreachable(where: str, why: str, *, timed_out: bool = False) -> Unreachable:
    """The error for an address that does not answer (properly)."""
    if timed_out:
        return Unreachable(
            f"{where} did not answer in time.",
            "The host may be busy or starting; it is asked again.",
            code=TIMEOUT,
            params=(where,),
        )
    return Unreachable(
        f"{where} cannot be reached: {plain(why)}.",
        "Check that the host is up and that the network and firewall allow HTTPS to it.",
        code="XSBOT_UNREACHABLE",
        params=(where, plain(why)),
    )


def _named(param: str, names: Mapping[str, str]) -> str:
    return names.get(param, param)


def _unknown(code: str) -> Meaning:
    if code.endswith("_IN_PROGRESS"):
        return Meaning(Kind.BUSY, "XAPI is busy with something else ({code}).", "Wait until it has ended.")
    return Meaning(
        Kind.REFUSED,
        "XAPI refused with {code} ({all}).",
        "Look the code up in the XenServer documentation, or see the log of the coordinator.",
    )
