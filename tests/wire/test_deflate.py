"""Compression: the rule when, foreign encoders, and what a hostile stream may cost."""

import contextlib
import subprocess
import sys
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_INFLATE_RATIO, MAX_PAYLOAD
from gateway.wire.deflate import compress, inflate, should_compress
from gateway.wire.packet import decode, encode, packet_id, payload_of, peek, with_ttl
from tests.wire.strategies import thorough
from tests.wire.vectors import load

RULE = [v for v in load("compression") if v["op"] == "should_compress"]
FOREIGN = [v for v in load("compression") if v["op"] == "decode_and_relay"]
MEASURED = 64 * 1024  # bytes of output above which a stream is measured first


def raw_deflate(data: bytes, level: int = 9) -> bytes:
    encoder = zlib.compressobj(level, zlib.DEFLATED, -15)
    return encoder.compress(data) + encoder.flush()


def reason(data: bytes, size: int) -> Reason:
    with pytest.raises(DecodeError) as caught:
        inflate(data, size)
    return caught.value.reason


def test_no_vector_is_left_out():
    assert len(RULE) + len(FOREIGN) == len(load("compression"))


@pytest.mark.parametrize("vector", RULE, ids=lambda v: f"{v['kind']} {len(v['data']) // 2}")
def test_when_to_compress(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["data"])
    assert len(set(data)) == vector["unique"]
    assert len(set(data)) / min(len(data), 256) == pytest.approx(vector["ratio"], abs=1e-6)
    assert should_compress(data) == vector["should_compress"]
    stream = compress(data)
    assert (stream is not None) == vector["would_set_flag"]
    assert stream is None or inflate(stream, len(data)) == data
    if vector["raw_deflate_level5"] is not None:
        assert inflate(bytes.fromhex(vector["raw_deflate_level5"]), len(data)) == data


@pytest.mark.parametrize("vector", FOREIGN, ids=lambda v: f"v{v['version']} {v['encoder']}")
def test_foreign_compressed_bytes_are_read_and_kept(vector: dict[str, Any]) -> None:
    frame = bytes.fromhex(vector["wire"])
    header = peek(frame)
    assert header.version == vector["version"]
    assert payload_of(frame, header).hex() == vector["payload"]
    relayed = with_ttl(frame, 6)
    assert relayed.hex() == vector["relayed_wire_ttl6"]
    assert packet_id(relayed, peek(relayed)) == packet_id(frame, header)
    assert encode(decode(frame)) == frame


@pytest.mark.parametrize(
    ("size", "distinct", "expected"), [(99, 1, False), (100, 89, True), (100, 90, False), (400, 230, True), (400, 231, False)]
)
def test_the_edges_of_the_rule(size: int, distinct: int, expected: bool) -> None:
    data = bytes(range(distinct)).ljust(size, b"\0")
    assert len(set(data)) == distinct
    assert should_compress(data) is expected


@pytest.mark.parametrize("size", [1, 300, MEASURED, MEASURED + 1, MAX_PAYLOAD])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_sizes_up_to_the_cap_come_back(size: int, level: int) -> None:
    data = (b"meet at the bridge " * (size // 19 + 1))[:size]
    assert inflate(raw_deflate(data, level), size) == data


@pytest.mark.parametrize("size", [300, MEASURED + 1])
def test_a_zlib_wrapper_is_accepted(size: int) -> None:
    data = b"zlib " * (size // 5)
    assert inflate(zlib.compress(data), len(data)) == data


@pytest.mark.parametrize("size", [300, MEASURED + 1])
def test_a_zlib_wrapper_with_a_wrong_checksum_is_refused(size: int) -> None:
    stream = zlib.compress(bytes(size))
    assert reason(stream[:-1] + bytes((stream[-1] ^ 1,)), size) is Reason.INFLATE


@pytest.mark.parametrize("size", [300, MEASURED + 300])
def test_the_stream_must_be_whole_alone_and_of_the_declared_size(size: int) -> None:
    stream = raw_deflate(b"ab" * (size // 2))
    assert reason(stream, size - 1) is Reason.INFLATE
    assert reason(stream, size + 1) is Reason.INFLATE
    assert reason(stream[:-1], size) is Reason.INFLATE
    assert reason(stream + b"\0", size) is Reason.INFLATE
    assert reason(b"\xff" * 40, size) is Reason.INFLATE


def test_the_end_marker_must_be_there_even_when_every_byte_is() -> None:
    encoder = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = encoder.compress(b"x" * 300) + encoder.flush(zlib.Z_SYNC_FLUSH)
    assert reason(stream, 300) is Reason.INFLATE


def test_bytes_behind_a_long_stream_are_found_wherever_they_start() -> None:
    stream = raw_deflate(bytes(MEASURED + 1))
    for tail in (1, 16 * 1024, 40 * 1024):
        assert reason(stream + b"\1" * tail, MEASURED + 1) is Reason.INFLATE


def test_declared_sizes_out_of_bounds_are_refused_without_a_look_at_the_stream() -> None:
    for size in (-1, 0, MAX_PAYLOAD + 1):
        assert reason(b"\x03\x00" * 100, size) is Reason.BOMB
    assert reason(b"\x03\x00", 2 * MAX_INFLATE_RATIO + 1) is Reason.BOMB
    assert reason(b"", 1) is Reason.BOMB


@thorough
@given(st.binary(min_size=1, max_size=60), st.integers(1, 200_000))
def test_no_stream_raises_anything_but_decode_error(data, size):
    with contextlib.suppress(DecodeError):
        assert len(inflate(data, size)) == size


MEMORY_PROBE = """
import resource, sys, zlib
from gateway.errors import DecodeError
from gateway.wire.deflate import inflate

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

how, size = sys.argv[1], int(sys.argv[2])
stream = sys.stdin.buffer.read()
try:
    inflate(b"\\x01", 300)  # what the first call costs is no matter of the stream
except DecodeError:
    pass
filler = []
before = peak()
while peak() == before:  # fill what the interpreter freed, so that any growth shows
    filler.append(bytes(4096))
before = peak()
try:
    zlib.decompress(stream, -15) if how == "naive" else inflate(stream, size)
except DecodeError:
    print("refused", end=" ")
print(peak() - before)
"""


def memory_probe(how: str, stream: bytes, size: int) -> tuple[bool, int]:
    """Inflate in a process of its own: whether it was refused, and the KiB its peak memory grew by."""
    probe = [sys.executable, "-c", MEMORY_PROBE, how, str(size)]
    words = subprocess.run(probe, input=stream, capture_output=True, check=True).stdout.split()
    return words[0] == b"refused", int(words[-1])


@pytest.mark.parametrize("declared", [1_000, 1_000_000, MAX_PAYLOAD])
@pytest.mark.parametrize("level", [1, 9])
def test_a_bomb_costs_less_than_2_mib(declared: int, level: int) -> None:
    refused, growth = memory_probe("bounded", raw_deflate(bytes(40_000_000), level), declared)
    assert refused
    assert growth < 2048


def test_the_largest_honest_payload_costs_less_than_2_mib() -> None:
    refused, growth = memory_probe("bounded", raw_deflate(bytes(MAX_PAYLOAD)), MAX_PAYLOAD)
    assert not refused
    assert growth < 2048


def test_a_declared_size_allocates_nothing_by_itself() -> None:
    refused, growth = memory_probe("bounded", raw_deflate(bytes(100)), MAX_PAYLOAD // 4)
    assert refused
    assert growth < 256


def test_the_memory_probe_sees_a_bomb_go_off() -> None:
    _, growth = memory_probe("naive", raw_deflate(bytes(40_000_000)), 1)
    assert growth > 20_000
