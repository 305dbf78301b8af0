from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DecodeError
from gateway.wire.payloads import decode_payload, to_json
from tests.wire.payload_strategies import CODECS, properties

codecs = pytest.mark.parametrize("codec", CODECS)


@codecs
@given(data=st.data())
@properties
def test_what_was_encoded_decodes_to_the_same_value(codec, data):
    values, encode, decode = CODECS[codec]
    value = data.draw(values)
    assert decode(encode(value)) == value


@codecs
@given(data=st.data())
@properties
def test_a_decoder_lets_nothing_out_but_decode_error(codec, data):
    values, encode, decode = CODECS[codec]
    payload = bytearray(encode(data.draw(values)))
    position = data.draw(st.integers(0, len(payload) - 1))
    payload[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with suppress(DecodeError):
        decode(bytes(payload))


@given(st.sampled_from([*range(0x30), 0xFF]), st.binary(max_size=200))
@properties
def test_arbitrary_bytes_of_any_packet_type_decode_to_json_or_decode_error(message_type, payload):
    with suppress(DecodeError):
        value = decode_payload(message_type, payload)
        assert value is None or isinstance(to_json(value), dict)


@codecs
@given(data=st.data())
@properties
def test_every_value_has_a_json_form(codec, data):
    values, _, _ = CODECS[codec]
    assert to_json(data.draw(values))
