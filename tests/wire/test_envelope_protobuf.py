"""Our Protobuf against Google's, in both directions."""

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DecodeError
from gateway.wire.envelope import Encoding, Envelope, Kind, Unknown, decode, encode
from gateway.wire.envelope_protobuf import read_varint, write_varint
from gateway.wire.envelope_schema import FIELDS, FieldType
from tests.wire.envelope_strategies import envelopes
from tests.wire.payload_strategies import properties

Proto = descriptor_pb2.FieldDescriptorProto
TYPES = {FieldType.BYTES: Proto.TYPE_BYTES, FieldType.BYTES_LIST: Proto.TYPE_BYTES, FieldType.UINT: Proto.TYPE_UINT64}


def message_class():
    """The message of docs/protocol/envelope.md as a class of google.protobuf."""
    file = descriptor_pb2.FileDescriptorProto(name="envelope.proto", package="meshgate.link.v1", syntax="proto3")
    kinds = file.enum_type.add(name="Kind")
    kinds.value.add(name="KIND_UNSPECIFIED", number=0)
    for kind in Kind:
        kinds.value.add(name=f"KIND_{kind.name}", number=kind)
    message = file.message_type.add(name="Envelope")
    for field in FIELDS:
        label = Proto.LABEL_REPEATED if field.type is FieldType.BYTES_LIST else Proto.LABEL_OPTIONAL
        added = message.field.add(name=field.name, number=field.number, label=label)
        if field.type is FieldType.KIND:
            added.type, added.type_name = Proto.TYPE_ENUM, ".meshgate.link.v1.Kind"
        else:
            added.type = TYPES[field.type]
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("meshgate.link.v1.Envelope"))


Message = message_class()


def theirs(envelope):
    return Message(
        packet_id=envelope.packet_id,
        kind=envelope.kind,
        origin=envelope.origin,
        seen=envelope.seen,
        created_ms=envelope.created_ms,
        expires_ms=envelope.expires_ms,
        body=envelope.body,
    )


@given(envelopes(unknown=st.just(())))
@properties
def test_both_write_the_same_bytes(envelope):
    assert encode(envelope, Encoding.PROTOBUF) == theirs(envelope).SerializeToString(deterministic=True)


@given(envelopes())
@properties
def test_google_reads_ours_and_passes_on_what_it_does_not_know(envelope):
    read = Message.FromString(encode(envelope, Encoding.PROTOBUF))
    known = Envelope(
        read.packet_id, Kind(read.kind), read.origin, tuple(read.seen), read.created_ms, read.expires_ms, read.body, envelope.unknown
    )
    assert known == envelope
    assert decode(read.SerializeToString(), Encoding.PROTOBUF) == envelope


@given(envelopes(unknown=st.just(())))
@properties
def test_we_read_theirs(envelope):
    assert decode(theirs(envelope).SerializeToString(), Encoding.PROTOBUF) == envelope


@given(envelopes(unknown=st.just(())), st.data())
@properties
def test_both_take_fields_in_any_order_and_the_last_of_a_repeated_one(envelope, data):
    first = encode(data.draw(envelopes(unknown=st.just(()))), Encoding.PROTOBUF)
    joined = first + encode(envelope, Encoding.PROTOBUF)
    read = Message.FromString(joined)
    ours = decode(joined, Encoding.PROTOBUF)
    assert (ours.packet_id, ours.origin, ours.seen, ours.body) == (read.packet_id, read.origin, tuple(read.seen), read.body)
    assert (ours.kind, ours.created_ms, ours.expires_ms) == (read.kind, read.created_ms, read.expires_ms)


def test_the_oracle_keeps_fields_of_every_wire_type_with_us():
    head = encode(Envelope(bytes(16), Kind.FRAME, bytes(8), (), 0, 0, b""), Encoding.PROTOBUF)
    newer = b"\x40\x05" + b"\x4a\x02hi" + b"\x55\x01\x02\x03\x04" + b"\x59\x01\x02\x03\x04\x05\x06\x07\x08"
    assert Message.FromString(head + newer).SerializeToString() == head + newer
    assert encode(decode(head + newer, Encoding.PROTOBUF), Encoding.PROTOBUF) == head + newer
    assert decode(head + newer, Encoding.PROTOBUF).unknown[:2] == (Unknown(8, 5), Unknown(9, b"hi"))


@given(st.integers(0, 2**64 - 1), st.binary(max_size=3))
@properties
def test_a_varint_reads_as_it_was_written(value, tail):
    written = write_varint(value)
    assert read_varint(b"x" + written + tail, 1) == (value, 1 + len(written))
    for end in range(len(written)):
        with pytest.raises(DecodeError):
            read_varint(written[:end], 0)
