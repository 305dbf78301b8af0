"""Frames too long for a link: cut into fragment packets (type 0x20), and put together again.

    offset  size  payload of a fragment
    0       8     fragment ID, random, one for all fragments of a frame
    8       2     index
    10      2     total, 1 to 10,000
    12      1     type of the original
    13            a piece of the original frame, as it was encoded, signed and padded

Rules:

* A fragment carries sender, recipient, timestamp, TTL, route and RSR flag of the original, so that
  it is relayed as the original would be. It is neither signed nor compressed.
* Anybody can send fragments in anybody's name: every growth here has a cap, and the sender that
  holds most pays first. Sources: BitChat iOS BLEFragmentation*, Android FragmentManager.
"""

import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import (
    ASSEMBLY_FRAGMENT_COST,
    ASSEMBLY_LIFETIME_S,
    FRAGMENT_CHUNK,
    FRAGMENT_OVERHEAD,
    MAX_ASSEMBLIES,
    MAX_ASSEMBLIES_PER_SENDER,
    MAX_ASSEMBLY_BYTES,
    MAX_ASSEMBLY_BYTES_TOTAL,
    MAX_FRAGMENTS,
    MAX_FRAGMENTS_SENT,
    MIN_FRAGMENT_CHUNK,
)
from gateway.wire.packet import Header, Packet, encode, peek, route_of
from gateway.wire.types import MessageType

_HEAD: Final = struct.Struct(">8sHHB")
_ROUTED_LIMIT: Final = 512  # bytes, the largest attribute value
_ROUTED_OVERHEAD: Final = 62  # bytes besides the hops: header, IDs, count, fragment header, room for padding
_DIRECTED_OVERHEAD: Final = 43  # bytes: one more than FRAGMENT_OVERHEAD allows for


@dataclass(frozen=True, slots=True)
class Fragment:
    """One piece of a frame: `data` is number `index` (from 0) of `total`."""

    fragment_id: bytes  # 8 bytes
    index: int
    total: int
    original_type: int
    data: bytes


def decode_fragment(payload: bytes) -> Fragment:
    """The fragment in a packet of type 0x20. Raises `DecodeError` (FRAGMENT)."""
    if len(payload) < _HEAD.size:
        raise DecodeError(Reason.FRAGMENT, f"{len(payload)} bytes")
    fragment_id, index, total, original_type = _HEAD.unpack_from(payload)
    if not index < total <= MAX_FRAGMENTS:
        raise DecodeError(Reason.FRAGMENT, f"{index} of {total}")
    return Fragment(fragment_id, index, total, original_type, payload[_HEAD.size :])


def encode_fragment(fragment: Fragment) -> bytes:
    """The payload of a packet of type 0x20."""
    head = _HEAD.pack(fragment.fragment_id, fragment.index, fragment.total, fragment.original_type)
    return head + fragment.data


def chunk_size(header: Header, limit: int | None, hops: int = 0) -> int:
    """Bytes of the original that go into each fragment for a link taking frames of `limit` bytes (None: not known).

    Never below 64, so a limit under 107 bytes is not kept.
    """
    if hops:
        room = (limit or _ROUTED_LIMIT) - _ROUTED_OVERHEAD - 8 * hops
    elif limit is None:
        room = FRAGMENT_CHUNK
    else:
        room = limit - (FRAGMENT_OVERHEAD if header.recipient_id is None else _DIRECTED_OVERHEAD)
    return max(MIN_FRAGMENT_CHUNK, room)


def split(frame: bytes, *, fragment_id: bytes, limit: int | None) -> list[bytes]:
    """The fragment frames, ready to send, that stand for `frame` on a link taking `limit` bytes.

    Version 1, or 2 with the same route when the original is routed. Raises `DecodeError` when `frame`
    has no shape, ValueError when it needs more than `MAX_FRAGMENTS_SENT` or the ID is not 8 bytes.
    """
    if len(fragment_id) != 8:
        raise ValueError(f"fragment ID of {len(fragment_id)} bytes")
    header = peek(frame)
    route = route_of(frame, header)
    chunk = chunk_size(header, limit, len(route or ()))
    pieces = [frame[start : start + chunk] for start in range(0, len(frame), chunk)]
    if len(pieces) > MAX_FRAGMENTS_SENT:
        raise ValueError(f"{len(frame)} bytes need {len(pieces)} fragments")
    frames = []
    for index, piece in enumerate(pieces):
        payload = encode_fragment(Fragment(fragment_id, index, len(pieces), header.type, piece))
        packet = Packet(
            type=MessageType.FRAGMENT,
            ttl=header.ttl,
            timestamp_ms=header.timestamp_ms,
            sender_id=header.sender_id,
            payload=payload,
            recipient_id=header.recipient_id,
            route=route,
            is_rsr=header.is_rsr,
            version=2 if route else 1,
            wire_payload=payload,
        )
        frames.append(encode(packet))
    return frames


@dataclass(slots=True)
class _Assembly:
    started: float
    total: int
    original_type: int
    pieces: dict[int, bytes] = field(default_factory=dict)
    size: int = 0  # bytes of the original that are here

    @property
    def cost(self) -> int:
        return self.size + ASSEMBLY_FRAGMENT_COST * len(self.pieces)


_Key = tuple[bytes, bytes]  # sender ID, fragment ID


class Assembler:
    """Frames in the making, by sender and fragment ID.

    `bytes` is what they hold, `ASSEMBLY_FRAGMENT_COST` for each piece included; `evicted` counts
    the assemblies that had to make room for another.
    """

    __slots__ = ("_open", "bytes", "evicted")

    def __init__(self) -> None:
        self._open: dict[_Key, _Assembly] = {}  # oldest first
        self.bytes = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._open)

    def knows(self, sender_id: bytes, fragment_id: bytes) -> bool:
        """Whether other fragments of the same frame are here."""
        return (sender_id, fragment_id) in self._open

    def add(self, sender_id: bytes, fragment: Fragment, now: float) -> bytes | None:
        """Take one fragment in; the whole frame once none is missing. A repeated fragment changes nothing.

        Raises `DecodeError`: FRAGMENT when it contradicts the earlier ones, ASSEMBLY when its frame
        grows over `MAX_ASSEMBLY_BYTES` or is the one to give way (it is forgotten then).
        """
        key = (sender_id, fragment.fragment_id)
        assembly = self._open.get(key)
        if assembly is not None and now >= assembly.started + ASSEMBLY_LIFETIME_S:
            self._forget(key)
            assembly = None
        if assembly is None:
            assembly = self._begin(key, fragment, now)
        elif (assembly.total, assembly.original_type) != (fragment.total, fragment.original_type):
            raise DecodeError(Reason.FRAGMENT, "not of the same frame")
        if fragment.index in assembly.pieces:
            return None
        if assembly.size + len(fragment.data) > MAX_ASSEMBLY_BYTES:
            self._forget(key)
            raise DecodeError(Reason.ASSEMBLY, f"more than {MAX_ASSEMBLY_BYTES} bytes")
        assembly.pieces[fragment.index] = fragment.data
        assembly.size += len(fragment.data)
        self.bytes += len(fragment.data) + ASSEMBLY_FRAGMENT_COST
        if len(assembly.pieces) == assembly.total:
            self._forget(key)
            return b"".join(assembly.pieces[index] for index in range(assembly.total))
        while self.bytes > MAX_ASSEMBLY_BYTES_TOTAL:
            self._evict(self._oldest_of(self._heaviest_sender()))
        if key not in self._open:
            raise DecodeError(Reason.ASSEMBLY, "no room")
        return None

    def expire(self, now: float) -> int:
        """Forget what has not been completed in `ASSEMBLY_LIFETIME_S`; how many that were."""
        late = [key for key, assembly in self._open.items() if now >= assembly.started + ASSEMBLY_LIFETIME_S]
        for key in late:
            self._forget(key)
        return len(late)

    def next_expiry(self) -> float | None:
        """When `expire` will next find something."""
        for assembly in self._open.values():
            return assembly.started + ASSEMBLY_LIFETIME_S
        return None

    def _begin(self, key: _Key, fragment: Fragment, now: float) -> _Assembly:
        sender_id = key[0]
        if sum(sender == sender_id for sender, _ in self._open) >= MAX_ASSEMBLIES_PER_SENDER:
            self._evict(self._oldest_of(sender_id))
        elif len(self._open) >= MAX_ASSEMBLIES:
            self._evict(next(iter(self._open)))
        assembly = self._open[key] = _Assembly(now, fragment.total, fragment.original_type)
        return assembly

    def _heaviest_sender(self) -> bytes:
        held: Counter[bytes] = Counter()
        for (sender_id, _), assembly in self._open.items():
            held[sender_id] += assembly.cost
        return held.most_common(1)[0][0]

    def _oldest_of(self, sender_id: bytes) -> _Key:
        return next(key for key in self._open if key[0] == sender_id)

    def _evict(self, key: _Key) -> None:
        self._forget(key)
        self.evicted += 1

    def _forget(self, key: _Key) -> None:
        self.bytes -= self._open.pop(key).cost
