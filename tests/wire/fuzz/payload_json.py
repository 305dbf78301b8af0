"""Fuzz target: a payload of any type (the first byte) and its JSON form."""

import json

from gateway.errors import DecodeError
from gateway.wire.payloads import decode_payload, to_json


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass."""
    try:
        value = decode_payload(data[0] if data else 0, data[1:])
    except DecodeError:
        return
    if value is not None:
        json.dumps(to_json(value))
