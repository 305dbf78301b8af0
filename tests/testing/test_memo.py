from gateway.testing.memo import SharedVerifier
from gateway.wire.packet import Header, peek

FRAME = b"\x01\x02\x07" + bytes(8) + b"\0\0\x05" + b"sender!!" + b"hello"


class Counting:
    def __init__(self):
        self.calls = []

    def __call__(self, frame: bytes, public_key: bytes, header: Header) -> bool:
        self.calls.append((frame, public_key))
        return public_key == b"good" and header.type == 2


def test_the_same_question_is_computed_once_whatever_the_ttl():
    check = Counting()
    shared = SharedVerifier(check)
    header = peek(FRAME)
    later = FRAME[:2] + b"\x03" + FRAME[3:]
    assert [shared(FRAME, b"good", header), shared(later, b"good", header)] == [True, True]
    assert (shared.asked, shared.computed, len(check.calls)) == (2, 1, 1)


def test_another_key_or_another_byte_is_another_question():
    check = Counting()
    shared = SharedVerifier(check)
    header = peek(FRAME)
    assert shared(FRAME, b"good", header)
    assert not shared(FRAME, b"bad!", header)
    assert shared(FRAME[:-1] + b"O", b"good", header)
    assert shared(b"\x01\x01" + FRAME[2:], b"good", header), "the type is signed"
    assert len(check.calls) == 4


def test_its_memory_is_bounded():
    check = Counting()
    shared = SharedVerifier(check, capacity=2)
    header = peek(FRAME)
    for last in (b"a", b"b", b"c", b"a"):
        shared(FRAME[:-1] + last, b"good", header)
    assert shared.computed == 4
