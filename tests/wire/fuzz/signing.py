"""Fuzz target: verification of whatever claims to be a signed frame."""

from gateway.errors import DecodeError
from gateway.wire.packet import as_sync_answer
from gateway.wire.signing import signing_bytes, verify


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        signed = signing_bytes(data)
        verify(data, data[-32:])
    except DecodeError:
        return
    assert signing_bytes(as_sync_answer(data)) == signed
