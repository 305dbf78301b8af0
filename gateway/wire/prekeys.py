"""Prekey bundle 0x24: one-time keys that mail can be sealed to while their owner is away.

    01 Noise key, 32   02 (u32 ID + key, 32) x 1-8, IDs unique   03 generated, u64 ms
    04 Ed25519 signature, 64

TLVs have a length of two bytes, unknown ones are skipped. Source: BitChat iOS
PrekeyBundle.swift.
"""

from dataclasses import dataclass
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_PREKEYS
from gateway.wire import fields
from gateway.wire.ed25519 import is_signed
from gateway.wire.tlv import read_tlv16, tlv16

_NOISE_KEY: Final = 0x01
_PREKEYS: Final = 0x02
_GENERATED: Final = 0x03
_SIGNATURE: Final = 0x04
_ENTRY: Final = fields.U32 + fields.KEY  # bytes
_DOMAIN: Final = b"bitchat-prekey-bundle-v1"


@dataclass(frozen=True, slots=True)
class Prekey:
    """A one-time X25519 key and the number its owner knows it by."""

    prekey_id: int
    public_key: bytes


@dataclass(frozen=True, slots=True)
class PrekeyBundle:
    """One to eight one-time keys, bound to their owner's Noise key; a newer bundle replaces an older one."""

    noise_public_key: bytes
    prekeys: tuple[Prekey, ...]
    generated_at_ms: int
    signature: bytes


def _entries(bundle: PrekeyBundle) -> bytes:
    return b"".join(fields.pack(prekey.prekey_id, fields.U32) + prekey.public_key for prekey in bundle.prekeys)


def signed_bytes(bundle: PrekeyBundle) -> bytes:
    """Return what the owner signs."""
    return b"".join(
        (
            bytes((len(_DOMAIN),)),
            _DOMAIN,
            bundle.noise_public_key,
            bytes((len(bundle.prekeys),)),
            _entries(bundle),
            fields.pack(bundle.generated_at_ms, fields.U64),
        ),
    )


def verify_prekeys(bundle: PrekeyBundle, signing_key: bytes) -> bool:
    """Tell whether the owner of the Ed25519 key `signing_key` made this bundle."""
    return is_signed(signed_bytes(bundle), bundle.signature, signing_key)


def decode_prekeys(payload: bytes) -> PrekeyBundle:
    """Return the bundle in `payload`; raises `DecodeError` (TLV, FIELD or OVERSIZED)."""
    tlvs = dict(read_tlv16(payload))
    entries = fields.at_most(fields.need(tlvs, _PREKEYS, "prekeys"), MAX_PREKEYS * _ENTRY, "prekeys")
    if not entries or len(entries) % _ENTRY:
        raise DecodeError(Reason.FIELD, "prekeys are cut off")
    prekeys = tuple(
        Prekey(int.from_bytes(entries[start : start + fields.U32]), entries[start + fields.U32 : start + _ENTRY])
        for start in range(0, len(entries), _ENTRY)
    )
    if len({prekey.prekey_id for prekey in prekeys}) != len(prekeys):
        # One used ID would shadow the other key.
        raise DecodeError(Reason.FIELD, "prekey IDs repeat")
    return PrekeyBundle(
        fields.fixed(fields.need(tlvs, _NOISE_KEY, "Noise key"), fields.KEY, "Noise key"),
        prekeys,
        fields.unsigned(fields.need(tlvs, _GENERATED, "time"), fields.U64, "time"),
        fields.fixed(fields.need(tlvs, _SIGNATURE, "signature"), fields.SIGNATURE, "signature"),
    )


def encode_prekeys(bundle: PrekeyBundle) -> bytes:
    """Return the payload; raises `ValueError` for a bundle no decoder accepts."""
    ids = {prekey.prekey_id for prekey in bundle.prekeys}
    fields.check(ok=0 < len(ids) == len(bundle.prekeys) <= MAX_PREKEYS, what="1 to 8 prekeys with different IDs")
    keys = (bundle.noise_public_key, *(prekey.public_key for prekey in bundle.prekeys))
    fields.check(ok=all(len(key) == fields.KEY for key in keys), what="keys have 32 bytes")
    fields.check(ok=len(bundle.signature) == fields.SIGNATURE, what="a signature has 64 bytes")
    return (
        tlv16(_NOISE_KEY, bundle.noise_public_key)
        + tlv16(_PREKEYS, _entries(bundle))
        + tlv16(_GENERATED, fields.pack(bundle.generated_at_ms, fields.U64))
        + tlv16(_SIGNATURE, bundle.signature)
    )
