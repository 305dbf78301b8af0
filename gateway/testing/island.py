"""An island: phones around one place where a gateway's radio can be switched on.

The island is a world whose gateway has no engine: what the air brings to it is handed to
the outside, and what the outside sends goes on the air. It is as pure as the world; the
caller owns the clock.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from gateway.mesh.effects import Heard
from gateway.mesh.events import ClockSet, MeshEvent, Say, Whisper
from gateway.testing.ether import LinkProfile
from gateway.testing.phone import Phone, join, new_phone
from gateway.testing.topology import spiral
from gateway.testing.world import UNIX_EPOCH_OFFSET, Notice, World
from transports.link import LinkEvent, LinkId

GATEWAY = "gateway"
SPACING = 30.0  # metres between neighbouring phones, about
RADIUS = 80.0  # metres a phone's radio reaches: six or seven hear the gateway, the others are hops away
MAX_LINKS = 8  # links a phone keeps (Android; iOS makes six itself)
KEPT_NOTICES = 20_000


class Island:
    """Phones and a gateway's place among them.

    Args:
        seed: decides everything random, see `World.seed`.
        names: the phones; a name is also the nickname.
        profile: how good the air is.
        offset: wall clock, ``unix seconds = now + offset``.
        make_phone: builds a phone from its name and its own generator.

    `notices` holds what the phones observed (who, what, when), newest last, and
    `listeners` are told at once.

    """

    def __init__(
        self,
        seed: int | str,
        names: Sequence[str],
        *,
        profile: LinkProfile | None = None,
        offset: float = UNIX_EPOCH_OFFSET,
        make_phone: Callable[[str, Random], Phone] = new_phone,
    ) -> None:
        self.world = World(
            seed,
            profile=profile,
            radius=RADIUS,
            max_links=MAX_LINKS,
            offset=offset,
            ignore=(Heard,),
            max_notices=KEPT_NOTICES,
            report=lambda _: None,
        )
        self.notices = self.world.notices
        self.listeners = self.world.listeners
        self.phones: dict[str, Phone] = {}
        self._gateway = self.world.add(GATEWAY, None, position=(0.0, 0.0))
        self.world.radio.detach(GATEWAY, 0.0)
        self._on = False
        for name, position in spiral(names, SPACING).items():
            phone = self.phones[name] = make_phone(name, self.world.rng(f"phone/{name}"))
            join(self.world, phone, position)

    @property
    def now(self) -> float:
        """The island's time, in seconds."""
        return self.world.now

    @property
    def unix(self) -> float:
        """Wall-clock time of the island, in seconds since 1970."""
        return self.world.now + self.world.offset

    @property
    def names_by_peer(self) -> Mapping[bytes, str]:
        """The island's own phones by peer ID."""
        return {phone.peer_id: name for name, phone in self.phones.items()}

    def set_clock(self, offset: float) -> None:
        """Set every phone's wall clock: ``unix seconds = now + offset``."""
        self.world.offset = offset
        for name in self.phones:
            self.world.inject(name, ClockSet(offset))

    def switch_on(self) -> None:
        """Put the gateway on the air; its `LinkUp` events follow. Already on: nothing happens."""
        if not self._on:
            self._on = True
            self.world.radio.attach(GATEWAY, (0.0, 0.0), self.now)

    def switch_off(self) -> None:
        """Take the gateway off the air; its `LinkDown` events follow."""
        if self._on:
            self._on = False
            self.world.radio.detach(GATEWAY, self.now)

    def advance(self, now: float) -> None:
        """Let everything happen that is due up to `now`; a time that has passed changes nothing."""
        self.world.run_until(now)

    def next_wakeup(self) -> float | None:
        """When `advance` has something to do next."""
        return self.world.next_wakeup()

    @property
    def has_gateway_events(self) -> bool:
        """Whether `take_gateway_events` has something to give."""
        return bool(self._gateway.events)

    def take_gateway_events(self) -> list[LinkEvent]:
        """What the air brought to the gateway since the last call, in order."""
        events, self._gateway.events = self._gateway.events, []
        return events

    def gateway_send(self, link: LinkId, frame: bytes, now: float) -> bool:
        """Put a frame of the gateway on the air; False means full, `Writable` will follow.

        `ValueError` for a frame larger than the link's MTU.
        """
        self.advance(now)
        return self.world.send(GATEWAY, link, frame)

    def gateway_close(self, link: LinkId, why: str, now: float) -> None:
        """Give up one of the gateway's links; its `LinkDown` follows."""
        self.advance(now)
        if self._on:
            self.world.radio.close(GATEWAY, link, self.now, why)

    def at(self, when: float, what: Callable[[], object]) -> None:
        """Call `what` at that time of the island."""
        self.world.at(when, what)

    def command(self, phone: str, event: MeshEvent) -> None:
        """Have a person use a phone now."""
        self.world.inject(phone, event)

    def say(self, phone: str, text: str) -> None:
        """Let a phone send a public message."""
        self.command(phone, Say(text))

    def whisper(self, phone: str, recipient: bytes, message_id: str, text: str) -> None:
        """Let a phone send a private message to the peer with that ID."""
        self.command(phone, Whisper(recipient, message_id, text))

    def heard(self, phone: str) -> list[Notice]:
        """What one phone observed, of what is still kept."""
        return [notice for notice in self.notices if notice.node == phone]
