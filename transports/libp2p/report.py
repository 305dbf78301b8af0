"""What a person is told about the libp2p transport."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from transports.link import TransportState, TransportStatus


@dataclass(slots=True)
class Situation:
    """What is known about the child process."""

    called: set[str]  # peer IDs that are called by configuration
    listening: bool = False
    stopped: bool = False
    fatal: str = ""  # why the child cannot work, a sentence
    remedy: str = ""
    restarts: int = 0
    addresses: tuple[str, ...] = ()
    child_counters: dict[str, int] = field(default_factory=dict)
    _told: str = ""

    def begin(self) -> None:
        """A child is being started."""
        self.listening = self.stopped = False
        self.fatal = self.remedy = ""

    def ready(self, addresses: list[str]) -> None:
        """The child listens."""
        self.listening = True
        self.addresses = tuple(addresses)
        self._told = ""

    def fail(self, sentence: str, remedy: str) -> bool:
        """The child cannot work; True if that is news."""
        self.listening = False
        self.fatal, self.remedy = sentence, remedy
        news = sentence != self._told
        self._told = sentence
        return news


def report(situation: Situation, up: AbstractSet[str], counters: Mapping[str, int]) -> TransportStatus:
    """The status; `up` holds the peer IDs whose links are up. Only a link that is up makes the transport up."""
    missing = sorted(situation.called - up)
    count = f"{len(up)} gateway{'' if len(up) == 1 else 's'} linked"
    remedy = ""
    if situation.stopped:
        state, sentence = TransportState.DOWN, "The libp2p transport is stopped."
    elif situation.fatal:
        state, sentence, remedy = TransportState.DOWN, situation.fatal, situation.remedy
    elif not situation.listening:
        state = TransportState.DEGRADED if situation.restarts else TransportState.STARTING
        sentence = f"The libp2p process is starting{' again' if situation.restarts else ''}; {count}."
    elif missing:
        state = TransportState.DEGRADED
        sentence = f"{count}; {', '.join(missing)} cannot be reached."
        remedy = "Check that the other gateway runs, that its address is right, and that it lists this gateway as a member."
    elif up:
        state, sentence = TransportState.UP, f"{count}."
    else:
        state, sentence = TransportState.STARTING, "Listening; no member has linked yet."
    return TransportStatus("libp2p", state, sentence, remedy, len(up), situation.addresses if situation.listening else (), counters)
