"""Fuzz target: the plaintext of a control frame."""

from transports.betanet.errors import BetanetError
from transports.betanet.frames import decode_close, decode_credit, encode_close, encode_credit
from transports.betanet.frames12 import decode_credit12, decode_stream12, encode_credit12, encode_stream12

CODECS = (
    (decode_close, encode_close),
    (decode_credit, encode_credit),
    (decode_credit12, encode_credit12),
    (decode_stream12, encode_stream12),
)


def fuzz_one(data: bytes) -> None:
    """Let nothing but `BetanetError` pass."""
    for decode, encode in CODECS:
        try:
            value = decode(data)
        except BetanetError:
            continue
        assert encode(value) == data
