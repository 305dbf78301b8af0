"""What a program decides about its links.

The names are those of the seed this project began with. What it named and Meshgate does not have is refused with
the reason: a setting that does nothing would be worse than one that is not there.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, Self

from gateway.limits import TRUNK_KEEP_S
from gateway.network.peers import LIBP2P, WEBSOCKET, listening
from transports.limits import MAX_MEMBERS


class NetworkWarning(UserWarning):
    """Something was asked for that changes nothing today."""


class Mode(StrEnum):
    """What matters most."""

    HYBRID = "hybrid"
    DIRECT = "direct"
    OFFLINE_FIRST = "offline-first"
    PERFORMANCE_FIRST = "performance-first"
    COST_AWARE = "cost-aware"


class Manners(NamedTuple):
    """What a mode means."""

    patience_s: float  # seconds until a message has failed, unless `send` says otherwise
    waits: bool  # whether a message may wait for a peer that is not linked


MANNERS: Final = {
    Mode.HYBRID: Manners(30.0, waits=True),
    Mode.DIRECT: Manners(30.0, waits=False),
    Mode.OFFLINE_FIRST: Manners(TRUNK_KEEP_S, waits=True),
    Mode.PERFORMANCE_FIRST: Manners(10.0, waits=False),
    Mode.COST_AWARE: Manners(30.0, waits=True),
}

_NOT_BUILT: Final = {
    "privacy-first": "needs BetaNet, which this version cannot carry messages of programs over",
    "anonymous": "needs BetaNet, which this version cannot carry messages of programs over",
    "mesh": "needs the radio, which carries packets of BitChat and no messages of programs",
    "battery-aware": "needs to know a battery, and a gateway has none",
    "adaptive": "would choose by what is not measured; the order of transports and their health decide",
}
_NO_TRANSPORT: Final = {
    "betanet": "is not built for messages of programs yet",
    "bitchat": "is the radio, which carries packets of phones and no messages of programs",
    "mesh": "is the radio, which carries packets of phones and no messages of programs",
    "ble": "is the radio, which carries packets of phones and no messages of programs",
    "scion": "is not built",
}
NO_TRAVERSAL: Final = (
    "enable_nat_traversal changes nothing in this version: there is no relay, no hole punching and no port mapping. A program that others "
    "are to call needs an address they can reach; one behind a NAT can call out, and is then linked in both directions."
)
TRANSPORTS: Final = (LIBP2P, WEBSOCKET)
"""Every transport there is for messages of programs, the usual first choice first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """How a program links with others.

    Raises:
        ValueError: on construction, with a sentence for whoever wrote it.

    Warns:
        NetworkWarning: NAT traversal was asked for.

    """

    mode: Mode | str = Mode.HYBRID
    transport_priority: Sequence[str] = TRANSPORTS  # the preferred one first; what is not named is not used
    enable_nat_traversal: bool = False  # True is warned about: there is none yet
    enable_encryption: bool = True  # there is nothing else
    max_peers: int = MAX_MEMBERS  # programs that may be linked, 1 to 64
    listen: Sequence[str] = ()  # /ip4/0.0.0.0/tcp/4001 for libp2p, 0.0.0.0:8443 for WebSocket; else a free port of 127.0.0.1
    metered: Sequence[str] = ()  # of transport_priority: used only while no other works; in mode cost-aware
    state_dir: Path | str | None = None  # where the key is kept; None: a new identity, forgotten at the end
    patience_s: float | None = None  # seconds until a message has failed; None: as the mode has it

    def __post_init__(self) -> None:
        mode = _mode(str(self.mode))
        object.__setattr__(self, "mode", mode)
        object.__setattr__(self, "transport_priority", tuple(self.transport_priority))
        _check_transports(self.transport_priority)
        if mode is Mode.DIRECT and self.transport_priority[0] != LIBP2P:
            raise ValueError("In mode direct libp2p comes first: put it first in transport_priority, or choose mode hybrid.")
        if not self.enable_encryption:
            raise ValueError("enable_encryption cannot be switched off: nothing is ever sent that is not encrypted.")
        if not 1 <= self.max_peers <= MAX_MEMBERS:
            raise ValueError(f"max_peers must be between 1 and {MAX_MEMBERS}, and is {self.max_peers}.")
        if self.patience_s is not None and not 0 < self.patience_s <= 3600:
            raise ValueError("patience_s must be positive and at most 3600 seconds.")
        for name in listening(self.listen).keys() - set(self.transport_priority):
            raise ValueError(f"listen has an address for {name}, which is not in transport_priority.")
        self._check_metered(mode)
        if self.enable_nat_traversal:
            warnings.warn(NO_TRAVERSAL, NetworkWarning, stacklevel=3)

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> Self:
        """Return the configuration with these settings; raises `ValueError` for a name there is not."""
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name not in known:
                raise ValueError(f"There is no setting {name!r} of a network{_meant(name, known)}.")
        return cls(**settings)  # type: ignore[arg-type]

    @property
    def manners(self) -> Manners:
        """What the mode means, with the patience that was set."""
        manners = MANNERS[Mode(self.mode)]
        return manners if self.patience_s is None else manners._replace(patience_s=self.patience_s)

    def _check_metered(self, mode: Mode) -> None:
        for name in self.metered:
            if name not in self.transport_priority:
                raise ValueError(f"metered names {name!r}, which is not in transport_priority.")
        if mode is Mode.COST_AWARE and not self.metered:
            raise ValueError('Mode cost-aware needs to be told which transports cost money, such as metered=["websocket"].')
        if mode is not Mode.COST_AWARE and self.metered:
            raise ValueError(f"metered is for mode cost-aware, and the mode is {mode}.")


def _mode(name: str) -> Mode:
    if name in _NOT_BUILT:
        raise ValueError(f"Mode {name} {_NOT_BUILT[name]}.")
    try:
        return Mode(name)
    except ValueError:
        raise ValueError(f"There is no mode {name!r}{_meant(name, [*Mode, *_NOT_BUILT])}.") from None


def _check_transports(names: Sequence[str]) -> None:
    for name in names:
        if name in _NO_TRANSPORT:
            raise ValueError(f"Transport {name} {_NO_TRANSPORT[name]}; there are {' and '.join(TRANSPORTS)}.")
        if name not in TRANSPORTS:
            raise ValueError(f"There is no transport {name!r}{_meant(name, [*TRANSPORTS, *_NO_TRANSPORT])}.")
    if len(set(names)) != len(names) or not names:
        raise ValueError("transport_priority names each transport once, and at least one.")


def _meant(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name.lower().replace("_", "-"), [str(one) for one in known], n=1) or get_close_matches(
        name.lower(), [str(one) for one in known], n=1
    )
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(map(str, known))}"
