"""What can happen to a federation, and what is to be done about it, in order."""

from dataclasses import dataclass

from gateway.wire.federation import Status


@dataclass(frozen=True, slots=True)
class Linked:
    """A link to the gateway with this key came up; the key was proved."""

    key: bytes


@dataclass(frozen=True, slots=True)
class Unlinked:
    """The link went down."""

    key: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A message about the federation came over the link."""

    key: bytes
    data: bytes


Event = Linked | Unlinked | Received


@dataclass(frozen=True, slots=True)
class Save:
    """Keep these bytes in place of the last ones, durably, before the effects behind this one."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Admit:
    """Let the gateway with this key link from now on."""

    key: bytes


@dataclass(frozen=True, slots=True)
class Expel:
    """Let it link no more, and end its link."""

    key: bytes
    why: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message about the federation over the link to a gateway."""

    key: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Dial:
    """Link to the gateway with this key, at one of these places, and show it this."""

    key: bytes
    addresses: tuple[str, ...]
    shown: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """End a link whose other end does not keep to the protocol; it may come back."""

    key: bytes
    why: str


@dataclass(frozen=True, slots=True)
class Joined:
    """We are a member by the word of this gateway."""

    key: bytes


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """It did not take our ticket, or shuts us out."""

    key: bytes
    reason: str  # a `Refusal`, unless the other end is newer


@dataclass(frozen=True, slots=True)
class HistoryAsked:
    """A member that may be told what it missed wants to be, from this time on (Unix milliseconds)."""

    key: bytes
    since_ms: int


@dataclass(frozen=True, slots=True)
class StatusAsked:
    """A member that may know how this gateway is wants to."""

    key: bytes


@dataclass(frozen=True, slots=True)
class StatusTold:
    """A member says how it is."""

    key: bytes
    status: Status


Effect = Save | Admit | Expel | Send | Dial | Close | Joined | TurnedAway | HistoryAsked | StatusAsked | StatusTold
