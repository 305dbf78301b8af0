"""Frames out of a byte stream."""

import contextlib
import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DecodeError
from gateway.limits import MAX_PAYLOAD, MAX_STREAM_BUFFER, STREAM_RESET_S
from gateway.wire.packet import Packet, decode, encode, peek
from gateway.wire.stream import StreamAssembler
from tests.wire.strategies import packets, thorough
from tests.wire.vectors import load

HELLO = encode(Packet(2, 7, 5, b"s" * 8, b"hello"))
NOISE = Packet(0x11, 7, 5, b"s" * 8, b"ciphertext", recipient_id=b"r" * 8)


@pytest.mark.parametrize("vector", load("stream_assembler"), ids=lambda v: v["name"])
def test_a_stream_vector(vector: dict[str, Any]) -> None:
    assembler = StreamAssembler()
    frames = [frame for chunk in vector["chunks"] for frame in assembler.feed(bytes.fromhex(chunk), 0.0)]
    assert [frame.hex() for frame in frames] == vector["frames"]
    assert assembler.dropped == len(vector["dropped"]) // 2
    assert (len(assembler), assembler.resets) == (0, 0)


@thorough
@given(st.lists(packets(), min_size=1, max_size=4), st.booleans(), st.lists(st.integers(1, 400), min_size=1, max_size=9))
def test_frames_come_out_wherever_the_stream_is_cut(sent, padded, sizes):
    stream = b"".join(encode(packet, padded=padded) for packet in sent)
    assembler = StreamAssembler()
    frames = []
    start = 0
    for size in itertools.cycle(sizes):
        frames += assembler.feed(stream[start : start + size], 0.0)
        start += size
        if start >= len(stream):
            break
    assert [decode(frame) for frame in frames] == sent
    assert all(len(frame) == peek(frame).end for frame in frames)
    assert assembler.dropped == 0


@thorough
@given(st.lists(st.binary(max_size=200), max_size=6))
def test_no_bytes_hurt_and_none_are_lost_count_of(chunks):
    assembler = StreamAssembler()
    frames = [frame for chunk in chunks for frame in assembler.feed(chunk, 0.0)]
    assert sum(map(len, frames)) + assembler.dropped + len(assembler) <= sum(map(len, chunks))
    for frame in frames:
        with contextlib.suppress(DecodeError):  # a size preamble may still be wrong
            assert peek(frame).end == len(frame)


@thorough
@given(st.binary(max_size=60).map(lambda b: bytes(x | 4 for x in b)))
def test_bytes_that_begin_no_frame_are_dropped(garbage):
    assembler = StreamAssembler()
    assert assembler.feed(garbage + HELLO, 0.0) == [HELLO]
    assert assembler.dropped == len(garbage)


def test_padding_may_arrive_late_and_in_pieces() -> None:
    padded = encode(NOISE, padded=True)
    assembler = StreamAssembler()
    frames = [frame for start in range(0, 256, 7) for frame in assembler.feed(padded[start : start + 7], 0.0)]
    assert [decode(frame) for frame in frames] == [NOISE]
    assert assembler.feed(HELLO, 9.0) == [HELLO]
    assert (assembler.dropped, assembler.resets) == (0, 0)


def test_padding_cut_short_by_the_next_frame() -> None:
    assembler = StreamAssembler()
    assert len(assembler.feed(encode(NOISE, padded=True)[:200] + HELLO, 0.0)) == 2
    assert assembler.dropped == 0


def test_a_frame_not_complete_in_250_ms_is_given_up() -> None:
    assembler = StreamAssembler()
    assert assembler.feed(HELLO[:10], 0.0) == []
    assert assembler.feed(HELLO[10:20], STREAM_RESET_S - 0.01) == []
    assert assembler.feed(HELLO, STREAM_RESET_S) == [HELLO]
    assert (assembler.resets, assembler.dropped, len(assembler)) == (1, 20, 0)


def test_the_wait_begins_anew_with_each_frame() -> None:
    assembler = StreamAssembler()
    assembler.feed(HELLO[:10], 0.0)
    assert assembler.feed(HELLO[10:] + HELLO[:5], 0.2) == [HELLO]
    assert assembler.feed(HELLO[5:], 0.4) == [HELLO]
    assert assembler.resets == 0


def test_an_idle_stream_is_never_reset() -> None:
    assembler = StreamAssembler()
    assembler.feed(HELLO, 0.0)
    assert assembler.feed(HELLO, 100.0) == [HELLO]
    assert assembler.resets == 0


@pytest.mark.parametrize("length", [MAX_PAYLOAD + 1, 0xFFFFFFFF])
def test_a_length_over_the_cap_is_not_waited_for(length: int) -> None:
    head = bytearray(encode(Packet(2, 7, 5, b"s" * 8, b"", version=2)))
    head[12:16] = length.to_bytes(4)
    assembler = StreamAssembler()
    assert assembler.feed(HELLO + bytes(head), 0.0) == [HELLO]
    assert (len(assembler), assembler.resets, assembler.dropped) == (0, 1, len(head))
    assert assembler.feed(HELLO, 0.0) == [HELLO]


def test_a_compressed_payload_too_short_for_its_preamble_is_not_a_frame() -> None:
    head = bytearray(HELLO)
    head[11] |= 0x04
    head[12:14] = b"\0\1"
    assembler = StreamAssembler()
    assert assembler.feed(bytes(head), 0.0) == []
    assert assembler.resets == 1
    assert assembler.feed(HELLO, 0.0) == [HELLO]


def test_what_is_held_has_a_cap() -> None:
    assembler = StreamAssembler()
    assert assembler.feed(HELLO[:10], 0.0) == []
    assert assembler.feed(bytes(MAX_STREAM_BUFFER), 0.0) == []
    assert (len(assembler), assembler.resets) == (0, 1)
    assert assembler.feed(HELLO, 0.0) == [HELLO]


def test_a_frame_of_the_largest_size_gets_through() -> None:
    frame = encode(replace(NOISE, version=2, payload=bytes(range(256)) * 4600, wire_payload=bytes(range(256)) * 4600))
    assembler = StreamAssembler()
    frames = [f for start in range(0, len(frame), 60_000) for f in assembler.feed(frame[start : start + 60_000], 0.0)]
    assert frames == [frame]
