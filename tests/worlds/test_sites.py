"""Islands joined by gateways: everybody hears everything once, rings stay quiet, whispers find their way."""

import pytest

from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.mesh.effects import PrivateMessage, PublicMessage
from gateway.mesh.engine import Mesh
from gateway.mesh.events import Say, Whisper
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.testing.phone import Phone, new_phone
from gateway.testing.topology import chain, ring
from gateway.testing.world import World

SEED = 11
FAR_APART = 1_000.0  # metres
NEAR = 20.0


class Federation:
    """Islands of three phones and a gateway each, out of each other's radio range."""

    def __init__(self, islands: int) -> None:
        self.world = World(SEED, radius=100.0)
        self.gateways = [f"gate{number}" for number in range(islands)]
        self.phones: dict[str, Phone] = {}
        for number, name in enumerate(self.gateways):
            rng = self.world.rng(name)
            mesh = Mesh(Identity.generate(rng.randbytes), rng, MeshSettings(nickname=name, reads_mail=False))
            engine = GatewayEngine(mesh, BridgeMode.OPEN)
            self.world.add(name, engine, address=mesh.identity.peer_id, position=(number * FAR_APART, 0.0))
            for place in range(3):
                phone = self.phones[f"p{number}{place}"] = new_phone(f"p{number}{place}", self.world.rng(f"p{number}{place}"))
                self.world.add(phone.name, phone.engine, address=phone.peer_id, position=(number * FAR_APART + NEAR * place, NEAR))

    def say_from_everybody(self, since: float) -> None:
        for index, name in enumerate(self.phones):
            self.world.at(since + index, lambda name=name: self.world.inject(name, Say(f"from {name}")))

    def assert_everybody_heard_everything_once(self) -> None:
        for name in self.phones:
            heard = sorted(message.text for message in self.world.seen(PublicMessage, name))
            assert heard == sorted(f"from {other}" for other in self.phones if other != name), name


@pytest.mark.parametrize(("islands", "shape"), [(2, chain), (3, ring), (4, chain), (5, ring)])
def test_everybody_on_every_island_hears_everything_once(islands, shape) -> None:
    federation = Federation(islands)
    federation.world.connect_sites(shape(federation.gateways))
    federation.say_from_everybody(since=40.0)
    federation.world.run_until(40.0 + len(federation.phones) + 20.0)
    federation.assert_everybody_heard_everything_once()
    assert federation.world.traffic.repeated == []


def test_what_was_said_while_two_sites_were_parted_is_heard_after_they_have_healed() -> None:
    federation = Federation(2)
    world = federation.world
    world.connect_sites(chain(federation.gateways))
    world.run_until(30.0)
    heal = world.partition(lambda _a, _b: True, world.sites)
    federation.say_from_everybody(since=35.0)
    world.run_until(60.0)
    assert not [m for m in world.seen(PublicMessage, "p00") if m.text.startswith("from p1")]
    heal()
    world.run_until(90.0)
    federation.assert_everybody_heard_everything_once()


def test_a_whisper_between_islands_is_sealed_from_phone_to_phone_and_arrives_once() -> None:
    federation = Federation(3)
    world = federation.world
    world.connect_sites(ring(federation.gateways))
    world.run_until(40.0)
    pairs = [("p00", "p10"), ("p12", "p20"), ("p21", "p01")]
    for sender, recipient in pairs:
        world.inject(sender, Whisper(federation.phones[recipient].peer_id, f"ID-{sender}", f"for {recipient}"))
    world.run_until(70.0)
    for sender, recipient in pairs:
        (message,) = world.seen(PrivateMessage, recipient)
        assert (message.sender_id, message.message_id, message.text) == (
            federation.phones[sender].peer_id,
            f"ID-{sender}",
            f"for {recipient}",
        )
    assert len(world.seen(PrivateMessage)) == len(pairs)
