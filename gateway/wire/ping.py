"""Ping 0x26 and pong 0x27: is somebody there, and how many hops away?

    0  nonce, 8      a pong repeats the nonce of its ping
    8  origin TTL    TTL the packet was sent with

Bytes after these are allowed and ignored. Source: BitChat iOS MeshPingPayload.swift.
"""

from dataclasses import dataclass
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.wire import fields

NONCE: Final = 8  # bytes
SIZE: Final = NONCE + 1


@dataclass(frozen=True, slots=True)
class Ping:
    """The payload of a ping and of a pong; the packet's type tells which."""

    nonce: bytes
    origin_ttl: int


def decode_ping(payload: bytes) -> Ping:
    """Return the ping in `payload`; raises `DecodeError` (SHORT)."""
    if len(payload) < SIZE:
        raise DecodeError(Reason.SHORT, "ping")
    return Ping(payload[:NONCE], payload[NONCE])


def encode_ping(ping: Ping) -> bytes:
    """Return the 9-byte payload; raises `ValueError` for a nonce that has not 8 bytes or a TTL above 255."""
    fields.check(ok=len(ping.nonce) == NONCE and 0 <= ping.origin_ttl <= 0xFF, what="nonce of 8 bytes, TTL of 1")
    return ping.nonce + bytes((ping.origin_ttl,))


def hops(origin_ttl: int, received_ttl: int) -> int | None:
    """Return the links a packet has crossed, 1 for a direct neighbour, None when the TTLs contradict each other."""
    return origin_ttl - received_ttl + 1 if received_ttl <= origin_ttl else None
