"""What travels inside a Noise session: one type byte, then one of these.

    01 private message   TLV8: 00 message ID, 01 content; both UTF-8 up to 255 bytes; strict
    02 read, 03 delivered      the message ID in UTF-8, nothing else
    06, 07 group state         gateway.wire.group
    08 live voice              gateway.wire.voice
    10 challenge         TLV8: 01 Noise key as 64 hex digits, 02 nonce, 16
    11 response          the same and 03 Ed25519 signature, 64
    12 vouches                 gateway.wire.vouch
    20 private file            gateway.wire.file (09 is read as 20, never written)
    21 peer state        version 1, TLV8: 01 capabilities, 02 Ed25519 key; each once

Sources: BitChat iOS Packets.swift, NoisePayload.swift, VerificationService.swift, Android
AuthenticatedPeerState.kt.
"""

from dataclasses import dataclass
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_MESSAGE_ID
from gateway.wire import fields
from gateway.wire.announce import CAPABILITY_BYTES, decode_capabilities, encode_capabilities
from gateway.wire.ed25519 import is_signed
from gateway.wire.file import FileTransfer, decode_file, encode_file
from gateway.wire.group import GroupState, decode_group_state, encode_group_state
from gateway.wire.tlv import read_tlv8, tlv8
from gateway.wire.types import NoisePayloadType as Type
from gateway.wire.voice import VoiceBurst, decode_voice, encode_voice
from gateway.wire.vouch import VouchBatch, decode_vouches, encode_vouches

NONCE: Final = 16  # bytes
_PEER_STATE_VERSION: Final = 1
_RESPONSE_DOMAIN: Final = b"bitchat-verify-resp-v1"
_HEX_DIGITS: Final = frozenset(b"0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class PrivateMessage:
    """A text for one reader; both fields hold at most 255 bytes of UTF-8."""

    message_id: str
    content: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """The far end has this message."""

    message_id: str


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """The far end has shown this message."""

    message_id: str


@dataclass(frozen=True, slots=True)
class PeerState:
    """The strongest proof of a signing key: it comes from the owner of the Noise key."""

    capabilities: int
    signing_public_key: bytes


@dataclass(frozen=True, slots=True)
class VerifyChallenge:
    """Asks the owner of a Noise key (64 hex digits) to sign a nonce of 16 bytes."""

    noise_key_hex: str
    nonce: bytes


@dataclass(frozen=True, slots=True)
class VerifyResponse:
    """Answers a challenge."""

    noise_key_hex: str
    nonce: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class GroupInvite:
    """A group we are invited to."""

    state: GroupState


@dataclass(frozen=True, slots=True)
class GroupKeyUpdate:
    """A new epoch of a group we are in."""

    state: GroupState


@dataclass(frozen=True, slots=True)
class UnknownNoisePayload:
    """A payload of a type we have no name for."""

    payload_type: int
    data: bytes


NoisePayload = (
    PrivateMessage
    | Delivered
    | ReadReceipt
    | PeerState
    | VerifyChallenge
    | VerifyResponse
    | GroupInvite
    | GroupKeyUpdate
    | VoiceBurst
    | VouchBatch
    | FileTransfer
    | UnknownNoisePayload
)


def decode_noise_payload(plaintext: bytes) -> NoisePayload:
    """Return what a decrypted Noise message says; raises `DecodeError`, SHORT for no byte at all."""
    if not plaintext:
        raise DecodeError(Reason.SHORT, "Noise payload")
    kind, body = plaintext[0], plaintext[1:]
    match kind:
        case Type.PRIVATE_MESSAGE:
            return _decode_message(body)
        case Type.READ_RECEIPT:
            return ReadReceipt(_message_id(body))
        case Type.DELIVERED:
            return Delivered(_message_id(body))
        case Type.GROUP_INVITE:
            return GroupInvite(decode_group_state(body))
        case Type.GROUP_KEY_UPDATE:
            return GroupKeyUpdate(decode_group_state(body))
        case Type.VOICE:
            return decode_voice(body)
        case Type.VERIFY_CHALLENGE:
            tlvs = dict(read_tlv8(body))
            return VerifyChallenge(*_question(tlvs))
        case Type.VERIFY_RESPONSE:
            tlvs = dict(read_tlv8(body))
            signature = fields.fixed(fields.need(tlvs, 0x03, "signature"), fields.SIGNATURE, "signature")
            return VerifyResponse(*_question(tlvs), signature)
        case Type.VOUCH:
            return decode_vouches(body)
        case Type.PRIVATE_FILE | Type.PRIVATE_FILE_ALIAS:
            return decode_file(body)
        case Type.PEER_STATE:
            return _decode_peer_state(body)
        case _:
            return UnknownNoisePayload(kind, body)


def encode_noise_payload(value: NoisePayload) -> bytes:
    """Return the plaintext to encrypt; raises `ValueError` for a value no decoder accepts."""
    match value:
        case PrivateMessage():
            kind, body = int(Type.PRIVATE_MESSAGE), _encode_message(value)
        case ReadReceipt():
            kind, body = Type.READ_RECEIPT, _encode_message_id(value.message_id)
        case Delivered():
            kind, body = Type.DELIVERED, _encode_message_id(value.message_id)
        case GroupInvite():
            kind, body = Type.GROUP_INVITE, encode_group_state(value.state)
        case GroupKeyUpdate():
            kind, body = Type.GROUP_KEY_UPDATE, encode_group_state(value.state)
        case VoiceBurst():
            kind, body = Type.VOICE, encode_voice(value)
        case VerifyChallenge():
            kind, body = Type.VERIFY_CHALLENGE, _encode_question(value)
        case VerifyResponse():
            fields.check(ok=len(value.signature) == fields.SIGNATURE, what="a signature has 64 bytes")
            kind, body = Type.VERIFY_RESPONSE, _encode_question(value) + tlv8(0x03, value.signature)
        case VouchBatch():
            kind, body = Type.VOUCH, encode_vouches(value)
        case FileTransfer():
            kind, body = Type.PRIVATE_FILE, encode_file(value)
        case PeerState():
            kind, body = Type.PEER_STATE, _encode_peer_state(value)
        case UnknownNoisePayload():
            kind, body = value.payload_type, value.data
    return fields.pack(kind, 1) + body


def _decode_message(body: bytes) -> PrivateMessage:
    tlvs = dict(read_tlv8(body))
    if not tlvs.keys() <= {0x00, 0x01}:
        raise DecodeError(Reason.TLV, "a private message has no other fields")
    message_id = fields.text(fields.need(tlvs, 0x00, "message ID"), "message ID")
    return PrivateMessage(message_id, fields.text(fields.need(tlvs, 0x01, "content"), "content"))


def _encode_message(message: PrivateMessage) -> bytes:
    message_id, content = message.message_id.encode(), message.content.encode()
    fields.check(ok=len(message_id) <= MAX_MESSAGE_ID and len(content) <= 0xFF, what="ID or text over 255 bytes")
    return tlv8(0x00, message_id) + tlv8(0x01, content)


def _message_id(body: bytes) -> str:
    return fields.text(fields.at_most(fields.required(body or None, "message ID"), MAX_MESSAGE_ID, "message ID"), "message ID")


def _encode_message_id(message_id: str) -> bytes:
    body = message_id.encode()
    fields.check(ok=0 < len(body) <= MAX_MESSAGE_ID, what="a message ID has 1 to 255 bytes")
    return body


def _decode_peer_state(body: bytes) -> PeerState:
    if body[:1] != bytes((_PEER_STATE_VERSION,)):
        raise DecodeError(Reason.VERSION, "peer state")
    capabilities: bytes | None = None
    signing_key: bytes | None = None
    for kind, value in read_tlv8(body[1:]):
        if (kind == 0x01 and capabilities is not None) or (kind == 0x02 and signing_key is not None):
            raise DecodeError(Reason.TLV, "peer state repeats a field")
        if kind == 0x01:
            capabilities = fields.at_most(value, CAPABILITY_BYTES, "capabilities")
        elif kind == 0x02:
            signing_key = fields.fixed(value, fields.KEY, "signing key")
    bits = decode_capabilities(fields.required(capabilities, "capabilities"))
    if encode_capabilities(bits) != capabilities:
        raise DecodeError(Reason.FIELD, "capabilities are not in their shortest form")
    return PeerState(bits, fields.required(signing_key, "signing key"))


def _encode_peer_state(state: PeerState) -> bytes:
    fields.check(ok=0 <= state.capabilities < 1 << 64, what="capabilities are 64 bits")
    fields.check(ok=len(state.signing_public_key) == fields.KEY, what="signing key must have 32 bytes")
    capabilities = tlv8(0x01, encode_capabilities(state.capabilities))
    return bytes((_PEER_STATE_VERSION,)) + capabilities + tlv8(0x02, state.signing_public_key)


def _question(tlvs: dict[int, bytes]) -> tuple[str, bytes]:
    key = fields.fixed(fields.need(tlvs, 0x01, "Noise key"), 2 * fields.KEY, "Noise key")
    if not _HEX_DIGITS.issuperset(key):
        raise DecodeError(Reason.FIELD, "Noise key is not hex")
    return key.decode(), fields.fixed(fields.need(tlvs, 0x02, "nonce"), NONCE, "nonce")


def _encode_question(value: VerifyChallenge | VerifyResponse) -> bytes:
    key = value.noise_key_hex.encode()
    fields.check(ok=len(key) == 2 * fields.KEY and _HEX_DIGITS.issuperset(key), what="the Noise key is 64 hex digits")
    fields.check(ok=len(value.nonce) == NONCE, what="the nonce has 16 bytes")
    return tlv8(0x01, key) + tlv8(0x02, value.nonce)


def signed_bytes(response: VerifyResponse) -> bytes:
    """Return what the answering peer signs."""
    key = response.noise_key_hex.encode()
    return _RESPONSE_DOMAIN + fields.pack(len(key), 1) + key + response.nonce


def verify_response(response: VerifyResponse, signing_key: bytes) -> bool:
    """Tell whether the owner of the Ed25519 key `signing_key` answered; the caller compares key and nonce."""
    return is_signed(signed_bytes(response), response.signature, signing_key)
