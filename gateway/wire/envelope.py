"""The envelope that carries packets between sites, in one of three encodings.

One schema (`gateway.wire.envelope_schema`), three encodings: MessagePack between
gateways, JSON for people and scripts, Protobuf for everybody else's tools. What a newer
version adds survives a site that does not know it. The formats are described in
docs/protocol/envelope.md.
"""

from typing import Final

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_ENVELOPE, MAX_ENVELOPE_JSON
from gateway.wire import envelope_json, envelope_msgpack, envelope_protobuf
from gateway.wire.envelope_schema import Encoding, Envelope, Foreign, Kind, Unknown

__all__ = ["Encoding", "Envelope", "Foreign", "Kind", "Unknown", "decode", "encode"]

_CODECS: Final = {
    Encoding.MSGPACK: (envelope_msgpack.encode, envelope_msgpack.decode, MAX_ENVELOPE),
    Encoding.JSON: (envelope_json.encode, envelope_json.decode, MAX_ENVELOPE_JSON),
    Encoding.PROTOBUF: (envelope_protobuf.encode, envelope_protobuf.decode, MAX_ENVELOPE),
}


def encode(envelope: Envelope, encoding: Encoding = Encoding.MSGPACK) -> bytes:
    """Return the envelope in one encoding; raises `ValueError` for one that no site would accept."""
    write, _, _ = _CODECS[encoding]
    return write(envelope)


def decode(data: bytes, encoding: Encoding = Encoding.MSGPACK) -> Envelope:
    """Return the envelope in `data`; raises `DecodeError` (ENVELOPE, or OVERSIZED over a cap)."""
    _, read, limit = _CODECS[encoding]
    if len(data) > limit:
        raise DecodeError(Reason.OVERSIZED, f"envelope of {len(data)} bytes")
    return read(data)
