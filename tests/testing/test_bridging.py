"""The phones that sign copies for the bridge sign what an iPhone would, and believe no more than it."""

from random import Random

import pytest

from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.testing.bridging import Author, Bridged, BridgingPhone, carrier
from gateway.wire.carrier import Direction
from gateway.wire.nostr_signing import is_authentic
from gateway.wire.packet import Packet, encode
from gateway.wire.types import BROADCAST, MessageType
from tests.wire.vectors import load
from transports.link import Capability, FrameReceived, LinkId, LinkUp

VECTORS = load("bridge")
SEED = bytes.fromhex(next(vector["device_seed"] for vector in VECTORS if vector["kind"] == "derived_nostr_key"))
COPIES = [vector for vector in VECTORS if vector.get("direction") in ("toBridge", "fromBridge")]
LINK = LinkId("radio:gate")
CELL = "u4pruy"


@pytest.mark.parametrize("vector", COPIES, ids=lambda vector: vector["direction"])
def test_a_copy_is_the_event_an_iphone_makes_of_the_same_message(vector: dict) -> None:
    stated = vector["event"]
    _, _, sender, time = stated["tags"][2]
    event = Author(SEED, "alice").message(vector["geohash"], bytes.fromhex(sender), int(time), stated["content"], bytes(32))
    assert event.event_id == stated["id"]
    assert is_authentic(event)


def hearing(direction: Direction, recipient: bytes | None = None, *, forged: bool = False) -> list[Bridged]:
    """What a phone shows of one copy that a gateway put on the radio."""
    rng = Random(1)
    phone = BridgingPhone(Mesh(Identity.generate(rng.randbytes), rng, MeshSettings()), rng)
    phone.handle(ClockSet(1_800_000_000.0), 0.0)
    phone.handle(LinkUp(LINK, 2_048, Capability.LOCAL), 0.0)
    event = Author(bytes(32), "far").message(CELL, b"far away", 1_800_000_000_000, "hello", bytes(32))
    payload = carrier(direction, CELL, event)
    if forged:
        payload = payload.replace(b'"hello"', b'"jello"')
    packet = Packet(
        type=MessageType.NOSTR_CARRIER,
        ttl=7,
        timestamp_ms=1_800_000_000_000,
        sender_id=b"the gate",
        payload=payload,
        recipient_id=recipient,
    )
    return [effect for effect in phone.handle(FrameReceived(LINK, encode(packet)), 0.1) if isinstance(effect, Bridged)]


def test_a_copy_is_shown() -> None:
    (shown,) = hearing(Direction.FROM_BRIDGE)
    assert (shown.text, shown.gateway, shown.is_new) == ("hello", b"the gate", True)


def test_a_deposit_a_forgery_and_a_copy_with_a_recipient_are_not() -> None:
    assert hearing(Direction.TO_BRIDGE) == []
    assert hearing(Direction.FROM_BRIDGE, forged=True) == []
    assert hearing(Direction.FROM_BRIDGE, BROADCAST) == []
