"""Frames to values and back, beside the one other BitChat codec in Python."""

import bitchat_protocol

from gateway.limits import MAX_SEEN, SEEN_LIFETIME_S
from gateway.mesh.dedup import Seen
from gateway.wire.packet import decode, encode, packet_id, peek, with_ttl
from tests.perf.frames import messages, phones
from tests.perf.measure import Bench, Budget

COUNT = 500
DUPLICATE = Budget(0.7, "Y")


def measure(bench: Bench) -> None:
    """286-byte signed frames with 200 bytes of text."""
    frames = messages(phones(6), COUNT)
    packets = [decode(frame) for frame in frames]
    headers = [peek(frame) for frame in frames]

    def each(function: object, items: list[object] = frames) -> object:
        def call() -> None:
            for item in items:
                function(item)

        return call

    def identify() -> None:
        for frame, header in zip(frames, headers, strict=True):
            packet_id(frame, header)

    def patch() -> None:
        for frame in frames:
            with_ttl(frame, 6)

    theirs = bench.timed("decode, PyPI bitchat-protocol 0.2.0, same frames", each(bitchat_protocol.decode), inner=COUNT)
    ours = bench.timed("decode", each(decode), inner=COUNT)
    bench.add("decode: times as fast as bitchat-protocol", theirs / ours, "x")
    bench.timed("encode (as received)", each(encode, packets), inner=COUNT)
    bench.timed("peek", each(peek), inner=COUNT)
    bench.timed("packet ID", identify, inner=COUNT)
    bench.timed("TTL patched in a copy", patch, inner=COUNT)
    bench.timed("duplicate: peek + packet ID + seen-set", _duplicates(frames), inner=COUNT, budget=DUPLICATE)
    squeezed = messages(phones(6), COUNT, 400, compressed=True)
    bench.timed(f"the same, 400 B of text compressed to a frame of {len(squeezed[0])} B", _duplicates(squeezed), inner=COUNT)


def _duplicates(frames: list[bytes]) -> object:
    seen = Seen(MAX_SEEN, SEEN_LIFETIME_S)
    for frame in frames:
        seen.add(packet_id(frame, peek(frame)), 0.0)
    knows = seen.knows

    def call() -> None:
        for frame in frames:
            knows(packet_id(frame, peek(frame)), 1.0)

    return call
