"""The outer Ed25519 signature of a packet.

What is signed is the encoding with TTL 0, without the signature and its flag, without the RSR
flag, compressed where it is compressed, and padded, for every type, padded on the air or not.
It is rebuilt from the *received* bytes: decoding and encoding again would compress again, and
another DEFLATE encoder yields other bytes. Source: BitChat iOS BitchatPacket.swift (toBinaryDataForSigning).
"""

from dataclasses import replace
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.wire.packet import FLAGS_OFFSET, HAS_SIGNATURE, IS_RSR, Header, Packet, encode, peek
from gateway.wire.padding import pad
from gateway.wire.types import PADDED_TYPES

_SIGNED_FLAGS: Final = 0xFF & ~(HAS_SIGNATURE | IS_RSR)


def signing_bytes(frame: bytes, header: Header | None = None) -> bytes:
    """The bytes the signature of `frame` is made over; the frame may be signed or not.

    `header` saves a second `peek`. Raises `DecodeError` when there is none and the frame has no shape.
    """
    if header is None:
        header = peek(frame)
    return pad(
        b"".join(
            (
                frame[:2],
                b"\0",
                frame[3:FLAGS_OFFSET],
                bytes((header.flags & _SIGNED_FLAGS,)),
                frame[FLAGS_OFFSET + 1 : header.payload_end],
            )
        )
    )


def verify(frame: bytes, public_key: bytes, header: Header | None = None) -> bool:
    """Whether `frame` carries a signature by the owner of `public_key` (32 bytes); False for an unsigned one.

    Raises `DecodeError` like `signing_bytes`.
    """
    if header is None:
        header = peek(frame)
    if not header.has_signature:
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
        key.verify(frame[header.payload_end : header.end], signing_bytes(frame, header))
    except (InvalidSignature, ValueError):
        return False
    return True


def sign(packet: Packet, key: Ed25519PrivateKey) -> bytes:
    """The frame of `packet`, signed by `key` and ready to send (Noise types padded, all others not).

    An old signature is replaced. Raises ValueError like `encode`.
    """
    unsigned = encode(replace(packet, signature=None))
    header = peek(unsigned)
    signature = key.sign(signing_bytes(unsigned, header))
    flags = bytes((header.flags | HAS_SIGNATURE,))
    frame = unsigned[:FLAGS_OFFSET] + flags + unsigned[FLAGS_OFFSET + 1 :] + signature
    return pad(frame) if packet.type in PADDED_TYPES else frame
