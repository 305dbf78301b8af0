"""Worlds in consent mode: islands with a gateway or two and phones that sign copies of what they say for the bridge."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace

from gateway.assembly.announced import shown
from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.bridge.events import Carried
from gateway.bridge.place import Place
from gateway.errors import Reason
from gateway.limits import MAX_ENVELOPE, SITE_QUEUE_BYTES
from gateway.mesh.effects import Heard, PeerLost, PeerSeen, SendFrame
from gateway.mesh.engine import Mesh
from gateway.mesh.events import Say
from gateway.mesh.identity import Identity
from gateway.mesh.records import Decided, Verb
from gateway.testing.bridging import Bridged, BridgingPhone
from gateway.testing.memo import SharedVerifier
from gateway.testing.phone import PHONE
from gateway.testing.topology import Pair
from gateway.testing.way import LinkProfile
from gateway.testing.world import World
from gateway.wire import envelope as wire
from gateway.wire.carrier import decode_carrier
from gateway.wire.envelope import Kind
from gateway.wire.nostr import decode_event
from gateway.wire.signing import verify

CELL = "u4pruy"
FAR_APART = 1_000.0  # metres between islands
NEAR = 20.0  # metres between the people of one
REACH = 100.0  # metres
AIR = LinkProfile(mtu=2_048)  # a copy in one piece, so that one frame is one copy
WIRE = LinkProfile(delay=(0.005, 0.4), mtu=MAX_ENVELOPE, buffer=SITE_QUEUE_BYTES)  # what goes round two ways arrives in any order


class Gate(GatewayEngine):
    """A gateway that keeps count of what it sends to sites and puts on the radio."""

    def __init__(self, mesh: Mesh) -> None:
        super().__init__(mesh, BridgeMode.CONSENT, Place(CELL))
        self.envelopes: Counter[Kind] = Counter()
        self.put_down: list[str] = []  # event IDs
        self.taken: list[str] = []  # event IDs
        self.given_up: defaultdict[bytes | str, set[Reason | None]] = defaultdict(set)  # why, by name
        carry, deposit = mesh.carry, self.consent.carriers.deposit

        def counting(payload, recipient, effects, now):
            self.put_down.append(decode_event(decode_carrier(payload).event).event_id)
            carry(payload, recipient, effects, now)

        def noting(depositor, payload, now, wall_ms, refuses):
            decision = deposit(depositor, payload, now, wall_ms, refuses)
            if isinstance(decision, Carried):
                self.taken.append(decision.event.event_id)
            return decision

        mesh.carry = counting
        self.consent.carriers.deposit = noting

    def handle(self, event, now):
        effects = super().handle(event, now)
        for effect in effects:
            if isinstance(effect, SendFrame) and effect.links[0].startswith("site"):
                self.envelopes[wire.decode(effect.frame).kind] += len(effect.links)
            elif isinstance(effect, Decided) and effect.verb is Verb.DROPPED:
                self.given_up[effect.subject].add(effect.reason)
        return effects


class Archipelago:
    """Islands out of each other's radio range, joined by their gateways."""

    def __init__(self, seed: int, islands: int, *, gates: int = 1, phones: int = 1, air: LinkProfile = AIR, tick: float = 0.001) -> None:
        self.world = World(seed, radius=REACH, profile=air, tick=tick, ignore=(Heard, PeerSeen, PeerLost))
        self.gates: dict[str, Gate] = {}
        self.phones: dict[str, BridgingPhone] = {}
        self.island: dict[str, int] = {}
        self._verifier = SharedVerifier(verify)
        for number in range(islands):
            for place in range(gates):
                self.add_gate(f"g{number:02}{'abc'[place]}", number, (number * FAR_APART, place * NEAR))
            for place in range(phones):
                self.add_phone(f"p{number:02}{place}", number, (number * FAR_APART + NEAR, place * NEAR))

    def link(self, pairs: Iterable[Pair], profile: LinkProfile = WIRE) -> int:
        """Join gateways; returns how many links there are."""
        pairs = list(pairs)
        self.world.connect_sites(pairs, profile)
        return len(pairs)

    def lose(self, loss: float) -> None:
        """Let links between sites lose frames from now on, without a word."""
        for ways in self.world.sites._ways.values():
            for way in ways.values():
                way.loss = loss

    def say(self, when: float, name: str, text: str) -> None:
        self.world.at(when, lambda: self.world.inject(name, Say(text)))

    def copies(self) -> dict[str, list[int]]:
        """How often each deposited text was put down on each island, islands in order."""
        islands = max(self.island.values()) + 1
        put_down = Counter((self.island[name], event_id) for name, gate in self.gates.items() for event_id in gate.put_down)
        return {text: [put_down[number, event_id] for number in range(islands)] for text, event_id in self.deposited().items()}

    def deposited(self) -> dict[str, str]:
        """The event ID of each text that a phone signed and sent to a gateway."""
        return {text: event.event_id for phone in self.phones.values() for text, event in phone.deposits.items()}

    def assert_one_copy_on_every_other_island(self, sayings: dict[str, str]) -> None:
        """Every text, by who said it, was put down once on each island but its author's, and shown there once."""
        copies = self.copies()
        assert copies.keys() == sayings.keys()
        for text, name in sayings.items():
            assert copies[text] == [number != self.island[name] for number in range(len(copies[text]))], text
        self.assert_no_duplicate()

    def assert_no_duplicate(self) -> None:
        """No island has an event twice, no phone shows one twice, nobody relays anything twice."""
        assert max((count for counts in self.copies().values() for count in counts), default=0) <= 1
        shown = Counter((notice.node, notice.effect.event_id) for notice in self._bridged())
        assert max(shown.values(), default=1) == 1
        physical = {(self.island[notice.node], notice.effect.event_id, notice.effect.packet_id) for notice in self._bridged()}
        assert len(physical) == len({(island, event) for island, event, _ in physical})
        assert self.world.traffic.repeated == []

    def envelopes(self) -> Counter[Kind]:
        """What all gateways sent to sites, by kind."""
        return sum((gate.envelopes for gate in self.gates.values()), Counter())

    def _bridged(self):
        return [notice for notice in self.world.notices if isinstance(notice.effect, Bridged)]

    def add_gate(self, name: str, number: int, position: tuple[float, float]) -> None:
        rng = self.world.rng(name)
        settings = replace(shown(name, BridgeMode.CONSENT, Place(CELL)), sync=False)
        gate = self.gates[name] = Gate(Mesh(Identity.generate(rng.randbytes), rng, settings, verify=self._verifier))
        self.island[name] = number
        self.world.add(name, gate, address=gate.mesh.identity.peer_id, position=position)

    def add_phone(self, name: str, number: int, position: tuple[float, float]) -> None:
        rng = self.world.rng(name)
        settings = replace(PHONE, nickname=name, sync=False)
        mesh = Mesh(Identity.generate(rng.randbytes), rng, settings, verify=self._verifier)
        phone = self.phones[name] = BridgingPhone(mesh, self.world.rng(f"{name}/events"))
        self.island[name] = number
        self.world.add(name, phone, address=mesh.identity.peer_id, position=position)
