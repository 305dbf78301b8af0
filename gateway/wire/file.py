"""Files: 0x22 in public, Noise 0x20 in private.

    01  u16 length  file name, UTF-8      optional
    02  u16 length  size, u32             old senders: u64
    03  u16 length  MIME type, UTF-8      optional
    04  u32 length  content               old senders: u16 length; repeated: joined

Unknown TLVs have a u16 length and are skipped. Sources: BitChat iOS and Android
BitchatFilePacket.
"""

from dataclasses import dataclass
from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_FILE
from gateway.wire import fields
from gateway.wire.tlv import tlv16

NAME: Final = 0x01
SIZE: Final = 0x02
MIME: Final = 0x03
CONTENT: Final = 0x04


@dataclass(frozen=True, slots=True)
class FileTransfer:
    """A whole file of 1 byte to 1 MiB."""

    content: bytes
    file_name: str | None = None
    mime: str | None = None


def decode_file(payload: bytes) -> FileTransfer:
    """Return the file in `payload`; raises `DecodeError` (TLV, TEXT, FIELD or OVERSIZED)."""
    name: str | None = None
    mime: str | None = None
    content: list[bytes] = []
    length = offset = 0
    while offset < len(payload):
        kind = payload[offset]
        start, end = _extent(payload, offset + 1, wide=kind == CONTENT)
        value = payload[start:end]
        offset = end
        if kind == NAME:
            name = fields.text(value, "file name")
        elif kind == MIME:
            mime = fields.text(value, "MIME type")
        elif kind == SIZE and len(value) in (fields.U32, fields.U64) and int.from_bytes(value) > MAX_FILE:
            raise DecodeError(Reason.OVERSIZED, "declared file size")
        elif kind == CONTENT:
            content.append(value)
            length += len(value)
            if length > MAX_FILE:
                raise DecodeError(Reason.OVERSIZED, "file content")
    if not length:
        raise DecodeError(Reason.FIELD, "file content is missing")
    return FileTransfer(b"".join(content), name, mime)


def _extent(payload: bytes, offset: int, *, wide: bool) -> tuple[int, int]:
    """Return start and end of the value whose length field is at `offset`."""
    for width in (fields.U32, fields.U16) if wide else (fields.U16,):
        start = offset + width
        end = start + int.from_bytes(payload[offset:start])
        if start <= len(payload) and end <= len(payload):
            return start, end
    raise DecodeError(Reason.TLV, "a file field runs past the end")


def encode_file(file: FileTransfer) -> bytes:
    """Return the payload in the form both apps write; raises `ValueError` for content of 0 bytes or over 1 MiB."""
    fields.check(ok=0 < len(file.content) <= MAX_FILE, what="content of 1 byte to 1 MiB")
    return b"".join(
        (
            b"" if file.file_name is None else tlv16(NAME, file.file_name.encode()),
            tlv16(SIZE, fields.pack(len(file.content), fields.U32)),
            b"" if file.mime is None else tlv16(MIME, file.mime.encode()),
            bytes((CONTENT,)),
            fields.pack(len(file.content), fields.U32),
            file.content,
        ),
    )
