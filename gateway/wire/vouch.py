"""Noise 0x12: a batch of statements "I have verified this identity".

    u8 count (1-16), then each: u16 length, TLV8 of
    01 fingerprint, 32   02 Ed25519 key, 32   03 time, u64 ms   04 signature, 64

The voucher is the peer at the other end of the session: nothing in here names him, so
nobody else can use a captured statement. Source: BitChat iOS VouchAttestation.swift.
"""

from dataclasses import dataclass
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_VOUCHES
from gateway.wire import fields
from gateway.wire.ed25519 import is_signed
from gateway.wire.tlv import read_tlv8, tlv8

_DOMAIN: Final = b"bitchat-vouch-v1"


@dataclass(frozen=True, slots=True)
class Vouch:
    """A signed statement about one peer: fingerprint, signing key, Unix milliseconds."""

    fingerprint: bytes
    signing_key: bytes
    timestamp_ms: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class VouchBatch:
    """One to sixteen statements of the same voucher."""

    vouches: tuple[Vouch, ...]


def signed_bytes(vouch: Vouch) -> bytes:
    """Return what the voucher signs."""
    return _DOMAIN + vouch.fingerprint + vouch.signing_key + fields.pack(vouch.timestamp_ms, fields.U64)


def verify_vouch(vouch: Vouch, voucher_key: bytes) -> bool:
    """Tell whether the owner of the Ed25519 key `voucher_key` made this statement."""
    return is_signed(signed_bytes(vouch), vouch.signature, voucher_key)


def decode_vouches(payload: bytes) -> VouchBatch:
    """Return the batch in `payload`; raises `DecodeError` (SHORT, TRUNCATED, TLV, FIELD or OVERSIZED)."""
    if not payload:
        raise DecodeError(Reason.SHORT, "vouch batch")
    count = payload[0]
    if count > MAX_VOUCHES:
        raise DecodeError(Reason.OVERSIZED, "too many vouches")
    vouches: list[Vouch] = []
    offset = 1
    for _ in range(count):
        start = offset + fields.U16
        offset = start + int.from_bytes(payload[offset:start])
        if start > len(payload) or offset > len(payload):
            raise DecodeError(Reason.TRUNCATED, "vouch")
        vouches.append(_vouch(payload[start:offset]))
    if not vouches or offset != len(payload):
        raise DecodeError(Reason.FIELD, "the count of vouches is wrong")
    return VouchBatch(tuple(vouches))


def _vouch(data: bytes) -> Vouch:
    tlvs = dict(read_tlv8(data))
    return Vouch(
        fields.fixed(fields.need(tlvs, 0x01, "fingerprint"), fields.KEY, "fingerprint"),
        fields.fixed(fields.need(tlvs, 0x02, "signing key"), fields.KEY, "signing key"),
        fields.unsigned(fields.need(tlvs, 0x03, "time"), fields.U64, "time"),
        fields.fixed(fields.need(tlvs, 0x04, "signature"), fields.SIGNATURE, "signature"),
    )


def encode_vouches(batch: VouchBatch) -> bytes:
    """Return the payload; raises `ValueError` for an empty or overlong batch, or fields of the wrong size."""
    fields.check(ok=0 < len(batch.vouches) <= MAX_VOUCHES, what="1 to 16 vouches")
    out = bytearray((len(batch.vouches),))
    for vouch in batch.vouches:
        sizes = (len(vouch.fingerprint), len(vouch.signing_key), len(vouch.signature))
        fields.check(ok=sizes == (fields.KEY, fields.KEY, fields.SIGNATURE), what="vouch field of wrong size")
        entry = b"".join(
            (
                tlv8(0x01, vouch.fingerprint),
                tlv8(0x02, vouch.signing_key),
                tlv8(0x03, fields.pack(vouch.timestamp_ms, fields.U64)),
                tlv8(0x04, vouch.signature),
            ),
        )
        out += fields.pack(len(entry), fields.U16) + entry
    return bytes(out)
