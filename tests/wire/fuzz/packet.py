"""Fuzz target: the packet codec, and that what it reads it writes again."""

from gateway.errors import DecodeError
from gateway.wire.packet import decode, encode, packet_id, peek, route_of, signature_of


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        header = peek(data)
        route_of(data, header)
        signature_of(data, header)
        packet_id(data, header)
        packet = decode(data)
    except DecodeError:
        return
    assert decode(encode(packet)) == packet
