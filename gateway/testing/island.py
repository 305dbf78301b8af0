"""An island: phones around a place where a gateway's radio can be switched on.

The island is a world whose gateway has no engine: what the air brings to it is handed to
the outside, and what the outside sends goes on the air. It is as pure as the world; the
caller owns the clock.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from gateway.mesh.effects import Heard
from gateway.mesh.events import ClockSet, MeshEvent, Say, Whisper
from gateway.testing.node import Notice
from gateway.testing.phone import Phone, join, new_phone
from gateway.testing.topology import spiral
from gateway.testing.way import LinkProfile
from gateway.testing.world import UNIX_EPOCH_OFFSET, World
from transports.link import LinkEvent, LinkId

GATEWAY = "gateway"
SPACING = 30.0  # metres between neighbouring phones, about
RADIUS = 80.0  # metres a phone's radio reaches: six or seven hear the gateway, the others are hops away
MAX_LINKS = 8  # links a phone keeps with other phones (Android; iOS makes six itself)
KEPT_NOTICES = 20_000


class Island:
    """Phones and a gateway's place among them.

    Args:
        seed: decides everything random, see `World.seed`.
        names: the phones; a name is also the nickname.
        profile: how good the air is.
        offset: wall clock, ``unix seconds = now + offset``.
        make_phone: builds a phone from its name and its own generator.
        places: where gateways can be; several when an island is joined twice. Gateways hear each other too.

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
        places: Sequence[str] = (GATEWAY,),
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
        self._places = {place: (10.0 * n, 0.0) for n, place in enumerate(places)}
        self._on: set[str] = set()
        for place in self._places:
            self.world.add(place, None)
            self.world.radio.detach(place, 0.0)
        for name in names:
            self.phones[name] = make_phone(name, self.world.rng(f"phone/{name}"))
            join(self.world, self.phones[name])
        self.world.radio.place(spiral(names, SPACING), self.now)

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

    def switch_on(self, place: str = GATEWAY) -> None:
        """Put a gateway on the air; its `LinkUp` events follow. Already on: nothing happens."""
        if place not in self._on:
            self._on.add(place)
            self.world.radio.attach(place, self._places[place], self.now, hub=True)

    def switch_off(self, place: str = GATEWAY) -> None:
        """Take a gateway off the air; its `LinkDown` events follow."""
        if place in self._on:
            self._on.discard(place)
            self.world.radio.detach(place, self.now)

    def advance(self, now: float) -> None:
        """Let everything happen that is due up to `now`; a time that has passed changes nothing."""
        self.world.run_until(now)

    def next_wakeup(self) -> float | None:
        """When `advance` has something to do next."""
        return self.world.next_wakeup()

    @property
    def has_gateway_events(self) -> bool:
        """Whether there is something to take at any place."""
        return any(self.world.nodes[place].events for place in self._places)

    def take_gateway_events(self, place: str = GATEWAY) -> list[LinkEvent]:
        """What the air brought to a gateway since the last call, in order."""
        node = self.world.nodes[place]
        events, node.events = node.events, []
        return events

    def gateway_send(self, link: LinkId, frame: bytes, now: float, place: str = GATEWAY) -> bool:
        """Put a frame of a gateway on the air.

        Returns:
            False if the link is full (a `Writable` follows) or not up (nothing follows).

        Raises:
            ValueError: the frame is larger than the link's MTU.

        """
        self.advance(now)
        return self.world.send(place, link, frame)

    def gateway_close(self, link: LinkId, why: str, now: float, place: str = GATEWAY) -> None:
        """Give up one of a gateway's links; its `LinkDown` follows."""
        self.advance(now)
        if place in self._on:
            self.world.radio.close(place, link, self.now, why)

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
