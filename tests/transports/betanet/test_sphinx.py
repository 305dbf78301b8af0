from dataclasses import replace
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transports.betanet.vectors import load, unhex
from transports import limits
from transports.betanet import packets
from transports.betanet.errors import BetanetError, Fault
from transports.betanet.lioness import Lioness
from transports.betanet.packets import (
    PAYLOAD_BYTES,
    Delivered,
    Forward,
    MixHop,
    Returned,
    build_packet,
    pack_message,
    packet_bytes,
    unpack_message,
)
from transports.betanet.replies import BLOCK_BYTES, ReplyBook, answer, decode_reply_block, encode_reply_block, make_reply_block
from transports.betanet.sphinx import HEADER_BYTES, Commands, Hop, _encode_commands, build_header, fill_bytes, open_header

HEADERS = load("sphinx_header_katzenpost")
PROFILE = load("sphinx_profile_lioness")
HOME = b"H" * 32


def public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def commands_of(texts: list[str]) -> Commands:
    """Commands as the vectors write them, one string each."""
    found = {text[:2]: unhex(text[2:]) for text in texts}
    delay = found.get("80")
    return Commands(None if delay is None else int.from_bytes(delay), found.get("02"), found.get("03"))


@pytest.mark.parametrize("vector", HEADERS["vectors"], ids=lambda vector: f"{len(vector['path'])} hops")
def test_headers_are_opened_hop_by_hop_as_in_the_vectors(vector: dict[str, Any]) -> None:
    headers = [unhex(header) for header in vector["headers_on_arrival"]]
    for number, (node, hop) in enumerate(zip(vector["nodes"], vector["path"], strict=True)):
        assert public(unhex(node["x25519_priv"])).hex() == hop["x25519_pub"]
        step = open_header(headers[number], unhex(node["x25519_priv"]))
        assert "".join(hop["commands"]) == _encode_commands(step.commands).hex()
        if number + 1 < len(headers):
            assert step.following == headers[number + 1]
            assert (step.next_hop or b"").hex() == vector["path"][number + 1]["id"]
        else:
            assert (step.following, step.next_hop) == (None, None)


def test_the_geometry_is_that_of_the_vectors() -> None:
    geometry = HEADERS["geometry"]
    assert (geometry["header"], geometry["hops_max"]) == (HEADER_BYTES, limits.MIX_HOPS)
    assert fill_bytes(0) == geometry["routing_info"]
    assert fill_bytes(4) == geometry["per_hop"]


def test_a_whole_packet_is_built_and_opened_as_in_the_profile() -> None:
    privates = [unhex(private) for private in PROFILE["node_priv"]]
    nodes = [unhex(node) for node in PROFILE["node_ids"]]
    path = [
        Hop(node, public(private), commands_of([commands]))
        for node, private, commands in zip(nodes, privates, PROFILE["commands"], strict=True)
    ]
    message = unhex(PROFILE["message"])
    made = build_packet(path, message, ephemeral=unhex(PROFILE["ephemeral"]), fill=unhex(PROFILE["fill"]), payload=PROFILE["payload_size"])
    assert made.hex() == PROFILE["packets"][0]
    assert len(made) == PROFILE["packet_len"] == packet_bytes(PROFILE["payload_size"])
    hops = [MixHop(private, payload=PROFILE["payload_size"]) for private in privates]
    for number in (0, 1):
        outcome = hops[number].take(unhex(PROFILE["packets"][number]))
        assert outcome == Forward(nodes[number + 1], unhex(PROFILE["packets"][number + 1]), path[number].commands.delay_ms / 1000)
    assert hops[2].take(unhex(PROFILE["packets"][2])) == Delivered(path[2].commands.recipient, message)


class Route:
    """Hops with keys drawn from a seed, and packets over them."""

    def __init__(self, count: int, seed: int, **last: Any) -> None:
        self.rng = Random(seed)
        self.hops = [MixHop(private) for private in self.privates(count)]
        told = [Commands(delay_ms=30 + number) for number in range(count - 1)] + [Commands(recipient=HOME, **last)]
        self.path = [Hop(public(hop._private), public(hop._private), commands) for hop, commands in zip(self.hops, told, strict=True)]
        self.by_node = {hop.node: mix for hop, mix in zip(self.path, self.hops, strict=True)}

    def privates(self, count: int) -> list[bytes]:
        return [self.rng.randbytes(32) for _ in range(count)]

    @property
    def fresh(self) -> dict[str, bytes]:
        return {"ephemeral": self.rng.randbytes(32), "fill": self.rng.randbytes(fill_bytes(len(self.path)))}

    def packet(self, message: bytes) -> bytes:
        return build_packet(self.path, message, **self.fresh)

    def walk(self, packet: bytes, node: bytes) -> tuple[Any, list[bytes]]:
        seen = [packet]
        outcome: Any = self.by_node[node].take(packet)
        while isinstance(outcome, Forward):
            seen.append(outcome.packet)
            outcome = self.by_node[outcome.next_hop].take(outcome.packet)
        return outcome, seen


def fault_of(call: Any, *args: Any, **kwargs: Any) -> Fault:
    with pytest.raises(BetanetError) as caught:
        call(*args, **kwargs)
    return caught.value.fault


@settings(max_examples=25)
@given(st.integers(1, 5), st.binary(max_size=PAYLOAD_BYTES - 4), st.integers(0, 1 << 32))
def test_8_8_a_message_arrives_and_every_hop_sees_a_packet_of_the_same_length(count: int, message: bytes, seed: int) -> None:
    route = Route(count, seed)
    outcome, seen = route.walk(route.packet(message), route.path[0].node)
    assert outcome == Delivered(HOME, message)
    assert {len(packet) for packet in seen} == {packet_bytes()} == {2_556}
    assert len(seen) == count


def test_what_one_hop_sees_has_nothing_in_common_with_what_the_next_sees() -> None:
    route = Route(5, 1)
    _, seen = route.walk(route.packet(bytes(1_000)), route.path[0].node)
    pieces = [{packet[at : at + 8] for at in range(2, len(packet), 8)} for packet in seen]
    for number, one in enumerate(pieces):
        for other in pieces[number + 1 :]:
            assert not one & other


def test_8_8_a_packet_that_comes_again_is_dropped() -> None:
    route = Route(3, 2)
    packet = route.packet(b"once")
    route.walk(packet, route.path[0].node)
    assert fault_of(route.hops[0].take, packet) is Fault.REPLAY
    other_payload = packet[:HEADER_BYTES] + bytes(len(packet) - HEADER_BYTES)
    assert fault_of(route.hops[0].take, other_payload) is Fault.REPLAY
    assert (route.hops[0].taken, route.hops[0].dropped) == (1, 2)


def test_8_8_a_packet_with_a_wrong_mac_is_dropped_before_its_payload_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    touched: list[bytes] = []
    route = Route(3, 3)
    packet = bytearray(route.packet(b"message"))
    monkeypatch.setattr(packets, "Lioness", touched.append)
    for at in (2, 33, 34, 200, 443, 444, 475):
        packet[at] ^= 1
        assert fault_of(route.hops[0].take, bytes(packet)) is Fault.AUTH_FAILED
        packet[at] ^= 1
    assert touched == []
    monkeypatch.undo()
    assert isinstance(route.hops[0].take(bytes(packet)), Forward)


def test_8_8_a_payload_changed_on_the_way_does_not_show_zeros_at_the_last_hop() -> None:
    for hop in range(3):
        route = Route(3, 4)
        packet = route.packet(b"message")
        for number in range(3):
            if number == hop:
                packet = packet[:-1] + bytes((packet[-1] ^ 1,))
            if number < 2:
                outcome = route.hops[number].take(packet)
                assert isinstance(outcome, Forward)
                packet = outcome.packet
        assert fault_of(route.hops[2].take, packet) is Fault.AUTH_FAILED


def test_8_11_a_packet_or_header_cut_at_any_byte_is_dropped() -> None:
    route = Route(2, 5)
    packet = route.packet(b"message")
    for size in range(len(packet)):
        assert fault_of(route.hops[0].take, packet[:size]) is Fault.MALFORMED_FRAME
    for size in range(HEADER_BYTES):
        assert fault_of(open_header, packet[:size], route.hops[0]._private) is Fault.MALFORMED_FRAME
    assert fault_of(route.hops[0].take, packet + b"x") is Fault.MALFORMED_FRAME
    assert fault_of(route.hops[0].take, b"\1" + packet[1:]) is Fault.MALFORMED_FRAME


def test_a_group_element_of_small_order_is_dropped() -> None:
    route = Route(1, 6)
    packet = route.packet(b"message")
    assert fault_of(route.hops[0].take, packet[:2] + bytes(32) + packet[34:]) is Fault.AUTH_FAILED


def test_once_a_hop_can_remember_no_more_it_drops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MIX_TAGS", 2)
    route = Route(1, 7)
    for _ in range(2):
        route.hops[0].take(route.packet(b""))
    assert route.hops[0].full
    assert fault_of(route.hops[0].take, route.packet(b"")) is Fault.POLICY_REJECTED


def test_a_delay_over_the_cap_is_refused() -> None:
    route = Route(2, 8)
    route.path[0] = replace(route.path[0], commands=Commands(delay_ms=limits.MIX_DELAY_MS + 1))
    assert fault_of(route.hops[0].take, route.packet(b"")) is Fault.POLICY_REJECTED


def test_a_last_hop_without_a_recipient_and_a_recipient_before_it_are_refused() -> None:
    route = Route(2, 9)
    route.path[1] = replace(route.path[1], commands=Commands())
    packet = route.hops[0].take(route.packet(b""))
    assert isinstance(packet, Forward)
    assert fault_of(route.hops[1].take, packet.packet) is Fault.MALFORMED_FRAME
    route.path[0] = replace(route.path[0], commands=Commands(recipient=HOME))
    with pytest.raises(ValueError, match="room"):
        route.packet(b"")


@pytest.mark.parametrize("commands", ["04", "0200", "8000000001" + "8000000001", "00" * 81 + "01", "0300"])
def test_commands_that_cannot_be_are_refused(commands: str, monkeypatch: pytest.MonkeyPatch) -> None:
    route = Route(1, 10)
    monkeypatch.setattr("transports.betanet.sphinx._encode_commands", lambda _: unhex(commands).ljust(82, b"\7"))
    packet = route.packet(b"")
    assert fault_of(route.hops[0].take, packet) is Fault.MALFORMED_FRAME


def test_a_path_of_another_length_or_fill_is_not_built() -> None:
    route = Route(5, 11)
    for path, fill in (([], 410), (route.path * 2, 0), (route.path, 1)):
        with pytest.raises(ValueError, match="fill"):
            build_header(path, ephemeral=b"e" * 32, fill=bytes(fill))
    with pytest.raises(ValueError, match="fit"):
        route.packet(bytes(PAYLOAD_BYTES - 3))
    assert fault_of(build_header, [replace(route.path[0], public=bytes(32))], ephemeral=b"e" * 32, fill=bytes(328)) is Fault.AUTH_FAILED


@pytest.mark.parametrize("payload", [b"\1" + bytes(2_079), bytes(32) + b"\0\0\x08\x00" + bytes(2_044), bytes(37) + b"x" + bytes(2_042)])
def test_a_payload_that_is_no_message_is_refused(payload: bytes) -> None:
    assert fault_of(unpack_message, payload) in (Fault.AUTH_FAILED, Fault.MALFORMED_FRAME)


@settings(max_examples=50)
@given(st.binary(min_size=48, max_size=48), st.binary(min_size=33, max_size=300))
def test_lioness_opens_what_it_sealed_and_one_bit_changes_everything(key: bytes, payload: bytes) -> None:
    cipher = Lioness(key)
    sealed = cipher.seal(payload)
    assert cipher.open(sealed) == payload
    assert len(sealed) == len(payload)
    broken = cipher.open(sealed[:-1] + bytes((sealed[-1] ^ 1,)))
    assert broken[:32] != payload[:32]


def reply_to(route: Route, book: ReplyBook, now: float = 0.0) -> bytes:
    reply_id = route.rng.randbytes(16)
    block, keys = make_reply_block(route.path, reply_id, key=route.rng.randbytes(48), **route.fresh)
    book.remember(reply_id, keys, now)
    return encode_reply_block(block)


@pytest.mark.parametrize("count", range(1, 6))
def test_an_answer_finds_its_way_home(count: int) -> None:
    route, book = Route(count, 20 + count), ReplyBook()
    data = reply_to(route, book)
    assert len(data) == BLOCK_BYTES == 556
    block = decode_reply_block(data)
    packet = answer(block, b"the answer")
    assert len(packet) == packet_bytes()
    outcome, seen = route.walk(packet, block.first_hop)
    assert isinstance(outcome, Returned)
    assert outcome.recipient == HOME
    assert book.read(outcome.reply_id, outcome.payload, 1.0) == b"the answer"
    assert len(seen) == count


def test_a_reply_block_is_used_once_by_its_maker_and_by_every_hop() -> None:
    route, book = Route(3, 30), ReplyBook()
    block = decode_reply_block(reply_to(route, book))
    outcome, _ = route.walk(answer(block, b"one"), block.first_hop)
    assert isinstance(outcome, Returned)
    assert fault_of(route.hops[0].take, answer(block, b"two")) is Fault.REPLAY
    book.read(outcome.reply_id, outcome.payload, 1.0)
    assert fault_of(book.read, outcome.reply_id, outcome.payload, 1.0) is Fault.REPLAY


def test_a_changed_answer_uses_the_block_up_and_is_refused() -> None:
    route, book = Route(3, 31), ReplyBook()
    block = decode_reply_block(reply_to(route, book))
    packet = answer(block, b"one")
    outcome, _ = route.walk(packet[:-1] + bytes((packet[-1] ^ 1,)), block.first_hop)
    assert isinstance(outcome, Returned)
    assert fault_of(book.read, outcome.reply_id, outcome.payload, 1.0) is Fault.AUTH_FAILED
    assert len(book) == 0


def test_a_reply_block_grows_too_old_and_the_oldest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    route, book = Route(1, 32), ReplyBook()
    block = decode_reply_block(reply_to(route, book))
    outcome, _ = route.walk(answer(block, b"late"), block.first_hop)
    assert isinstance(outcome, Returned)
    assert fault_of(book.read, outcome.reply_id, outcome.payload, limits.MIX_REPLY_S) is Fault.REPLAY
    monkeypatch.setattr(limits, "MIX_REPLIES", 3)
    for _ in range(10):
        reply_to(route, book)
    assert len(book) == 3


def test_a_reply_block_of_another_length_is_refused() -> None:
    route = Route(1, 33)
    data = reply_to(route, ReplyBook())
    for size in (*range(0, len(data), 7), len(data) + 1):
        assert fault_of(decode_reply_block, (data + b"x")[:size]) is Fault.MALFORMED_FRAME
    with pytest.raises(ValueError, match="48"):
        make_reply_block(route.path, bytes(16), key=bytes(47), **route.fresh)
    with pytest.raises(ValueError, match="size"):
        make_reply_block(route.path, bytes(15), key=bytes(48), **route.fresh)


def test_messages_are_packed_to_one_length() -> None:
    assert {len(pack_message(bytes(size))) for size in (0, 1, PAYLOAD_BYTES - 4)} == {PAYLOAD_BYTES + 32}
    assert unpack_message(pack_message(b"hello")) == b"hello"
