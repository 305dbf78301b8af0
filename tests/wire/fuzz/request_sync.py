"""Fuzz target: a REQUEST_SYNC and the filter in it."""

from gateway.errors import DecodeError
from gateway.wire.gcs import contains
from gateway.wire.sync import decode_request_sync, encode_request_sync


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        request = decode_request_sync(data)
    except DecodeError:
        return
    contains(request.filter, b"sixteen bytes id")
    assert decode_request_sync(encode_request_sync(request)) == request
