from contextlib import suppress

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transports.libp2p_world import Side, World
from transports.libp2p.blob import decode_blob, encode_ack, encode_batch_head, encode_bye, encode_frames, encode_ready
from transports.libp2p.effects import Drop, Effect, Write
from transports.libp2p.framing import Deframer, GarbageError, framed
from transports.limits import (
    ACK_BATCHES,
    BATCH_BYTES,
    HANDSHAKE_TIMEOUT_S,
    KEEPALIVE_S,
    MAX_BATCH_FRAMES,
    MAX_BLOB,
    MAX_LINK_FRAME,
    SILENCE_S,
    STREAM_CREDIT,
    STREAM_WRITE,
)

WHOLE = 1 << 30


def settled() -> tuple[World, Side, Side]:
    world = World()
    world.settle()
    return world, world.sides[0], world.sides[1]


def drops(effects: list[Effect]) -> list[str]:
    return [effect.why for effect in effects if isinstance(effect, Drop)]


def test_the_opener_is_up_after_the_welcome_and_the_acceptor_after_the_ready() -> None:
    world = World()
    opener, acceptor = world.sides
    world.open()
    world.carry(0, WHOLE)
    assert (opener.events, acceptor.events) == ([], [])
    world.carry(1, WHOLE)
    assert (opener.events, acceptor.events) == (["up"], [])
    world.carry(0, WHOLE)
    assert (opener.events, acceptor.events) == (["up"], ["up"])


def test_frames_accepted_before_a_lost_ready_still_arrive() -> None:
    world = World()
    opener, acceptor = world.sides
    world.open()
    world.carry(0, WHOLE)
    world.carry(1, WHOLE)
    assert opener.send(b"trusting")
    world.flush(0)
    world.cut()
    world.settle()
    assert (opener.events, acceptor.events) == (["up"], ["up"])
    assert acceptor.arrived == [b"trusting"]


def test_a_session_that_ended_in_mid_greeting_is_not_revived() -> None:
    world, opener, acceptor = settled()
    acceptor.send(b"lost with the session")
    world.cut()
    world.now += 15
    world.open()
    world.carry(0, WHOLE)
    world.carry(1, WHOLE)
    world.cut()
    world.heed(1, acceptor.member.tick(world.now + 6))
    assert acceptor.events == ["up", "down"]
    world.settle()
    assert (opener.events, acceptor.events) == (["up", "down", "up"], ["up", "down", "up"])
    assert opener.arrived == []


def test_an_idle_stream_gets_a_frame_at_once_and_a_busy_one_a_batch() -> None:
    world, opener, _ = settled()
    opener.send(b"first")
    first = opener.member.flush(world.now)
    assert len(first) == 1
    for _ in range(20):
        opener.send(b"while a write is in flight")
    assert opener.member.flush(world.now) == []
    assert isinstance(first[0], Write)
    world.heed(0, first)
    later = opener.member.written(first[0].stream, len(first[0].data), world.now)
    assert len(later) == 1
    assert opener.count.batches_out == 2


def test_full_batches_do_not_wait_but_the_credit_is_kept() -> None:
    world, opener, _ = settled()
    while opener.send(bytes(1_000)):
        pass
    sizes = [len(effect.data) for effect in opener.member.flush(world.now) if isinstance(effect, Write)]
    assert sum(sizes[:-1]) < STREAM_CREDIT <= sum(sizes)
    assert all(BATCH_BYTES * 0.9 < size <= STREAM_WRITE for size in sizes)


def test_acknowledgements_wait_for_company_but_not_for_ever() -> None:
    world, opener, acceptor = settled()
    for number in range(ACK_BATCHES):
        assert acceptor.count.batches_in == number
        assert acceptor.count.batches_out == 0
        opener.send(b"frame")
        world.flush(0)
        world.carry(0, WHOLE)
        world.confirm(0)
        assert acceptor.member.owes_ack == (number < ACK_BATCHES - 1)


def test_silence_ends_a_stream_and_keepalives_prevent_it() -> None:
    world, opener, acceptor = settled()
    for _ in range(10):
        world.tick(KEEPALIVE_S / 2)
        for index in (0, 1):
            world.carry(index, WHOLE)
            world.confirm(index)
    assert world.stream is not None
    assert "fallen silent" in drops(opener.member.tick(world.now + SILENCE_S))[0]
    assert not opener.member.is_live
    assert acceptor.member.is_live


@pytest.mark.parametrize("index", [0, 1])
def test_a_stream_that_does_not_answer_is_dropped(index: int) -> None:
    world = World()
    world.open()
    member = world.sides[index].member
    assert drops(member.tick(world.now + HANDSHAKE_TIMEOUT_S - 0.1)) == []
    assert drops(member.tick(world.now + HANDSHAKE_TIMEOUT_S)) == ["the member did not answer in time"]


def test_a_newer_stream_takes_the_place_of_the_older() -> None:
    world, opener, acceptor = settled()
    opener.send(b"on the old stream")
    world.flush(0)
    effects = acceptor.member.opened(99, world.now)
    assert drops(effects) == ["a newer stream took its place"]
    assert acceptor.member.is_up
    world.settle()
    world.open()
    world.settle()
    assert acceptor.arrived == [b"on the old stream"]
    assert acceptor.events == ["up"]


def test_closing_says_so_to_the_other_end_and_drops_what_was_held() -> None:
    world, opener, _ = settled()
    opener.send(b"held")
    world.heed(0, opener.member.close("the operator wants it", world.now))
    assert opener.events == ["up", "down"]
    assert opener.count.lost == 1
    assert not opener.send(b"frame")


def test_a_farewell_ends_the_link_at_once_not_after_the_grace() -> None:
    world, _, acceptor = settled()
    effects = acceptor.member.feed(world.stream or 0, framed(encode_bye("good night")), world.now)
    world.heed(1, effects)
    assert acceptor.events == ["up", "down"]
    assert drops(effects)


nonsense = {
    "an unknown kind": b"\x7fwhat",
    "a batch cut short": b"\x04\x00",
    "a batch that is no msgpack": encode_batch_head(0, 0) + b"\xc1",
    "a batch that is no list": encode_batch_head(0, 0) + msgpack.packb(b"frame"),
    "a batch of numbers": encode_batch_head(0, 0) + msgpack.packb([1, 2]),
    "a batch with bytes after it": encode_batch_head(0, 0) + encode_frames([b"frame"]) + b"\x00",
    "a batch of too many frames": encode_batch_head(0, 0) + encode_frames([b""] * (MAX_BATCH_FRAMES + 1)),
    "a frame above the mtu": encode_batch_head(0, 0) + encode_frames([bytes(MAX_LINK_FRAME + 1)]),
    "a batch out of turn": encode_batch_head(5, 0) + encode_frames([b"frame"]),
    "an acknowledgement of what was never sent": encode_ack(7),
    "an acknowledgement cut short": b"\x05\x00",
    "a greeting in the middle": encode_ready(bytes(8)),
    "an empty blob": b"",
    "a blob longer than any": bytes(MAX_BLOB + 1),
}


@pytest.mark.parametrize("blob", nonsense.values(), ids=nonsense.keys())
def test_nonsense_costs_the_stream_and_nothing_else(blob: bytes) -> None:
    world, _, acceptor = settled()
    effects = acceptor.member.feed(world.stream or 0, framed(blob), world.now)
    assert "garbage" in drops(effects)[0]
    assert acceptor.count.garbage == 1
    assert acceptor.member.is_up
    world.heed(1, effects)
    world.settle()
    assert acceptor.events == ["up"]


@pytest.mark.parametrize(
    "blob", [b"\x01\x90", b"\x01" + msgpack.packb([b"", b"", b"", b"", 0]), encode_ready(bytes(8)), b"\x02\xc0", b"\x01" + bytes(300)]
)
def test_nonsense_for_a_greeting_costs_the_stream(blob: bytes) -> None:
    world = World()
    world.open()
    acceptor = world.sides[1]
    assert "garbage" in drops(acceptor.member.feed(world.stream or 0, framed(blob), world.now))[0]
    assert not acceptor.member.is_up


def test_a_nonce_that_comes_back_changed_is_no_proof() -> None:
    world = World()
    world.open()
    world.carry(0, WHOLE)
    acceptor = world.sides[1]
    assert "nonce" in drops(acceptor.member.feed(world.stream or 0, framed(encode_ready(bytes(8))), world.now))[0]
    assert acceptor.events == []


@given(st.binary(min_size=1, max_size=300))
def test_decoding_a_blob_raises_nothing_but_garbage(blob: bytes) -> None:
    with suppress(GarbageError):
        decode_blob(blob)


@given(st.lists(st.binary(min_size=1, max_size=50)), st.lists(st.integers(1, 60)))
def test_a_stream_is_cut_into_the_messages_it_was_made_of(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(framed(message) for message in messages)
    deframer, got = Deframer(100), []
    for size in cuts:
        got += deframer.feed(stream[:size])
        stream = stream[size:]
    assert got + deframer.feed(stream) == messages
