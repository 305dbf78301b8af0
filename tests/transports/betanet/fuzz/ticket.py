"""Fuzz target: the text of a ticket."""

from transports.betanet.admission import Admission, prefix_of
from transports.betanet.errors import BetanetError
from transports.betanet.tickets import TicketKey, decode_ticket, from_text, to_text

HERE = prefix_of("192.0.2.1")
SITE = Admission([TicketKey(b"t" * 32, b"ticket01")], stand_in=b"s" * 32, now=0.0)


def fuzz_one(data: bytes) -> None:
    """Let nothing but `BetanetError` pass, and nobody in."""
    text = data.decode("latin-1")
    assert SITE.judge(text, HERE, 0.0) is False
    try:
        payload = from_text(text)
        assert to_text(payload) == text
        ticket = decode_ticket(payload)
    except BetanetError:
        return
    assert payload[1:].startswith(ticket.client_public + ticket.key_id + ticket.nonce + ticket.proof)
