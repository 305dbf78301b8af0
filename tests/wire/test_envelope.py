"""The envelope between sites: three encodings of one schema, and what strangers can try with them."""

import json
import re
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DecodeError, Reason
from gateway.limits import (
    MAX_ENVELOPE,
    MAX_ENVELOPE_JSON,
    MAX_ENVELOPE_UNKNOWN,
    MAX_ENVELOPE_UNKNOWN_BYTES,
    MAX_FRAME,
    MAX_SITES_SEEN,
)
from gateway.wire.envelope import Encoding, Envelope, Foreign, Kind, Unknown, decode, encode
from gateway.wire.envelope_protobuf import write_varint
from gateway.wire.envelope_schema import FIELDS
from tests.wire.envelope_strategies import FOREIGN, envelopes, json_pair, msgpack_pair
from tests.wire.payload_strategies import properties

DOCUMENT = (Path(__file__).parents[2] / "docs" / "protocol" / "envelope.md").read_text()
SITE = b"site-one"
PLAIN = Envelope(bytes(range(16)), Kind.FRAME, SITE, (SITE, b"site-two"), 1_786_000_000_000, 1_786_000_120_000, b"\x01\x02\x06")
every_encoding = pytest.mark.parametrize("encoding", Encoding)


def reason_of(data, encoding):
    with pytest.raises(DecodeError) as caught:
        decode(data, encoding)
    return caught.value.reason


def as_map(**changes):
    """The MessagePack map of `PLAIN` with fields changed (by number) or taken out (None)."""
    known = {1: PLAIN.packet_id, 2: 1, 3: SITE, 4: [SITE], 5: 1, 6: 2, 7: b"x"}
    return {
        number: value for number, value in (known | {int(name[1:]): value for name, value in changes.items()}).items() if value is not None
    }


def packed(**changes):
    return msgpack.packb(as_map(**changes))


def as_object(**changes):
    known = json.loads(encode(PLAIN, Encoding.JSON)) | changes
    return json.dumps({name: value for name, value in known.items() if value is not None}).encode()


# One schema


def test_the_table_names_the_fields_of_the_envelope_in_order():
    assert [field.name for field in FIELDS] == [field.name for field in fields(Envelope)][:-1]
    assert [field.number for field in FIELDS] == list(range(1, len(FIELDS) + 1))


def test_the_documented_schema_is_the_table():
    message = re.search(r"message Envelope {(.*?)}", DOCUMENT, re.DOTALL).group(1)
    documented = re.findall(r"^ *(.+) (\w+) = (\d+);$", message, re.MULTILINE)
    assert documented == [(field.type.value, field.name, str(field.number)) for field in FIELDS]
    assert re.findall(r"^ *KIND_(\w+) = (\d+);$", DOCUMENT, re.MULTILINE)[1:] == [(kind.name, str(int(kind))) for kind in Kind]


def test_the_documented_caps_are_the_real_ones():
    for cap in (MAX_FRAME, MAX_ENVELOPE, MAX_ENVELOPE_JSON, MAX_ENVELOPE_UNKNOWN_BYTES):
        assert f"{cap:,}" in DOCUMENT
    assert f"at most {MAX_ENVELOPE_UNKNOWN} fields" in DOCUMENT
    assert f"at most {MAX_SITES_SEEN} |" in DOCUMENT


def test_the_documented_json_is_an_envelope():
    example = re.search(r"```json\n(.*?)```", DOCUMENT, re.DOTALL).group(1).encode()
    envelope = decode(example, Encoding.JSON)
    assert envelope.unknown == (Unknown(8, 3), Unknown(9, b"\x01\x02\x03"))
    assert json.loads(encode(envelope, Encoding.JSON)) == json.loads(example)


# Three encodings


@every_encoding
@given(data=st.data())
@properties
def test_what_was_encoded_decodes_to_the_same_envelope(encoding, data):
    foreign = data.draw(st.lists(FOREIGN[encoding], max_size=1).map(tuple))
    envelope = data.draw(envelopes())
    envelope = replace(envelope, unknown=envelope.unknown + foreign)
    again = decode(encode(envelope, encoding), encoding)
    assert again == envelope
    assert encode(again, encoding) == encode(envelope, encoding)


@given(envelopes(), st.permutations(list(Encoding)))
@properties
def test_unknown_fields_survive_a_journey_through_every_encoding(envelope, journey):
    carried = envelope
    for encoding in journey:
        carried = decode(encode(carried, encoding), encoding)
    assert replace(carried, unknown=()) == replace(envelope, unknown=())
    assert sorted(carried.unknown, key=lambda field: field.number) == sorted(envelope.unknown, key=lambda field: field.number)


@every_encoding
def test_what_only_one_encoding_can_carry_stays_in_it(encoding):
    foreign = {
        Encoding.MSGPACK: msgpack_pair("name", [1, {"deep": -1.5}]),
        Encoding.JSON: json_pair("name", [1, {"deep": -1.5}]),
        Encoding.PROTOBUF: Foreign(Encoding.PROTOBUF, b"\x45\x01\x02\x03\x04"),
    }
    envelope = replace(PLAIN, unknown=(Unknown(8, 1), *foreign.values()))
    assert decode(encode(envelope, encoding), encoding).unknown == (Unknown(8, 1), foreign[encoding])


@every_encoding
@given(data=st.data())
@properties
def test_damage_raises_nothing_but_decode_error(encoding, data):
    frame = bytearray(encode(data.draw(envelopes()), encoding))
    position = data.draw(st.integers(0, len(frame) - 1))
    frame[position : position + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    with suppress(DecodeError):
        damaged = decode(bytes(frame), encoding)
        assert decode(encode(damaged, encoding), encoding) == damaged


@every_encoding
@given(junk=st.binary(max_size=100))
@properties
def test_arbitrary_bytes_raise_nothing_but_decode_error(encoding, junk):
    with suppress(DecodeError):
        decode(junk, encoding)


@every_encoding
def test_absent_means_zero_or_empty(encoding):
    bare = replace(PLAIN, seen=(), created_ms=0, expires_ms=0, body=b"")
    short = {
        Encoding.MSGPACK: packed(_4=None, _5=None, _6=None, _7=None),
        Encoding.JSON: as_object(seen=None, created_ms=None, expires_ms=None, body=None),
        Encoding.PROTOBUF: b"\x0a\x10" + PLAIN.packet_id + b"\x10\x01\x1a\x08" + SITE,
    }
    assert decode(short[encoding], encoding) == bare


@every_encoding
@pytest.mark.parametrize("needed", [1, 2, 3])
def test_an_envelope_says_what_it_is_and_whence(encoding, needed):
    name = FIELDS[needed - 1].name
    short = {
        Encoding.MSGPACK: packed(**{f"_{needed}": None}),
        Encoding.JSON: as_object(**{name: None}),
        Encoding.PROTOBUF: b"".join(
            part for number, part in ((1, b"\x0a\x10" + PLAIN.packet_id), (2, b"\x10\x01"), (3, b"\x1a\x08" + SITE)) if number != needed
        ),
    }
    assert reason_of(short[encoding], encoding) is Reason.ENVELOPE


def test_messagepack_is_one_map_by_field_number():
    assert msgpack.unpackb(encode(PLAIN), strict_map_key=False) == {
        1: PLAIN.packet_id,
        2: 1,
        3: SITE,
        4: [SITE, b"site-two"],
        5: 1_786_000_000_000,
        6: 1_786_000_120_000,
        7: b"\x01\x02\x06",
    }


def test_json_is_readable():
    assert json.loads(encode(PLAIN, Encoding.JSON)) == {
        "packet_id": "AAECAwQFBgcICQoLDA0ODw",
        "kind": "frame",
        "origin": "c2l0ZS1vbmU",
        "seen": ["c2l0ZS1vbmU", "c2l0ZS10d28"],
        "created_ms": 1_786_000_000_000,
        "expires_ms": 1_786_000_120_000,
        "body": "AQIG",
    }


@every_encoding
def test_a_lone_value_is_a_list_of_one(encoding):
    lone = {Encoding.MSGPACK: packed(_4=SITE), Encoding.JSON: as_object(seen="c2l0ZS1vbmU")}
    if encoding in lone:
        assert decode(lone[encoding], encoding).seen == (SITE,)
    else:
        assert decode(encode(replace(PLAIN, seen=(SITE,)), encoding), encoding).seen == (SITE,)


# What strangers can try


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc0",
        msgpack.packb([1]),
        packed() + b"\xc0",
        packed()[:-1],
        packed(_1=b"short"),
        packed(_1="sixteen letters!"),
        packed(_2=0),
        packed(_2=max(Kind) + 1),
        packed(_2=True),
        packed(_2=1.0),
        packed(_3=b"nine byte"),
        packed(_4="x"),
        packed(_4=[b"short"]),
        packed(_4=[1]),
        packed(_4={1: 2}),
        packed(_5=-1),
        packed(_6="1"),
        packed(_7="text"),
        packed(_8=msgpack.ExtType(5, b"x")),
        packed(_8=msgpack.Timestamp(1)),
        b"\x81\x80\x01",
        b"\x81\x91\x80\x01",
        b"\x91" * 5_000,
    ],
)
def test_malformed_messagepack_is_refused(data):
    assert reason_of(data, Encoding.MSGPACK) is Reason.ENVELOPE


@pytest.mark.parametrize(
    "head",
    [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x01"],
    ids=["array", "map", "bytes", "text", "extension"],
)
def test_a_declared_giant_length_is_refused(head):
    assert reason_of(head + b"x" * 50, Encoding.MSGPACK) is Reason.ENVELOPE
    assert reason_of(b"\x81\x08" + head + b"x" * 50, Encoding.MSGPACK) is Reason.ENVELOPE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b"{",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        as_object(packet_id="AAECAwQFBgcICQoLDA0ODw=="),
        as_object(packet_id="AAECAwQFBgcICQoLDA0OD+"),
        as_object(packet_id="AAECAwQFBgcICQoLDA0O\nDw"),
        as_object(origin="AAAAAAAAAAF"),
        as_object(origin="ä"),
        as_object(origin=5),
        as_object(kind=1),
        as_object(kind="other"),
        as_object(kind=["frame"]),
        as_object(seen=["AA"]),
        as_object(seen=[["c2l0ZS1vbmU"]]),
        as_object(seen={}),
        as_object(created_ms=True),
        as_object(created_ms=1.5),
        as_object(created_ms=-1),
        as_object(created_ms=2**64),
        as_object(created_ms="1"),
        as_object(created_ms=1).replace(b'"created_ms": 1', b'"created_ms": ' + b"1" * 5_000),
        as_object(body=5),
        as_object(more=float("nan")),
        as_object(more=1.0).replace(b"1.0", b"1e999"),
        as_object(unknown=[]),
        as_object(unknown={"7": 1}),
        as_object(unknown={"0": 1}),
        as_object(unknown={"08": 1}),
        as_object(unknown={"x": 1}),
        as_object(unknown={"٨": 1}),
        as_object(unknown={"536870912": 1}),
        as_object(unknown={"8": -1}),
        as_object(unknown={"8": True}),
        as_object(unknown={"8": 1.5}),
        as_object(unknown={"8": []}),
        as_object(unknown={"8": {}}),
        as_object(unknown={"8": "="}),
        as_object(unknown={"8": [1] * (MAX_SITES_SEEN + 1)}),
        as_object(unknown={str(number): 1 for number in range(8, 108)}),
    ],
)
def test_malformed_json_is_refused(data):
    assert reason_of(data, Encoding.JSON) is Reason.ENVELOPE


def test_half_a_surrogate_pair_in_a_name_we_do_not_know_is_passed_on():
    data = as_object(more="\ud800")
    assert json.loads(encode(decode(data, Encoding.JSON), Encoding.JSON))["more"] == "\ud800"


ENVELOPE_BYTES = encode(PLAIN, Encoding.PROTOBUF)


@pytest.mark.parametrize(
    "tail",
    [
        b"\x80",
        b"\x00",
        b"\x07",
        b"\x43\x44",
        b"\x46",
        b"\x42\x05abc",
        b"\x42\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x41\x00",
        b"\x45\x00",
        b"\x40" + b"\x80" * 10,
        b"\x40" + b"\xff" * 9 + b"\x02",
        b"\x80\x80\x80\x80\x10\x01",
        b"\x08\x01",
        b"\x12\x01\x01",
        b"\x20\x01",
        b"\x22\x01x",
        bytes((0x10, max(Kind) + 1)),
    ],
)
def test_malformed_protobuf_is_refused(tail):
    assert reason_of(ENVELOPE_BYTES + tail, Encoding.PROTOBUF) is Reason.ENVELOPE


@every_encoding
def test_one_site_too_many_is_refused(encoding):
    sites = tuple(bytes(7) + bytes((number,)) for number in range(MAX_SITES_SEEN + 1))
    full = replace(PLAIN, seen=sites[:-1])
    assert decode(encode(full, encoding), encoding) == full
    with pytest.raises(ValueError, match="too many sites"):
        encode(replace(PLAIN, seen=sites), encoding)
    too_many = {
        Encoding.MSGPACK: packed(_4=sites),
        Encoding.JSON: as_object(seen=[urlsafe_b64encode(site).rstrip(b"=").decode() for site in sites]),
        Encoding.PROTOBUF: ENVELOPE_BYTES + b"".join(b"\x22\x08" + site for site in sites),
    }
    assert reason_of(too_many[encoding], encoding) is Reason.OVERSIZED


@every_encoding
def test_one_unknown_field_too_many_is_refused(encoding):
    more = range(8, 8 + MAX_ENVELOPE_UNKNOWN + 1)
    too_many = {
        Encoding.MSGPACK: packed(**{f"_{number}": 1 for number in more}),
        Encoding.JSON: as_object(unknown={str(number): 1 for number in more}),
        Encoding.PROTOBUF: ENVELOPE_BYTES + b"".join(write_varint(number << 3) + b"\x01" for number in more),
    }
    assert reason_of(too_many[encoding], encoding) is Reason.OVERSIZED
    full = replace(PLAIN, unknown=tuple(Unknown(number, 1) for number in more[:-1]))
    assert decode(encode(full, encoding), encoding) == full


@every_encoding
def test_unknown_fields_share_a_few_thousand_bytes(encoding):
    full = replace(PLAIN, unknown=(Unknown(8, bytes(MAX_ENVELOPE_UNKNOWN_BYTES - 16)), Unknown(9, (1, 2))))
    data = encode(full, encoding)
    assert decode(data, encoding) == full
    with pytest.raises(ValueError, match="unknown"):
        encode(replace(full, unknown=(*full.unknown, Unknown(10, b"x"))), encoding)
    too_much = bytes(MAX_ENVELOPE_UNKNOWN_BYTES + 1)
    longer = {
        Encoding.MSGPACK: packed(_8=too_much),
        Encoding.JSON: as_object(more="x" * MAX_ENVELOPE_UNKNOWN_BYTES),
        Encoding.PROTOBUF: ENVELOPE_BYTES + b"\x42" + write_varint(len(too_much)) + too_much,
    }
    assert reason_of(longer[encoding], encoding) is Reason.OVERSIZED


def test_a_list_of_values_we_do_not_know_is_bounded():
    assert reason_of(ENVELOPE_BYTES + b"\x40\x01" * (MAX_SITES_SEEN + 1), Encoding.PROTOBUF) is Reason.OVERSIZED


@every_encoding
def test_the_largest_envelope_fits_every_encoding(encoding):
    foreign = {
        Encoding.MSGPACK: msgpack_pair("x", "y" * 1_000),
        Encoding.JSON: json_pair("x", "y" * 1_000),
        Encoding.PROTOBUF: Foreign(Encoding.PROTOBUF, b"\x41" + bytes(8)),
    }
    filler = bytes(MAX_ENVELOPE_UNKNOWN_BYTES - len(foreign[encoding].data) - 14 * 8)
    numbered = [Unknown(2**29 - 1 - index, 2**64 - 1) for index in range(MAX_ENVELOPE_UNKNOWN - 2)]
    largest = Envelope(
        packet_id=bytes(16),
        kind=Kind.PRESENCE,
        origin=SITE,
        seen=(SITE,) * MAX_SITES_SEEN,
        created_ms=2**64 - 1,
        expires_ms=2**64 - 1,
        body=bytes(MAX_FRAME),
        unknown=(*numbered, Unknown(8, filler), foreign[encoding]),
    )
    data = encode(largest, encoding)
    assert len(data) <= (MAX_ENVELOPE_JSON if encoding is Encoding.JSON else MAX_ENVELOPE)
    assert set(decode(data, encoding).unknown) == set(largest.unknown)


@every_encoding
def test_a_body_longer_than_any_packet_is_refused(encoding):
    with pytest.raises(ValueError, match="body"):
        encode(replace(PLAIN, body=bytes(MAX_FRAME + 1)), encoding)
    longer = {
        Encoding.MSGPACK: packed(_7=bytes(MAX_FRAME + 1)),
        Encoding.JSON: as_object(body=urlsafe_b64encode(bytes(MAX_FRAME + 1)).rstrip(b"=").decode()),
        Encoding.PROTOBUF: ENVELOPE_BYTES + b"\x3a" + write_varint(MAX_FRAME + 1) + bytes(MAX_FRAME + 1),
    }
    assert reason_of(longer[encoding], encoding) is Reason.OVERSIZED


@every_encoding
def test_what_is_too_long_is_not_even_read(encoding):
    assert reason_of(b"[" * (MAX_ENVELOPE_JSON + 1), encoding) is Reason.OVERSIZED


@every_encoding
@pytest.mark.parametrize("wrong", [{"packet_id": b""}, {"origin": b""}, {"seen": (b"",)}, {"created_ms": -1}, {"expires_ms": 2**64}])
def test_no_envelope_is_written_that_no_site_accepts(encoding, wrong):
    with pytest.raises(ValueError):
        encode(replace(PLAIN, **wrong), encoding)
