"""What a gateway says on the board of its island never leaves it, whoever hears it there."""

from gateway.bridge.engine import BridgeMode
from gateway.bridge.open import OPEN_NOTICE
from gateway.errors import Reason
from gateway.mesh.events import Offer, Remember, SwitchBridge
from gateway.mesh.placard import OF_THE_ISLAND
from gateway.wire.envelope import Envelope, Kind
from gateway.wire.envelope import encode as encode_envelope
from gateway.wire.packet import packet_id, peek
from gateway.wire.types import MessageType
from tests.bridge.sites import EPOCH, Sites
from tests.mesh.nodes import Node, board, id_of

OPENED = Offer("Hut (open bridge)", 0, None, OPEN_NOTICE)
CLOSED = Offer("Hut", 0, None)


def put_up(sites: Sites, name: str) -> bytes:
    """Let a gateway put its notice up; returns the frame."""
    sites.give(name, Remember(()))
    sites.give(name, OPENED)
    return next(frame for frame in sites[name].air if frame[1] == MessageType.BOARD)


def crossed(sites: Sites) -> list[bytes]:
    return [data for _, _, data in sites.crossings if OF_THE_ISLAND in data]


def kept(sites: Sites, name: str) -> list[bytes]:
    return [one.frame for one in sites[name].engine.mesh.kept(sites.now) if one.frame[1] == MessageType.BOARD]


def test_it_does_not_cross_when_it_is_put_up_renewed_or_taken_down() -> None:
    sites = Sites("A", "B")
    sites.join("A", "B")
    put_up(sites, "A")
    sites.set_clock(EPOCH + 20 * 3600.0)
    sites.run(10)
    sites.give("A", SwitchBridge(on=False))
    sites.give("A", CLOSED)
    sites.give("A", SwitchBridge(on=True))
    assert len([frame for frame in sites["A"].air if frame[1] == MessageType.BOARD]) == 4
    assert crossed(sites) == kept(sites, "B") == []
    assert sites["A"].engine.drops[Reason.NOT_BRIDGEABLE] == 3


def test_a_site_that_comes_later_is_not_told_of_it_while_it_is_told_of_what_people_posted() -> None:
    sites = Sites("A", "B")
    put_up(sites, "A")
    ada = Node("ada", sites)
    posted = ada.packet(MessageType.BOARD, board(ada))
    sites.radio("A", ada.announce())
    sites.radio("A", posted)
    sites.join("A", "B")
    assert crossed(sites) == []
    assert list(map(id_of, kept(sites, "B"))) == [id_of(posted)]


def test_another_gateway_of_the_same_island_does_not_carry_it_either() -> None:
    sites = Sites("A", "B", "C")
    sites.near("A", "B")
    sites.join("B", "C")
    frame = put_up(sites, "A")
    sites.run(60)
    assert id_of(frame) in map(id_of, kept(sites, "B"))  # it is of that island
    assert crossed(sites) == kept(sites, "C") == []


def test_a_site_that_brings_one_all_the_same_is_refused() -> None:
    sites = Sites("A", "B")
    sites.join("A", "B")
    frame = put_up(sites, "A")
    envelope = Envelope(packet_id(frame, peek(frame)), Kind.FRAME, b"elsewher", (), EPOCH * 1000, EPOCH * 1000 + 60_000, frame)
    sites.from_site("B", "A", encode_envelope(envelope))
    assert sites["B"].engine.drops[Reason.NOT_BRIDGEABLE] == 1
    assert kept(sites, "B") == []


def test_in_consent_mode_there_is_nothing_to_cross() -> None:
    sites = Sites("A", mode=BridgeMode.CONSENT)
    sites.give("A", Remember(()))
    sites.run(3600)
    assert kept(sites, "A") == []
