"""Announce 0x01: who a peer is, whom it hears, and what it can do.

    01 nickname, UTF-8            required
    02 Noise static key, 32       required
    03 Ed25519 key, 32            required
    04 neighbours, n x 8          optional; dropped when the length is not a multiple of 8
    05 capabilities, LE bits      optional; the low 64 bits count
    06 bridge geohash, 1-12       optional; dropped when it is none

TLVs have a type and a length of one byte each. Unknown ones are skipped and kept; of a
repeated one the last counts, as in both apps. iOS writes 01 to 06 in order, Android
writes 05 before 04. Sources: BitChat iOS Packets.swift and PeerCapabilities.swift,
Android IdentityAnnouncement.kt.

Decoding proves nothing: the receiver must compare `peer_id_of` with the sender ID and
verify the packet's signature with the announced key.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from gateway.limits import MAX_GEOHASH, MAX_NEIGHBORS, MAX_NICKNAME
from gateway.wire import fields
from gateway.wire.tlv import read_tlv8, tlv8

NICKNAME: Final = 0x01
NOISE_KEY: Final = 0x02
SIGNING_KEY: Final = 0x03
NEIGHBORS: Final = 0x04
CAPABILITIES: Final = 0x05
BRIDGE_GEOHASH: Final = 0x06
CAPABILITY_BYTES: Final = 8  # bytes of the bit field that count


@dataclass(frozen=True, slots=True)
class Announce:
    """What a peer says about itself; `capabilities` are `gateway.wire.types.Capability` bits."""

    nickname: str
    noise_public_key: bytes
    signing_public_key: bytes
    neighbors: tuple[bytes, ...] = ()
    capabilities: int | None = None
    bridge_geohash: str | None = None
    unknown: tuple[tuple[int, bytes], ...] = ()


def fingerprint(noise_public_key: bytes) -> str:
    """Return the identity a person compares: SHA-256 of the Noise key, 64 lower-case hex digits."""
    return sha256(noise_public_key).hexdigest()


def peer_id_of(noise_public_key: bytes) -> bytes:
    """Return the 8-byte peer ID of a 32-byte Noise key: the start of its SHA-256."""
    return sha256(noise_public_key).digest()[: fields.PEER_ID]


def encode_capabilities(bits: int) -> bytes:
    """Return the shortest little-endian form of a 64-bit field, one byte at least."""
    return bits.to_bytes(max(1, (bits.bit_length() + 7) // 8), "little")


def decode_capabilities(value: bytes) -> int:
    """Return the low 64 bits of a little-endian field of any length."""
    return int.from_bytes(value[:CAPABILITY_BYTES], "little")


def decode_announce(payload: bytes) -> Announce:
    """Return the announce in `payload`; raises `DecodeError` (TLV, TEXT or FIELD)."""
    nickname: str | None = None
    noise_key: bytes | None = None
    signing_key: bytes | None = None
    neighbors: tuple[bytes, ...] = ()
    capabilities: int | None = None
    geohash: str | None = None
    unknown: list[tuple[int, bytes]] = []
    for kind, value in read_tlv8(payload):
        if kind == NICKNAME:
            nickname = fields.text(value, "nickname")
        elif kind == NOISE_KEY:
            noise_key = fields.fixed(value, fields.KEY, "Noise key")
        elif kind == SIGNING_KEY:
            signing_key = fields.fixed(value, fields.KEY, "signing key")
        elif kind == NEIGHBORS:
            neighbors = _neighbors(value)
        elif kind == CAPABILITIES:
            capabilities = decode_capabilities(value)
        elif kind == BRIDGE_GEOHASH:
            cell = value.decode("ascii", "replace")
            geohash = cell if fields.is_geohash(cell, MAX_GEOHASH) else None
        else:
            unknown.append((kind, value))
    return Announce(
        fields.required(nickname, "nickname"),
        fields.required(noise_key, "Noise key"),
        fields.required(signing_key, "signing key"),
        neighbors,
        capabilities,
        geohash,
        tuple(unknown),
    )


def _neighbors(value: bytes) -> tuple[bytes, ...]:
    if len(value) % fields.PEER_ID:
        return ()
    starts = range(0, min(len(value), MAX_NEIGHBORS * fields.PEER_ID), fields.PEER_ID)
    return tuple(value[start : start + fields.PEER_ID] for start in starts)


def encode_announce(announce: Announce, order: Literal["ios", "android"] = "ios") -> bytes:
    """Return the payload, its optional fields in the order of one app.

    Raises `ValueError` for a nickname over 255 bytes, more than 10 neighbours, a key, peer
    ID or geohash of the wrong shape, or capabilities outside 64 bits.
    """
    nickname = announce.nickname.encode()
    fields.check(ok=len(nickname) <= MAX_NICKNAME, what="nickname too long")
    fields.check(ok=len(announce.noise_public_key) == fields.KEY, what="Noise key must have 32 bytes")
    fields.check(ok=len(announce.signing_public_key) == fields.KEY, what="signing key must have 32 bytes")
    neighbors = capabilities = geohash = b""
    if announce.neighbors:
        fields.check(ok=len(announce.neighbors) <= MAX_NEIGHBORS, what="too many neighbours")
        fields.check(ok=all(len(peer) == fields.PEER_ID for peer in announce.neighbors), what="peer IDs have 8 bytes")
        neighbors = tlv8(NEIGHBORS, b"".join(announce.neighbors))
    if announce.capabilities is not None:
        fields.check(ok=0 <= announce.capabilities < 1 << 64, what="capabilities are 64 bits")
        capabilities = tlv8(CAPABILITIES, encode_capabilities(announce.capabilities))
    if announce.bridge_geohash is not None:
        fields.check(ok=fields.is_geohash(announce.bridge_geohash, MAX_GEOHASH), what="not a geohash")
        geohash = tlv8(BRIDGE_GEOHASH, announce.bridge_geohash.encode())
    optional = (neighbors, capabilities, geohash) if order == "ios" else (capabilities, neighbors, geohash)
    return b"".join(
        (
            tlv8(NICKNAME, nickname),
            tlv8(NOISE_KEY, announce.noise_public_key),
            tlv8(SIGNING_KEY, announce.signing_public_key),
            *optional,
            *(tlv8(kind, value) for kind, value in announce.unknown),
        ),
    )
