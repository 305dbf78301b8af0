import dataclasses
from random import Random
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given, settings
from hypothesis import strategies as st

from transports import limits
from transports.betanet import direction, frames
from transports.betanet.channel import Answered, Channel, Closed, Data, Owed, Room
from transports.betanet.direction import NAMED_FRAMES, OVERLAP_FRAMES, Opener, Sealer
from transports.betanet.errors import BetanetError, Fault
from transports.betanet.flow import ReceiveWindow, SendWindow
from transports.betanet.frames import Close, FrameType, encode_header, split_frames
from transports.betanet.keys import Generation11

ONE, TWO = Generation11(b"1" * 32, b"h" * 32), Generation11(b"2" * 32, b"h" * 32)
HEADER = encode_header(FrameType.STREAM, 5, 1)
UPDATE = encode_header(FrameType.KEY_UPDATE, 0)


def pair() -> tuple[Channel, Channel]:
    return Channel(ONE, TWO, initiator=True, now=0.0), Channel(TWO, ONE, initiator=False, now=0.0)


def fault_of(call: Any, *args: Any, **kwargs: Any) -> Fault:
    with pytest.raises(BetanetError) as caught:
        call(*args, **kwargs)
    return caught.value.fault


def types(message: bytes) -> list[FrameType]:
    return [frame.type for frame in split_frames(message)]


def test_bytes_of_a_stream_arrive_in_order_and_streams_have_numbers_by_side() -> None:
    a, b = pair()
    assert [a.open_stream(), a.open_stream(), b.open_stream()] == [1, 3, 2]
    data = Random(1).randbytes(40_000)
    events = b.read(a.write(1, data, 0.0), 0.0)
    assert b"".join(event.data for event in events if isinstance(event, Data)) == data
    assert max(len(event.data) for event in events if isinstance(event, Data)) == limits.HTX_PIECE
    assert a.read(b.write(1, b"back", 0.0), 0.0) == [Data(1, b"back")]


def test_more_than_there_is_room_for_is_not_written_and_room_comes_back() -> None:
    a, b = pair()
    stream = a.open_stream()
    assert a.room(stream) == limits.HTX_WINDOW
    b.read(a.write(stream, bytes(limits.HTX_WINDOW), 0.0), 0.0)
    assert a.room(stream) == 0
    for data in (b"x", b""):
        with pytest.raises(ValueError, match="room for 0"):
            a.write(stream, data, 0.0)
    assert b.free(stream, 32_767, 0.0) == b""
    granted = b.free(stream, 1, 0.0)
    assert types(granted) == [FrameType.WINDOW_UPDATE]
    assert a.read(granted, 0.0) == [Room(stream)]
    assert a.room(stream) == 32_768


def test_a_window_can_be_made_wider_and_one_message_stays_within_its_cap() -> None:
    a, b = pair()
    stream = a.open_stream()
    b.read(a.write(stream, b"x", 0.0), 0.0)
    a.read(b.widen(stream, 1 << 20, 0.0), 0.0)
    for _ in range(16):
        assert a.room(stream) == limits.HTX_WINDOW
        message = a.write(stream, bytes(limits.HTX_WINDOW), 0.0)
        assert len(message) <= limits.HTX_MESSAGE
        b.read(message, 0.0)
    with pytest.raises(ValueError, match="room for"):
        a.write(stream, bytes(limits.HTX_WINDOW + 1), 0.0)


def test_a_message_over_the_cap_is_refused_before_it_is_looked_at() -> None:
    a, b = pair()
    pad = a.pad(0, 0.0)
    assert fault_of(b.read, pad + bytes(limits.HTX_MESSAGE), 0.0) is Fault.MALFORMED_FRAME
    assert not b.readable


def test_who_sends_more_than_was_granted_is_refused() -> None:
    sealer, b = Sealer(ONE, 0.0), Channel(TWO, ONE, initiator=False, now=0.0)
    header = encode_header(FrameType.STREAM, limits.HTX_WINDOW, 1)
    b.read(header + sealer.seal(header, bytes(limits.HTX_WINDOW)), 0.0)
    header = encode_header(FrameType.STREAM, 1, 1)
    assert fault_of(b.read, header + sealer.seal(header, b"x"), 0.0) is Fault.FLOW_CONTROL_VIOLATION
    assert not b.readable
    assert b.read(header + sealer.seal(header, b"x"), 0.0) == []


def test_who_grants_more_than_anybody_has_room_for_is_refused() -> None:
    window = SendWindow()
    window.grant(limits.HTX_MOST_CREDIT - limits.HTX_WINDOW)
    assert window.room == limits.HTX_MOST_CREDIT
    assert fault_of(window.grant, 1) is Fault.FLOW_CONTROL_VIOLATION


@settings(max_examples=50)
@given(st.lists(st.integers(1, 30_000), max_size=40), st.randoms())
def test_a_receiver_never_holds_more_than_the_window(sizes: list[int], rng: Random) -> None:
    sender, receiver, held = SendWindow(), ReceiveWindow(), 0
    for size in sizes:
        taken = min(size, sender.room)
        sender.spend(taken)
        receiver.take(taken)
        held += taken
        assert held <= limits.HTX_WINDOW
        freed = rng.randint(0, held)
        held -= freed
        credit = receiver.free(freed)
        if credit:
            sender.grant(credit)
        assert sender.room == receiver.room
    with pytest.raises(ValueError, match="never received"):
        receiver.free(held + 1)


@pytest.mark.parametrize("stream", [2, 2 * limits.HTX_STREAMS + 1, frames.PADDING_STREAM, 1 << 40])
def test_a_stream_that_the_other_side_may_not_open_is_refused(stream: int) -> None:
    sealer, b = Sealer(ONE, 0.0), Channel(TWO, ONE, initiator=False, now=0.0)
    header = encode_header(FrameType.WINDOW_UPDATE, 4, stream)
    assert fault_of(b.read, header + sealer.seal(header, frames.encode_credit(1)), 0.0) is Fault.FLOW_CONTROL_VIOLATION


def test_a_side_opens_as_many_streams_as_there_may_be() -> None:
    for channel in pair():
        for _ in range(limits.HTX_STREAMS):
            channel.open_stream()
        assert fault_of(channel.open_stream) is Fault.FLOW_CONTROL_VIOLATION


def test_padding_is_thrown_away_and_costs_no_window() -> None:
    a, b = pair()
    for _ in range(10):
        assert b.read(a.pad(limits.HTX_PIECE + 1, 0.0), 0.0) == []
    assert len(a.pad(limits.HTX_PIECE + 1, 0.0)) < limits.HTX_PIECE + 32


def test_a_ping_is_answered_once_and_the_answer_is_not_answered() -> None:
    a, b = pair()
    (owed,) = b.read(a.ping(b"12345678", 0.0), 0.0)
    assert isinstance(owed, Owed)
    assert a.read(owed.message, 0.0) == [Answered(b"12345678")]


def test_pings_beyond_the_rate_are_ignored_and_those_without_an_answer_are_forgotten() -> None:
    a, b = pair()
    answers = [b.read(a.ping(bytes((number,)) * 8, 0.0), 0.0) for number in range(20)]
    assert sum(map(len, answers)) == limits.HTX_ECHO_BURST
    assert len(a._pings) == limits.HTX_PINGS
    assert len(b.read(a.ping(b"later...", 2.0), 2.0)) == 1


def test_a_close_ends_both_sides() -> None:
    a, b = pair()
    stream = a.open_stream()
    last = a.write(stream, b"last", 0.0) + a.close(Close(Fault.OK, b"bye"), 0.0)
    assert fault_of(a.write, stream, b"more", 0.0) is Fault.INTERNAL_ERROR
    assert b.read(last, 0.0) == [Data(stream, b"last"), Closed(Close(Fault.OK, b"bye"))]
    assert not b.writable
    assert b.free(stream, 4, 0.0) == b""
    assert fault_of(b.ping, b"12345678", 0.0) is Fault.INTERNAL_ERROR
    assert b.read(last, 0.0) == []
    assert b.keep(limits.HTX_REKEY_S) == b""


def test_8_2_a_cipher_that_fails_closes_the_channel_and_nothing_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        def __init__(self, key: bytes) -> None:
            pass

        def encrypt(self, *_: bytes) -> bytes:
            raise MemoryError

        def decrypt(self, *_: bytes) -> bytes:
            raise InvalidTag

    a, _ = pair()
    message = a.write(a.open_stream(), b"hello", 0.0)
    monkeypatch.setattr(direction, "ChaCha20Poly1305", Failing)
    c, b = pair()
    assert fault_of(b.read, message, 0.0) is Fault.AUTH_FAILED
    assert b.read(message, 0.0) == []
    with pytest.raises(MemoryError):
        c.write(c.open_stream(), b"hello", 0.0)


def test_8_5_the_frame_with_counter_65536_is_a_key_update_and_the_counter_begins_again() -> None:
    a, b = pair()
    stream = a.open_stream()
    a._sealer._cipher.counter = b._opener._cipher.counter = limits.HTX_REKEY_FRAMES - 10
    for _ in range(10):
        message = a.pad(0, 0.0)
        assert types(message) == [FrameType.STREAM]
        b.read(message, 0.0)
    assert a._sealer.counter == b._opener._cipher.counter == limits.HTX_REKEY_FRAMES == 65_536
    message = a.write(stream, b"after", 0.0)
    assert types(message) == [FrameType.KEY_UPDATE, FrameType.STREAM]
    assert b.read(message, 0.0) == [Data(stream, b"after")]
    assert a._sealer.counter == 1
    assert a._sealer._cipher.generation == ONE.following()


def test_8_5_a_key_an_hour_old_is_changed_even_when_nothing_is_sent() -> None:
    a, b = pair()
    assert a.next_wakeup == limits.HTX_REKEY_S == 3_600.0
    assert a.keep(3_599.9) == b""
    message = a.keep(3_600.0)
    assert types(message) == [FrameType.KEY_UPDATE]
    assert b.read(message, 3_600.0) == []
    assert a.next_wakeup == 7_200.0
    assert b.read(a.write(a.open_stream(), b"x", 3_600.0), 3_600.0) == [Data(1, b"x")]


def test_8_5_a_side_that_says_nothing_for_hours_still_changes_its_key_each_hour() -> None:
    a, b = pair()
    for hour in range(1, 5):
        message = a.keep(hour * 3_600.0)
        assert types(message)[-1] is FrameType.KEY_UPDATE
        assert b.read(message, hour * 3_600.0) == []
    assert a._sealer._cipher.generation == b._opener._cipher.generation == ONE.following().following().following().following()


def test_8_5_a_key_that_has_sealed_8_gib_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits.HTX_REKEY_BYTES == 8 * 1024**3
    monkeypatch.setattr(limits, "HTX_REKEY_BYTES", 1_000)
    a, b = pair()
    messages = [a.pad(484, 0.0) for _ in range(8)]
    assert [FrameType.KEY_UPDATE in types(message) for message in messages] == [False, False, True, False, True, False, True, False]
    assert not [event for message in messages for event in b.read(message, 0.0)]


def test_8_5_a_counter_is_never_used_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HTX_REKEY_FRAMES", 300)
    sealer, seen = Sealer(ONE, 0.0), set()
    for number in range(3_000):
        if sealer.due(0.0):
            assert fault_of(sealer.seal, HEADER, b"hello") is Fault.INTERNAL_ERROR
            sealer.turn(UPDATE, 0.0)
        seen.add((sealer._cipher.generation.key, sealer.counter))
        sealer.seal(b"", b"")
        assert len(seen) == number + 1


def test_8_5_a_sender_that_does_not_change_its_key_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sealer, opener = Sealer(ONE, 0.0), Opener(ONE)
    monkeypatch.setattr(limits, "HTX_REKEY_FRAMES", 5)
    for _ in range(5):
        opener.open(HEADER, sealer.seal(HEADER, b"hello"))
    late = sealer._cipher.seal(HEADER, b"hello")
    assert fault_of(opener.open, HEADER, late) is Fault.FLOW_CONTROL_VIOLATION


@pytest.mark.parametrize("new", range(OVERLAP_FRAMES + 1))
def test_8_5_three_frames_of_overlap_then_a_frame_under_the_old_key_is_refused_by_name(new: int) -> None:
    sealer, opener = Sealer(ONE, 0.0), Opener(ONE)
    opener.open(HEADER, sealer.seal(HEADER, b"hello"))
    old = sealer._cipher
    opener.open(UPDATE, sealer.turn(UPDATE, 0.0), turns=True)
    for number in range(OVERLAP_FRAMES):
        sealed = sealer.seal(HEADER, b"hello") if number < new else old.seal(HEADER, b"hello")
        assert opener.open(HEADER, sealed) == b"hello"
    assert fault_of(opener.open, HEADER, old.seal(HEADER, b"hello")) is Fault.OLD_KEY_FRAME


def test_8_5_the_old_key_is_forgotten_once_it_can_only_name_a_fault() -> None:
    sealer, opener = Sealer(ONE, 0.0), Opener(ONE)
    opener.open(HEADER, sealer.seal(HEADER, b"hello"))
    old = sealer._cipher
    opener.open(UPDATE, sealer.turn(UPDATE, 0.0), turns=True)
    for _ in range(OVERLAP_FRAMES + NAMED_FRAMES):
        opener.open(HEADER, sealer.seal(HEADER, b"hello"))
    assert opener._old is None
    assert fault_of(opener.open, HEADER, old.seal(HEADER, b"hello")) is Fault.AUTH_FAILED


def test_8_5_a_second_key_update_has_to_wait_for_the_first() -> None:
    sealer, opener = Sealer(ONE, 0.0), Opener(ONE)
    opener.open(UPDATE, sealer.turn(UPDATE, 0.0), turns=True)
    assert fault_of(opener.open, UPDATE, sealer.turn(UPDATE, 0.0), turns=True) is Fault.FLOW_CONTROL_VIOLATION


def test_a_peer_that_changes_its_key_all_the_time_is_refused() -> None:
    sealer, b = Sealer(ONE, 0.0), Channel(TWO, ONE, initiator=False, now=0.0)
    pad = encode_header(FrameType.STREAM, 0, frames.PADDING_STREAM)

    def turn_around() -> None:
        b.read(UPDATE + sealer.turn(UPDATE, 0.0), 0.0)
        b.read(b"".join(pad + sealer.seal(pad, b"") for _ in range(OVERLAP_FRAMES)), 0.0)

    for _ in range(int(limits.HTX_TURN_BURST)):
        turn_around()
    assert fault_of(turn_around) is Fault.FLOW_CONTROL_VIOLATION


@pytest.mark.parametrize(("kind", "plaintext"), [(FrameType.PING, bytes(7)), (FrameType.KEY_UPDATE, b"x"), (FrameType.CLOSE, b"")])
def test_a_control_frame_of_another_size_is_refused(kind: FrameType, plaintext: bytes) -> None:
    header = encode_header(kind, len(plaintext))
    b = Channel(TWO, ONE, initiator=False, now=0.0)
    assert fault_of(b.read, header + Sealer(ONE, 0.0).seal(header, plaintext), 0.0) is Fault.MALFORMED_FRAME


def test_8_2_a_replayed_or_swapped_frame_is_refused() -> None:
    a, b = pair()
    one, two = a.pad(1, 0.0), a.pad(1, 0.0)
    assert fault_of(b.read, two, 0.0) is Fault.AUTH_FAILED
    a, b = pair()
    one = a.pad(1, 0.0)
    b.read(one, 0.0)
    assert fault_of(b.read, one, 0.0) is Fault.AUTH_FAILED


def test_a_channel_does_not_open_what_it_sealed_itself() -> None:
    a, _ = pair()
    assert fault_of(a.read, a.pad(1, 0.0), 0.0) is Fault.AUTH_FAILED


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["write", "ping", "pad", "keep"]), st.integers(1, 3_000)), max_size=40))
def test_two_channels_understand_each_other_whatever_they_do(steps: list[tuple[bool, str, int]]) -> None:
    channels, now, sent, got = pair(), 0.0, [b"", b""], [b"", b""]
    streams = [channel.open_stream() for channel in channels]
    for first, what, size in steps:
        now += size
        side = 0 if first else 1
        sender = channels[side]
        match what:
            case "write":
                data = Random(size).randbytes(size)
                message = sender.write(streams[side], data, now)
                sent[side] += data
            case "ping":
                message = sender.ping(size.to_bytes(8), now)
            case "pad":
                message = sender.pad(size, now)
            case _:
                message = sender.keep(now)
        pending = [(1 - side, message)] if message else []
        while pending:
            reader, data = pending.pop()
            for event in channels[reader].read(data, now):
                if isinstance(event, Data):
                    got[1 - reader] += event.data
                    credit = channels[reader].free(event.stream, len(event.data), now)
                    pending += [(1 - reader, credit)] if credit else []
                elif isinstance(event, Owed):
                    pending.append((1 - reader, event.message))
    assert got == sent


def test_keys_do_not_show_when_they_are_printed() -> None:
    assert "1" * 32 not in repr(ONE)
    assert dataclasses.is_dataclass(ONE)
