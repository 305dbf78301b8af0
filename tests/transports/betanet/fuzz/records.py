"""Fuzz target: records of the higher layers."""

from transports.betanet.errors import BetanetError
from transports.betanet.paths import decode_path, decode_transition, encode_path
from transports.betanet.records import (
    decode_alias,
    decode_request,
    decode_response,
    decode_voucher,
    encode_request,
    encode_response,
    encode_voucher,
    open_front_origin,
)

CODECS = (
    (decode_path, encode_path),
    (decode_request, encode_request),
    (decode_response, encode_response),
    (decode_voucher, encode_voucher),
    (decode_transition, None),
    (decode_alias, None),
)


def fuzz_one(data: bytes) -> None:
    """Let nothing but `BetanetError` pass."""
    for decode, encode in CODECS:
        try:
            value = decode(data)
        except BetanetError:
            continue
        assert encode is None or encode(value) == data
    try:
        open_front_origin(data, bytes(64), bytes(32))
    except BetanetError:
        return
    raise AssertionError("nobody has signed this")
