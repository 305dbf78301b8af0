"""Private groups: the message on the air (0x25) and the state sent to members (Noise 0x06, 0x07).

    message   01 group ID, 16   02 epoch, u32   03 nonce, 12   04 ciphertext and tag
    inside    01 message ID     02 sender's Ed25519 key, 32    03 nickname   04 u64 ms
              05 content        06 signature, 64
    state     01 group ID, 16   02 name         03 key, 32     04 epoch, u32
              05 roster         06 creator's fingerprint, 32   07 creator's signature, 64
    roster    u8 count (1-16), then each: fingerprint, 32; Ed25519 key, 32; u8 length, nickname

TLVs have a length of two bytes, unknown ones are skipped. The ciphertext is
ChaCha20-Poly1305 with `associated_data`; a relay cannot open it and need not. Source:
BitChat iOS GroupProtocol.swift.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_GROUP_MEMBERS, MAX_GROUP_NICKNAME
from gateway.wire import fields
from gateway.wire.ed25519 import is_signed
from gateway.wire.tlv import read_tlv16, tlv16

GROUP_ID: Final = 16  # bytes
NONCE: Final = 12  # bytes
AEAD_TAG: Final = 16  # bytes
_MEMBER: Final = 2 * fields.KEY + 1  # bytes before the nickname
_STATE_DOMAIN: Final = b"bitchat-group-v1"
_TEXT_DOMAIN: Final = b"bitchat-group-msg-v1"


@dataclass(frozen=True, slots=True)
class GroupMessage:
    """A message only members of the group can open."""

    group_id: bytes
    epoch: int
    nonce: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class GroupText:
    """What a member finds inside; the time is Unix milliseconds."""

    message_id: str
    sender_key: bytes
    nickname: str
    timestamp_ms: int
    content: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class GroupMember:
    """One line of the roster."""

    fingerprint: bytes
    signing_key: bytes
    nickname: str


@dataclass(frozen=True, slots=True)
class GroupState:
    """A group as its creator signed it: name, key of this epoch, roster."""

    group_id: bytes
    name: str
    key: bytes
    epoch: int
    roster: tuple[GroupMember, ...]
    creator: bytes
    signature: bytes


def associated_data(group_id: bytes, epoch: int) -> bytes:
    """Return what the cipher binds to the ciphertext: the fields a relay can read."""
    return group_id + fields.pack(epoch, fields.U32)


def decode_group_message(payload: bytes) -> GroupMessage:
    """Return the message in `payload`, still sealed; raises `DecodeError` (TLV or FIELD)."""
    tlvs = dict(read_tlv16(payload))
    ciphertext = fields.need(tlvs, 0x04, "ciphertext")
    if len(ciphertext) < AEAD_TAG:
        raise DecodeError(Reason.FIELD, "ciphertext shorter than its tag")
    return GroupMessage(
        fields.fixed(fields.need(tlvs, 0x01, "group ID"), GROUP_ID, "group ID"),
        fields.unsigned(fields.need(tlvs, 0x02, "epoch"), fields.U32, "epoch"),
        fields.fixed(fields.need(tlvs, 0x03, "nonce"), NONCE, "nonce"),
        ciphertext,
    )


def encode_group_message(message: GroupMessage) -> bytes:
    """Return the payload; raises `ValueError` for a field of the wrong size."""
    fields.check(ok=(len(message.group_id), len(message.nonce)) == (GROUP_ID, NONCE), what="group ID or nonce of wrong size")
    fields.check(ok=AEAD_TAG <= len(message.ciphertext) <= 0xFFFF, what="ciphertext of 16 to 65,535 bytes")
    return (
        tlv16(0x01, message.group_id)
        + tlv16(0x02, fields.pack(message.epoch, fields.U32))
        + tlv16(0x03, message.nonce)
        + tlv16(0x04, message.ciphertext)
    )


def text_signed_bytes(group_id: bytes, epoch: int, text: GroupText) -> bytes:
    """Return what the sender of a text signs; the epoch keeps others from sealing it again later."""
    return b"".join(
        (
            _TEXT_DOMAIN,
            associated_data(group_id, epoch),
            text.message_id.encode(),
            fields.pack(text.timestamp_ms, fields.U64),
            text.content.encode(),
        ),
    )


def verify_group_text(group_id: bytes, epoch: int, text: GroupText) -> bool:
    """Tell whether the sender named in the text made it; that he is a member is another question."""
    return is_signed(text_signed_bytes(group_id, epoch, text), text.signature, text.sender_key)


def decode_group_text(plaintext: bytes) -> GroupText:
    """Return the text in an opened message; raises `DecodeError` (TLV, TEXT or FIELD)."""
    tlvs = dict(read_tlv16(plaintext))
    return GroupText(
        fields.text(fields.need(tlvs, 0x01, "message ID"), "message ID"),
        fields.fixed(fields.need(tlvs, 0x02, "sender key"), fields.KEY, "sender key"),
        fields.text(fields.need(tlvs, 0x03, "nickname"), "nickname"),
        fields.unsigned(fields.need(tlvs, 0x04, "time"), fields.U64, "time"),
        fields.text(fields.need(tlvs, 0x05, "content"), "content"),
        fields.fixed(fields.need(tlvs, 0x06, "signature"), fields.SIGNATURE, "signature"),
    )


def encode_group_text(text: GroupText) -> bytes:
    """Return the plaintext to seal; raises `ValueError` for a field of the wrong size."""
    sizes = (len(text.sender_key), len(text.signature))
    fields.check(ok=sizes == (fields.KEY, fields.SIGNATURE), what="key or signature of wrong size")
    return b"".join(
        (
            tlv16(0x01, text.message_id.encode()),
            tlv16(0x02, text.sender_key),
            tlv16(0x03, text.nickname.encode()),
            tlv16(0x04, fields.pack(text.timestamp_ms, fields.U64)),
            tlv16(0x05, text.content.encode()),
            tlv16(0x06, text.signature),
        ),
    )


def state_signed_bytes(state: GroupState) -> bytes:
    """Return what the creator signs: key, roster and name by their SHA-256."""
    hashes = (sha256(part).digest() for part in (state.key, _encode_roster(state.roster), state.name.encode()))
    return _STATE_DOMAIN + associated_data(state.group_id, state.epoch) + b"".join(hashes)


def verify_group_state(state: GroupState) -> bool:
    """Tell whether the creator is in the roster and signed this state.

    The caller must also compare the creator with the Noise peer it came from, and with the
    creator of the group it already knows.
    """
    keys = [member.signing_key for member in state.roster if member.fingerprint == state.creator]
    return bool(keys) and is_signed(state_signed_bytes(state), state.signature, keys[0])


def decode_group_state(payload: bytes) -> GroupState:
    """Return the state in `payload`; raises `DecodeError` (TLV, TEXT, FIELD, TRUNCATED or OVERSIZED)."""
    tlvs = dict(read_tlv16(payload))
    return GroupState(
        fields.fixed(fields.need(tlvs, 0x01, "group ID"), GROUP_ID, "group ID"),
        fields.text(fields.need(tlvs, 0x02, "name"), "name"),
        fields.fixed(fields.need(tlvs, 0x03, "key"), fields.KEY, "key"),
        fields.unsigned(fields.need(tlvs, 0x04, "epoch"), fields.U32, "epoch"),
        _decode_roster(fields.need(tlvs, 0x05, "roster")),
        fields.fixed(fields.need(tlvs, 0x06, "creator"), fields.KEY, "creator"),
        fields.fixed(fields.need(tlvs, 0x07, "signature"), fields.SIGNATURE, "signature"),
    )


def encode_group_state(state: GroupState) -> bytes:
    """Return the payload; raises `ValueError` for a state no decoder accepts."""
    sizes = (len(state.group_id), len(state.key), len(state.creator), len(state.signature))
    fields.check(ok=sizes == (GROUP_ID, fields.KEY, fields.KEY, fields.SIGNATURE), what="group field of wrong size")
    return b"".join(
        (
            tlv16(0x01, state.group_id),
            tlv16(0x02, state.name.encode()),
            tlv16(0x03, state.key),
            tlv16(0x04, fields.pack(state.epoch, fields.U32)),
            tlv16(0x05, _encode_roster(state.roster)),
            tlv16(0x06, state.creator),
            tlv16(0x07, state.signature),
        ),
    )


def _decode_roster(data: bytes) -> tuple[GroupMember, ...]:
    count = data[0] if data else 0
    if count > MAX_GROUP_MEMBERS:
        raise DecodeError(Reason.OVERSIZED, "too many members")
    members: list[GroupMember] = []
    offset = 1
    for _ in range(count):
        start = offset + _MEMBER
        if start > len(data):
            raise DecodeError(Reason.TRUNCATED, "roster")
        end = start + data[start - 1]
        if end > len(data):
            raise DecodeError(Reason.TRUNCATED, "roster")
        keys, nickname = data[offset:start], fields.at_most(data[start:end], MAX_GROUP_NICKNAME, "nickname")
        member = GroupMember(keys[: fields.KEY], keys[fields.KEY : 2 * fields.KEY], fields.text(nickname, "nickname"))
        members.append(member)
        offset = end
    if not members or offset != len(data):
        raise DecodeError(Reason.FIELD, "the count of members is wrong")
    return tuple(members)


def _encode_roster(roster: tuple[GroupMember, ...]) -> bytes:
    fields.check(ok=0 < len(roster) <= MAX_GROUP_MEMBERS, what="1 to 16 members")
    out = bytearray((len(roster),))
    for member in roster:
        nickname = member.nickname.encode()
        sizes = (len(member.fingerprint), len(member.signing_key))
        fields.check(ok=sizes == (fields.KEY, fields.KEY) and len(nickname) <= MAX_GROUP_NICKNAME, what="member of wrong shape")
        out += member.fingerprint + member.signing_key + bytes((len(nickname),)) + nickname
    return bytes(out)
