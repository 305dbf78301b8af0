import pytest

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_ENVELOPE
from gateway.wire.envelope import Encoding, Envelope, Kind, encode
from gateway.wire.trunk import NOBODY, OVERHEAD, Ack, Data, Hello, Ping, Pong, decode_trunk, encode_data, encode_trunk

NAME, OTHER = b"abcdefgh", b"12345678"


@pytest.mark.parametrize(
    ("message", "frame"),
    [
        (Hello(NAME, 5, OTHER, 6), "c10001" + NAME.hex() + "0000000000000005" + OTHER.hex() + "0000000000000006"),
        (Hello(NAME, 0), "c10001" + NAME.hex() + "00" * 24),
        (Ack(NAME, 258), "c102" + NAME.hex() + "0000000000000102"),
        (Ping(1), "c1030000000000000001"),
        (Pong(2**64 - 1), "c104ffffffffffffffff"),
    ],
)
def test_the_layout_is_the_one_that_is_documented(message: Hello | Ack | Ping | Pong, frame: str) -> None:
    assert encode_trunk(message).hex() == frame
    assert decode_trunk(bytes.fromhex(frame)) == message


def test_a_numbered_envelope_costs_ten_bytes() -> None:
    assert encode_data(7, b"envelope") == bytes.fromhex("c1010000000000000007") + b"envelope"
    assert decode_trunk(encode_data(7, b"envelope")) == Data(7, b"envelope")
    assert OVERHEAD == 10


def test_no_envelope_looks_like_a_frame_with_a_number() -> None:
    envelope = Envelope(bytes(16), Kind.PRESENCE, bytes(8), seen=(), created_ms=0, expires_ms=0, body=b"")
    with pytest.raises(DecodeError) as error:
        decode_trunk(encode(envelope, Encoding.MSGPACK))
    assert error.value.reason is Reason.ENVELOPE


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", Reason.SHORT),
        (b"\xc1", Reason.SHORT),
        (b"\xc1\x01" + bytes(7), Reason.SHORT),
        (b"\xc1\x02" + bytes(17), Reason.SHORT),
        (b"\xc1\x03" + bytes(9), Reason.SHORT),
        (b"\xc1\x00\x01" + bytes(31), Reason.SHORT),
        (b"\xc1\x00\x01" + bytes(32), Reason.FIELD),
        (b"\xc1\x00\x02" + bytes(32), Reason.VERSION),
        (b"\xc1\x05", Reason.ENVELOPE),
        (b"\x88\x01", Reason.ENVELOPE),
        (encode_data(0, bytes(MAX_ENVELOPE + 1)), Reason.OVERSIZED),
    ],
)
def test_anything_else_is_refused_with_its_reason(frame: bytes, reason: Reason) -> None:
    with pytest.raises(DecodeError) as error:
        decode_trunk(frame)
    assert error.value.reason is reason


@pytest.mark.parametrize("message", [Hello(b"short", 0), Hello(NAME, 0, b"x"), Ack(b"", 0)])
def test_a_name_of_another_length_is_not_written(message: Hello | Ack) -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        encode_trunk(message)
    assert len(NOBODY) == 8
