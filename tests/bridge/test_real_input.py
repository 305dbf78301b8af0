"""Packets made by the phone apps cross two gateways and leave byte-identical but for the TTL."""

import pytest

from gateway.limits import REINJECT_TTL
from gateway.wire.fragment import split
from gateway.wire.packet import peek, with_ttl
from gateway.wire.signing import verify
from gateway.wire.types import MessageType
from tests.bridge.sites import Author, Sites, known_identities, vectors

IDENTITIES = known_identities()
STAYS = {MessageType.REQUEST_SYNC, MessageType.NOSTR_CARRIER}


def golden_frames() -> list[tuple[str, bytes]]:
    """Every signed golden packet whose signature holds, announces included."""
    found = []
    for group, key in (("announce", "packet_wire"), ("signing", "wire"), ("fragments", "inner_wire"), ("packet_valid", "wire")):
        for number, vector in enumerate(vectors(group)):
            wire = vector.get(key)
            if not wire or vector.get("expect") == "reject" or vector.get("expect_valid") is False:
                continue
            frame = bytes.fromhex(wire)
            header = peek(frame)
            author = IDENTITIES.get(header.sender_id.hex())
            if author is not None and header.has_signature and verify(frame, author.signing_public):
                found.append((f"{group}-{number}", frame))
    return found


GOLDEN = golden_frames()


def introduced(sites: Sites, frame: bytes) -> Author:
    """Set everybody's clock to the packet's own time and let its author, and its recipient, announce themselves."""
    header = peek(frame)
    sites.set_clock(header.timestamp_ms / 1000 + 1)
    author = Author(IDENTITIES[header.sender_id.hex()], header.timestamp_ms - 5_000)
    sites.radio("A", author.announce())
    if header.recipient_id is not None and header.recipient_id.hex() in IDENTITIES:
        sites.radio("B", Author(IDENTITIES[header.recipient_id.hex()], header.timestamp_ms - 5_000).announce())
    return author


def test_there_is_golden_input_of_every_kind_that_crosses() -> None:
    kinds = {peek(frame).type for _, frame in GOLDEN}
    assert {MessageType.ANNOUNCE, MessageType.MESSAGE, MessageType.LEAVE, MessageType.FILE, MessageType.NOISE_ENCRYPTED} <= kinds
    assert len(GOLDEN) > 30


@pytest.mark.parametrize("frame", [frame for _, frame in GOLDEN], ids=[name for name, _ in GOLDEN])
def test_a_golden_packet_leaves_the_other_island_byte_identical_but_for_the_ttl(frame: bytes) -> None:
    sites = Sites("A", "B")
    sites.join("A", "B")
    introduced(sites, frame)
    before = len(sites["B"].air)
    sites.radio("A", frame)
    header = peek(frame)
    left = [other for other in sites["B"].air[before:] if other[1] == header.type]
    if header.type in STAYS or header.is_rsr:  # an answer nobody on A asked for
        assert left == []
        return
    assert left == [with_ttl(frame, REINJECT_TTL)]
    assert verify(left[0], IDENTITIES[header.sender_id.hex()].signing_public)


@pytest.mark.parametrize("vector", [v for v in vectors("fragments") if "fragment_wires" in v and "name" in v], ids=lambda v: v["name"])
def test_golden_fragments_are_reassembled_and_verified_before_they_cross(vector: dict) -> None:
    sites = Sites("A", "B")
    sites.join("A", "B")
    frames = [bytes.fromhex(wire) for wire in vector["fragment_wires"]]
    whole = bytes.fromhex(vector["inner_wire"])
    introduced(sites, whole)
    before = len(sites["B"].air)
    for index in vector["delivery_order"]:
        assert not [frame for frame in sites["B"].air[before:] if frame[1] == MessageType.FRAGMENT]
        sites.radio("A", frames[index])
    assert [frame for frame in sites["B"].air[before:] if peek(frame).sender_id == peek(whole).sender_id] == [with_ttl(whole, REINJECT_TTL)]


def test_golden_packets_with_a_broken_signature_never_cross() -> None:
    checked = 0
    for vector in vectors("signing"):
        if vector.get("expect_valid") is not False:
            continue
        frame = bytes.fromhex(vector["wire"])
        author = IDENTITIES.get(peek(frame).sender_id.hex())
        if author is None or verify(frame, author.signing_public):  # some are only checked against somebody else's key
            continue
        checked += 1
        sites = Sites("A", "B")
        sites.join("A", "B")
        introduced(sites, frame)
        before = len(sites["B"].air)
        sites.radio("A", frame)
        assert [other for other in sites["B"].air[before:] if peek(other).sender_id == peek(frame).sender_id] == []
    assert checked >= 3


def test_a_large_packet_is_cut_again_for_the_small_mtu_of_the_other_island() -> None:
    frame = next(frame for name, frame in GOLDEN if peek(frame).type == MessageType.FILE)
    sites = Sites("A", "B")
    sites.join("A", "B")
    introduced(sites, frame)
    for piece in split(frame, fragment_id=b"12345678", limit=182):
        sites.radio("A", piece)
    assert sites["B"].heard(MessageType.FILE) == [with_ttl(frame, REINJECT_TTL)]
