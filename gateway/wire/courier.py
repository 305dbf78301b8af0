"""Courier envelope 0x04: sealed mail that somebody else may carry.

    01 recipient tag, 16   02 expiry, u64 ms   03 ciphertext, 1-16,384
    04 copies, u8          left out when 1; counted as 1 to 8
    05 prekey ID, u32      there: sealed to a one-time prekey; absent: to the static key

TLVs have a length of two bytes, unknown ones are skipped. The tag changes every UTC day and
is known only to those who know the recipient's Noise key. Sealing is `gateway.session`'s.
Source: BitChat iOS CourierEnvelope.swift.
"""

import hmac
from dataclasses import dataclass
from typing import Final

from gateway.limits import MAX_COURIER_CIPHERTEXT, MAX_COURIER_COPIES
from gateway.wire import fields
from gateway.wire.tlv import read_tlv16, tlv16

TAG: Final = 16  # bytes
_TAG: Final = 0x01
_EXPIRY: Final = 0x02
_CIPHERTEXT: Final = 0x03
_COPIES: Final = 0x04
_PREKEY: Final = 0x05
_DOMAIN: Final = b"bitchat-courier-tag-v1"
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class CourierEnvelope:
    """Sealed mail: for whom (a tag), until when (Unix milliseconds), how many more couriers may get it."""

    recipient_tag: bytes
    expiry_ms: int
    ciphertext: bytes
    copies: int = 1
    prekey_id: int | None = None


def epoch_day(unix_s: float) -> int:
    """Return the UTC day number a tag is made for; a time before 1970 counts as day 0."""
    return max(0, int(unix_s // _DAY_S))


def recipient_tag(noise_public_key: bytes, day: int) -> bytes:
    """Return the 16-byte tag of a recipient on one UTC day."""
    return hmac.digest(noise_public_key, _DOMAIN + fields.pack(day, fields.U32), "sha256")[:TAG]


def candidate_tags(noise_public_key: bytes, day: int) -> tuple[bytes, bytes, bytes]:
    """Return the tags of yesterday, today and tomorrow: mail sealed near midnight must still match."""
    yesterday, today, tomorrow = (recipient_tag(noise_public_key, max(0, day + shift)) for shift in (-1, 0, 1))
    return yesterday, today, tomorrow


def decode_courier(payload: bytes) -> CourierEnvelope:
    """Return the envelope in `payload`; raises `DecodeError` (TLV, FIELD or OVERSIZED)."""
    tlvs = dict(read_tlv16(payload))
    ciphertext = fields.at_most(fields.need(tlvs, _CIPHERTEXT, "ciphertext"), MAX_COURIER_CIPHERTEXT, "ciphertext")
    copies = fields.unsigned(tlvs.get(_COPIES, b"\x01"), 1, "copies")
    prekey = tlvs.get(_PREKEY)
    return CourierEnvelope(
        fields.fixed(fields.need(tlvs, _TAG, "recipient tag"), TAG, "recipient tag"),
        fields.unsigned(fields.need(tlvs, _EXPIRY, "expiry"), fields.U64, "expiry"),
        fields.required(ciphertext or None, "ciphertext"),
        min(max(copies, 1), MAX_COURIER_COPIES),
        None if prekey is None else fields.unsigned(prekey, fields.U32, "prekey ID"),
    )


def encode_courier(envelope: CourierEnvelope) -> bytes:
    """Return the payload; raises `ValueError` for a value outside its range."""
    fields.check(ok=len(envelope.recipient_tag) == TAG, what="a tag has 16 bytes")
    fields.check(ok=0 < len(envelope.ciphertext) <= MAX_COURIER_CIPHERTEXT, what="ciphertext of 1 to 16,384 bytes")
    fields.check(ok=1 <= envelope.copies <= MAX_COURIER_COPIES, what="1 to 8 copies")
    payload = (
        tlv16(_TAG, envelope.recipient_tag)
        + tlv16(_EXPIRY, fields.pack(envelope.expiry_ms, fields.U64))
        + tlv16(_CIPHERTEXT, envelope.ciphertext)
    )
    if envelope.copies > 1:
        payload += tlv16(_COPIES, bytes((envelope.copies,)))
    if envelope.prekey_id is not None:
        payload += tlv16(_PREKEY, fields.pack(envelope.prekey_id, fields.U32))
    return payload
