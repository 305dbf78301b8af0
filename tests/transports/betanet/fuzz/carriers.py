"""Fuzz target: headers and fields that carry tickets."""

from transports.betanet.carriers import decode_policy, encode_policy, find_ticket
from transports.betanet.errors import BetanetError
from transports.betanet.ticket_header import decode_header_value, encode_header_value


def fuzz_one(data: bytes) -> None:
    """Let nothing but `BetanetError` pass."""
    text = data.decode("latin-1")
    for parts in ({"cookie": text}, {"query": text}, {"body": text}):
        found = find_ticket("__Host-public", **parts)
        assert found is None or isinstance(found, str)
    try:
        policy = decode_policy(text)
    except BetanetError:
        pass
    else:
        assert decode_policy(encode_policy(policy)) == policy
    try:
        header = decode_header_value(text)
    except BetanetError:
        return
    assert encode_header_value(header) == text
