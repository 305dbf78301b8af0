"""Base 32 for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DecodeError, Reason
from gateway.wire import crockford

QR_ALPHANUMERIC = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


@given(st.binary(max_size=80))
def test_what_is_encoded_is_decoded_and_fits_an_alphanumeric_qr_code(data):
    text = crockford.encode(data)
    assert crockford.decode(text) == data
    assert QR_ALPHANUMERIC.issuperset(text)
    assert not set("ILOU") & set(text)


def test_it_is_rfc_4648_with_another_alphabet():
    assert crockford.encode(b"f") == "CR"
    assert crockford.encode(b"foobar") == "CSQPYRK1E8"


def test_what_people_write_instead_is_read():
    assert crockford.decode("csqp-yrk1 e8") == crockford.decode("CSQPYRKIE8") == crockford.decode("csqpyrkle8") == b"foobar"
    assert crockford.decode("o0") == b"\0"


@given(st.integers(0, 32**7 - 1))
def test_numbers_keep_their_letters(value):
    text = crockford.encode_number(value, 7)
    assert crockford.decode_number(text) == (value, 7)


@pytest.mark.parametrize("text", ["U", "é", "A!", "٣", "\N{LATIN SMALL LETTER LONG S}"])
def test_a_letter_that_cannot_be_there_is_refused(text):
    with pytest.raises(DecodeError) as caught:
        crockford.decode(text)
    assert caught.value.reason is Reason.TEXT
