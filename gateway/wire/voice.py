"""Live voice: 0x29 in public, Noise 0x08 in private.

    0   burst ID, 8
    8   sequence number, u16
    10  flags   01 start: codec u8             02 end: data packets u16, milliseconds u32
                04 canceled: nothing           00 data: (u16 length + AAC frame) x 1-8

Sources: BitChat iOS VoiceBurstPacket.swift, Android VoiceBurstPacket.kt.
"""

import struct
from dataclasses import dataclass
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_VOICE_CONTENT, MAX_VOICE_FRAMES
from gateway.wire import fields

AAC_LC_16K_MONO: Final = 0x01
_DATA: Final = 0x00
_START: Final = 0x01
_END: Final = 0x02
_CANCELED: Final = 0x04
_HEADER: Final = struct.Struct(">8sHB")
_END_BODY: Final = struct.Struct(">HI")


@dataclass(frozen=True, slots=True)
class VoiceStart:
    """A burst begins; `codec` 1 is AAC-LC, 16 kHz, mono, the only one there is."""

    codec: int = AAC_LC_16K_MONO


@dataclass(frozen=True, slots=True)
class VoiceFrames:
    """One to eight AAC frames."""

    frames: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class VoiceEnd:
    """A burst is over; what was sent in all."""

    data_packets: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class VoiceCanceled:
    """A burst must be forgotten."""


@dataclass(frozen=True, slots=True)
class VoiceBurst:
    """One packet of live speech; data packets are numbered from 1."""

    burst_id: bytes
    seq: int
    body: VoiceStart | VoiceFrames | VoiceEnd | VoiceCanceled


def decode_voice(payload: bytes) -> VoiceBurst:
    """Return the packet in `payload`; raises `DecodeError` (SHORT, TRUNCATED, FIELD or OVERSIZED)."""
    if len(payload) < _HEADER.size:
        raise DecodeError(Reason.SHORT, "voice header")
    burst_id, seq, flags = _HEADER.unpack_from(payload)
    rest = payload[_HEADER.size :]
    if flags == _DATA:
        return VoiceBurst(burst_id, seq, VoiceFrames(_frames(rest)))
    if flags == _CANCELED:
        return VoiceBurst(burst_id, seq, VoiceCanceled())
    if flags == _START:
        if rest[:1] != bytes((AAC_LC_16K_MONO,)):
            raise DecodeError(Reason.FIELD, "unknown codec")
        return VoiceBurst(burst_id, seq, VoiceStart())
    if flags == _END:
        if len(rest) < _END_BODY.size:
            raise DecodeError(Reason.TRUNCATED, "end of voice burst")
        return VoiceBurst(burst_id, seq, VoiceEnd(*_END_BODY.unpack_from(rest)))
    raise DecodeError(Reason.FIELD, f"voice flags {flags:#x}")


def _frames(data: bytes) -> tuple[bytes, ...]:
    frames: list[bytes] = []
    offset = 0
    while offset < len(data):
        start = offset + fields.U16
        offset = start + int.from_bytes(data[offset:start])
        if start > len(data) or offset > len(data):
            raise DecodeError(Reason.TRUNCATED, "voice frame")
        if start == offset:
            raise DecodeError(Reason.FIELD, "empty voice frame")
        if len(frames) == MAX_VOICE_FRAMES:
            raise DecodeError(Reason.OVERSIZED, "too many voice frames")
        frames.append(data[start:offset])
    if not frames:
        raise DecodeError(Reason.FIELD, "no voice frame")
    return tuple(frames)


def encode_voice(burst: VoiceBurst) -> bytes:
    """Return the payload; raises `ValueError` for frames no decoder accepts or more than fits one BLE frame."""
    fields.check(ok=len(burst.burst_id) == 8 and 0 <= burst.seq <= 0xFFFF, what="burst ID of 8 bytes, sequence of 16 bits")
    body = burst.body
    if isinstance(body, VoiceStart):
        fields.check(ok=body.codec == AAC_LC_16K_MONO, what="unknown codec")
        flags, rest = _START, bytes((body.codec,))
    elif isinstance(body, VoiceEnd):
        fields.check(ok=0 <= body.data_packets <= 0xFFFF and 0 <= body.duration_ms < 1 << 32, what="end of burst out of range")
        flags, rest = _END, _END_BODY.pack(body.data_packets, body.duration_ms)
    elif isinstance(body, VoiceCanceled):
        flags, rest = _CANCELED, b""
    else:
        fields.check(ok=0 < len(body.frames) <= MAX_VOICE_FRAMES and all(body.frames), what="1 to 8 frames, none empty")
        flags, rest = _DATA, b"".join(len(frame).to_bytes(fields.U16) + frame for frame in body.frames)
        fields.check(ok=_HEADER.size + len(rest) <= MAX_VOICE_CONTENT, what="more than one BLE frame holds")
    return _HEADER.pack(burst.burst_id, burst.seq, flags) + rest
