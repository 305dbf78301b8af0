"""Tickets as bytes, as a text for a QR code, and as a code for people."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_TICKET, MAX_TICKET_ADDRESS, MAX_TICKET_ADDRESSES, MAX_TICKET_TEXT, MAX_TICKET_USES
from gateway.wire.ticket import (
    EVERYTHING,
    ORDINARY,
    Scope,
    Ticket,
    code_of,
    decode,
    encode,
    from_text,
    is_genuine,
    read_code,
    secret_of,
    signed_bytes,
    to_text,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ISSUER = KEY.public_key().public_bytes_raw()


def signed(**changes):
    plain = {
        "scope": ORDINARY,
        "uses": 1,
        "not_before": 1_800_000_000,
        "expires": 1_800_003_600,
        "until": 0,
        "nonce": bytes(16),
        "issuer": ISSUER,
        "audience": b"",
        "addresses": ("/dns/hut.example/tcp/4001", "wss://hut.example:8443"),
    }
    draft = Ticket(**(plain | changes))
    return replace(draft, signature=KEY.sign(signed_bytes(draft)))


U64 = st.integers(0, 2**64 - 1)
TICKETS = st.builds(
    lambda times, **changes: signed(not_before=min(times), expires=max(times), **changes),
    st.lists(U64, min_size=2, max_size=2, unique=True),
    scope=st.integers(1, EVERYTHING).map(Scope),
    uses=st.integers(1, MAX_TICKET_USES),
    until=U64,
    nonce=st.binary(min_size=16, max_size=16),
    audience=st.sampled_from([b"", bytes(32), ISSUER]),
    addresses=st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40), max_size=4).map(tuple),
)


def reason(call, what):
    with pytest.raises(DecodeError) as caught:
        call(what)
    return caught.value.reason


@given(TICKETS)
def test_a_ticket_survives_both_ways_of_writing(ticket):
    assert decode(encode(ticket)) == from_text(to_text(ticket)) == ticket
    assert is_genuine(ticket)
    assert len(encode(ticket)) <= MAX_TICKET
    assert len(to_text(ticket)) <= MAX_TICKET_TEXT


def test_the_layout_is_as_documented():
    data = encode(signed(audience=bytes(32), addresses=("ab",)))
    assert data[:3] == bytes((1, 7, 1))
    assert data[3:11] == (1_800_000_000).to_bytes(8)
    assert data[43:75] == ISSUER
    assert data[75] == 32
    assert data[108:112] == b"\x01\x02ab"
    assert len(data) == 112 + 64
    KEY.public_key().verify(data[112:], b"meshgate ticket 1\0" + data[:112])


@given(st.data())
def test_a_signature_covers_every_bit(data):
    raw = bytearray(encode(signed()))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    try:
        ticket = decode(bytes(raw))
    except DecodeError:
        return
    assert not is_genuine(ticket)


def test_every_ticket_that_was_cut_is_truncated():
    whole, text = encode(signed()), to_text(signed())
    assert {reason(decode, whole[:end]) for end in range(len(whole))} == {Reason.TRUNCATED}
    assert {reason(from_text, text[:end]) for end in range(len("MESHGATE:") + 8, len(text))} == {Reason.TRUNCATED}


def test_what_no_ticket_of_this_version_has_is_refused():
    whole = encode(signed(addresses=()))

    def put(at, *values):
        return whole[:at] + bytes(values) + whole[at + len(values) :]

    assert reason(decode, put(0, 2)) is Reason.VERSION
    assert reason(decode, put(1, 0)) is Reason.FIELD
    assert reason(decode, put(1, 0x17)) is Reason.FIELD
    assert reason(decode, put(2, 0)) is Reason.FIELD
    assert reason(decode, put(2, MAX_TICKET_USES + 1)) is Reason.FIELD
    assert reason(decode, put(11, *bytes(8))) is Reason.FIELD
    assert reason(decode, put(75, 31)) is Reason.FIELD
    assert reason(decode, put(76, MAX_TICKET_ADDRESSES + 1)) is Reason.OVERSIZED
    assert reason(decode, whole + b"\0") is Reason.FIELD
    assert reason(decode, whole + bytes(MAX_TICKET)) is Reason.OVERSIZED
    assert reason(decode, whole[:76] + b"\x01\x01\xff" + whole[77:]) is Reason.TEXT
    assert reason(decode, whole[:76] + b"\x01\x01\n" + whole[77:]) is Reason.FIELD
    assert reason(decode, whole[:76] + b"\x01\x00" + whole[77:]) is Reason.FIELD
    long = MAX_TICKET_ADDRESS + 1
    assert reason(decode, whole[:76] + bytes((1, long)) + b"a" * long + whole[77:]) is Reason.FIELD


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": Scope(0)},
        {"uses": 0},
        {"uses": MAX_TICKET_USES + 1},
        {"expires": 1_800_000_000},
        {"expires": 2**64},
        {"until": 2**64},
        {"nonce": bytes(15)},
        {"issuer": bytes(31)},
        {"audience": bytes(31)},
        {"addresses": ("a",) * (MAX_TICKET_ADDRESSES + 1)},
        {"addresses": ("a" * (MAX_TICKET_ADDRESS + 1),)},
        {"addresses": ("a\nb",)},
        {"addresses": ("",)},
    ],
)
def test_a_ticket_nobody_would_take_is_not_written(changes):
    with pytest.raises(ValueError, match=r"."):
        signed(**changes)


@given(st.binary(max_size=400))
def test_no_bytes_do_more_than_be_refused(data):
    for call in (decode, lambda raw: decode(b"\x01" + raw)):
        try:
            call(data)
        except DecodeError:
            continue


@given(st.text(max_size=60))
def test_no_text_does_more_than_be_refused(text):
    for call, shown in ((from_text, text), (from_text, "MESHGATE:" + text), (read_code, text)):
        with pytest.raises(DecodeError):
            call(shown)


def test_a_text_is_read_however_it_was_wrapped():
    ticket = signed()
    text = to_text(ticket)
    assert from_text(" " + "\n".join(text[at : at + 40] for at in range(0, len(text), 40)).lower()) == ticket


def test_a_misread_letter_is_told_from_a_forgery():
    text = to_text(signed())
    for at in (150, 200, len(text) - 2):
        wrong = text[:at] + ("3" if text[at] != "3" else "4") + text[at + 1 :]
        assert reason(from_text, wrong) is Reason.TEXT
    assert reason(from_text, "MESHGATE:" + "0" * MAX_TICKET_TEXT) is Reason.OVERSIZED


def test_a_text_fits_a_qr_code_of_version_12():
    assert len(to_text(signed(audience=bytes(32)))) <= 419  # QR version 12 at level M, alphanumeric


@given(TICKETS)
def test_a_code_names_the_ticket_and_its_issuer(ticket):
    text = code_of(ticket)
    assert [len(group) for group in text.split("-")] == [5] * 5
    code = read_code(text.lower())
    assert code.secret == secret_of(ticket)
    assert code.is_of(ISSUER)
    assert not code.is_of(bytes(32))


def test_a_misread_code_is_refused():
    text = code_of(signed())
    wrong = 0
    for at in range(len(text)):
        for letter in "0123456789ABCDEFGHJKMNPQRSTVWXYZ":
            if text[at] != "-" and letter != text[at]:
                try:
                    read_code(text[:at] + letter + text[at + 1 :])
                except DecodeError:
                    continue
                wrong += 1
    assert wrong <= 5  # of 775, each with a chance of 1 in 1,024
    for cut in (text[:-1], text + "0", ""):
        assert reason(read_code, cut) is Reason.TEXT
    assert reason(read_code, "0" * (MAX_TICKET_TEXT + 1)) is Reason.TEXT
