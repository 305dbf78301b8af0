"""Fuzz target: a frame between two gateways."""

from gateway.errors import DecodeError
from gateway.wire.trunk import Data, decode_trunk, encode_data, encode_trunk


def fuzz_one(data: bytes) -> None:
    """Let nothing but `DecodeError` pass; what is read is written as it was."""
    try:
        message = decode_trunk(data)
    except DecodeError:
        return
    again = encode_data(message.number, message.envelope) if isinstance(message, Data) else encode_trunk(message)
    assert again == data
