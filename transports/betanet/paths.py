"""PATH_CONTROL of the 1.2 draft and the control stream of 1.1: who may pass traffic on to whom.

    PATH_CONTROL, the payload of a frame of type 0x20
    u8 2 | u8 kind (1 one path, 3 several) | u16 length of all | u16 length of all | u8 flags | u8 count | segments
    segment    next NodeID 20 | u32 expiry, unix seconds | u64 timestamp, unix milliseconds | u16 length | signature
    signed     SHA-256("BN-L1-seg" || version || kind || flags || next || expiry || previous NodeID || timestamp)

    control stream, deterministic CBOR {prevAS, nextAS, TS, FLOW, NONCE, SIG}
    signed     u64 prevAS || u64 nextAS || u64 TS || FLOW 8 || NONCE 8 || "bn-t1"

Signatures are Ed25519. Congestion feedback (flag 1) and encrypted metadata (flag 0) are refused.

Source: BetaNet 1.2 draft, sections 7.2 and 7.3; 1.1, section 4.2. The draft gives the expiry 32 bits and all times
in milliseconds: read as seconds. AS numbers and TS are signed as u64.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from transports.betanet.detcbor import decode_map, encode_cbor, fixed, unsigned
from transports.betanet.errors import malformed
from transports.betanet.identity import NODE_ID_BYTES
from transports.betanet.signatures import SIGNATURE_BYTES

VERSION: Final = 2
ONE_PATH: Final = 1
SEVERAL_PATHS: Final = 3
_HEAD: Final = 8
_SEGMENT: Final = NODE_ID_BYTES + 4 + 8 + 2 + SIGNATURE_BYTES
_SEGMENT_CONTEXT: Final = b"BN-L1-seg"
_TRANSITION_CONTEXT: Final = b"bn-t1"
_TRANSITION: Final = ("prevAS", "nextAS", "TS", "FLOW", "NONCE", "SIG")
_ID: Final = 8


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a path: to whom, until when (unix seconds), and said when (unix milliseconds)."""

    next_node: bytes
    expiry: int
    timestamp_ms: int
    signature: bytes = b""

    def signed(self, previous_node: bytes, kind: int = ONE_PATH) -> bytes:
        """Return the 32 bytes that are signed by the node before."""
        times = self.expiry.to_bytes(4), self.timestamp_ms.to_bytes(8)
        return sha256(_SEGMENT_CONTEXT + bytes((VERSION, kind, 0)) + self.next_node + times[0] + previous_node + times[1]).digest()


@dataclass(frozen=True, slots=True)
class Transition:
    """One message of the control stream; `timestamp` in unix seconds."""

    previous_as: int
    next_as: int
    timestamp: int
    flow: bytes
    nonce: bytes
    signature: bytes = b""

    def signed(self) -> bytes:
        """Return the bytes that are signed."""
        numbers = b"".join(number.to_bytes(8) for number in (self.previous_as, self.next_as, self.timestamp))
        return numbers + self.flow + self.nonce + _TRANSITION_CONTEXT


def sign_segment(segment: Segment, key: Ed25519PrivateKey, previous_node: bytes, kind: int = ONE_PATH) -> Segment:
    """Return the segment with the signature of the node before it."""
    signature = key.sign(segment.signed(previous_node, kind))
    return Segment(segment.next_node, segment.expiry, segment.timestamp_ms, signature)


def encode_path(segments: tuple[Segment, ...]) -> bytes:
    """Return the payload of PATH_CONTROL for 1 to 255 segments; raises `ValueError` for other numbers."""
    if not 0 < len(segments) <= 0xFF:
        raise ValueError(f"{len(segments)} segments")
    kind = ONE_PATH if len(segments) == 1 else SEVERAL_PATHS
    size = (_HEAD + _SEGMENT * len(segments)).to_bytes(2)
    head = bytes((VERSION, kind)) + size + size + bytes((0, len(segments)))
    return head + b"".join(
        each.next_node + each.expiry.to_bytes(4) + each.timestamp_ms.to_bytes(8) + SIGNATURE_BYTES.to_bytes(2) + each.signature
        for each in segments
    )


def decode_path(payload: bytes) -> tuple[Segment, ...]:
    """Return the segments of PATH_CONTROL; nobody's signature is checked yet.

    Raises:
        BetanetError: another version or kind, flags, lengths that do not agree, or a signature that is no Ed25519 one.
    """
    count = payload[7] if len(payload) >= _HEAD else 0
    size = (_HEAD + _SEGMENT * count).to_bytes(2)
    kind = ONE_PATH if count == 1 else SEVERAL_PATHS
    if not count or payload[:_HEAD] != bytes((VERSION, kind)) + size + size + bytes((0, count)) or len(payload) != int.from_bytes(size):
        raise malformed("not a path")
    return tuple(_segment(payload[at : at + _SEGMENT]) for at in range(_HEAD, len(payload), _SEGMENT))


def _segment(data: bytes) -> Segment:
    if int.from_bytes(data[32:34]) != SIGNATURE_BYTES:
        raise malformed("a segment's signature has another length")
    return Segment(data[:20], int.from_bytes(data[20:24]), int.from_bytes(data[24:32]), data[34:])


def sign_transition(transition: Transition, key: Ed25519PrivateKey) -> bytes:
    """Return a message of the control stream, signed."""
    values = (transition.previous_as, transition.next_as, transition.timestamp, transition.flow, transition.nonce)
    return encode_cbor(dict(zip(_TRANSITION, (*values, key.sign(transition.signed())), strict=True)))


def decode_transition(message: bytes) -> Transition:
    """Return a message of the control stream; its signature is not checked yet.

    Raises:
        BetanetError: a field is missing, too many, or of another kind or size.
    """
    fields = decode_map(message, *_TRANSITION)
    previous_as, next_as, timestamp = (unsigned(fields[name]) for name in _TRANSITION[:3])
    flow, nonce = (fixed(fields[name], _ID) for name in _TRANSITION[3:5])
    return Transition(previous_as, next_as, timestamp, flow, nonce, fixed(fields["SIG"], SIGNATURE_BYTES))
