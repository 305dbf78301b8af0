"""The ears themselves: each refuses what its app refuses, or the tests beside this one would prove nothing."""

import zlib
from collections.abc import Callable

import pytest

from gateway.limits import STREAM_RESET_S
from gateway.mesh.effects import PublicMessage
from gateway.testing.manners import MAX_REFUSED, Role, Why
from gateway.testing.manners_android import CROWD_CHANCE, LEAVE_SKEW_S, MAX_ASSEMBLIES, AndroidPhone
from gateway.testing.manners_ios import ANNOUNCE_AGE_S, ANSWER_S, SKEW_S, VOICE_S
from gateway.testing.manners_limiter import GreetingLimiter
from gateway.wire.announce import Announce, encode_announce
from gateway.wire.fragment import Fragment, encode_fragment
from gateway.wire.packet import as_sync_answer, with_ttl
from gateway.wire.sync import encode_request_sync
from gateway.wire.types import BROADCAST, MessageType
from tests.manners.stage import Author, Stage
from tests.mesh.nodes import NOTHING, board, forged, noise

TEXT = b"All work and no play makes Jack a dull boy. " * 5


def fragment(author: Author, total: int, number: int = 0) -> bytes:
    return author.packet(MessageType.FRAGMENT, encode_fragment(Fragment(number.to_bytes(8), 0, total, 2, b"x")), signed=False)


def wrapped(author: Author) -> bytes:
    return author.packet(MessageType.MESSAGE, TEXT, wire_payload=len(TEXT).to_bytes(2) + zlib.compress(TEXT))


def uncompressed(author: Author) -> bytes:
    return author.packet(MessageType.MESSAGE, TEXT, wire_payload=TEXT)


def loose_notice(author: Author) -> bytes:
    return author.packet(MessageType.BOARD, board(author)[:-1] + b"\0")


def stranger(author: Author) -> Author:
    return Author(author._world, "stranger")


def impostor(author: Author) -> bytes:
    said = Announce("eve", author.identity.noise_public, stranger(author).identity.signing_public)
    return author.packet(MessageType.ANNOUNCE, encode_announce(said))


def ask(author: Author, ttl: int = 0) -> bytes:
    return author.packet(MessageType.REQUEST_SYNC, encode_request_sync(NOTHING), ttl=ttl)


Make = Callable[[Author], bytes]

IOS: list[tuple[str, Make, Why]] = [
    ("no packet", lambda _a: b"\x01\x02\x07" + bytes(8) + b"\x04\x00\x00" + bytes(8), Why.NOT_A_PACKET),
    ("too long", lambda a: a.say("x" * 500 + "y") + bytes(512), Why.TOO_LONG),
    ("of three minutes ago", lambda a: a.say("hello", age=SKEW_S + 1), Why.SKEW),
    ("of the future", lambda a: a.say("hello", age=-SKEW_S - 1), Why.SKEW),
    ("an old answer without a mark", lambda a: with_ttl(a.say("hello", age=SKEW_S + 1), 0), Why.SKEW),
    ("an announce of a quarter of an hour ago", lambda a: as_sync_answer(a.packet(1, b"", age=ANNOUNCE_AGE_S + 1)), Why.STALE),
    ("stale voice", lambda a: a.packet(MessageType.VOICE, noise(50), age=VOICE_S + 1), Why.STALE),
    ("a wrapped stream", wrapped, Why.NOT_RAW_DEFLATE),
    ("left uncompressed", uncompressed, Why.SIGNATURE),
    ("unsigned", lambda a: a.packet(MessageType.MESSAGE, b"hello", signed=False), Why.SIGNATURE),
    ("forged", lambda a: forged(a.say("hello")), Why.SIGNATURE),
    ("a forged announce", lambda a: forged(a.announce(neighbors=(b"somebody",))), Why.SIGNATURE),
    ("a notice of somebody else", loose_notice, Why.SIGNATURE),
    ("of nobody known", lambda a: stranger(a).say("hello"), Why.UNKNOWN_SENDER),
    ("another signing key", impostor, Why.IDENTITY),
    (
        "another peer ID",
        lambda a: stranger(a).packet(1, encode_announce(Announce("eve", a.identity.noise_public, bytes(32)))),
        Why.IDENTITY,
    ),
    ("a carrier with a recipient", lambda a: a.packet(MessageType.NOSTR_CARRIER, b"event", to=BROADCAST, signed=False), Why.RECIPIENT),
    ("a question with hops left", lambda a: ask(a, ttl=1), Why.REQUEST_TTL),
    ("a question of somebody behind us", ask, Why.REQUEST_SENDER),
    ("ten thousand and one fragments", lambda a: fragment(a, 10_001), Why.FRAGMENTS),
    (
        "a fragment of a fragment",
        lambda a: a.packet(0x20, encode_fragment(Fragment(bytes(8), 0, 1, 0x20, fragment(a, 2))), signed=False),
        Why.NESTED,
    ),
]
ANDROID: list[tuple[str, Make, Why]] = [
    ("no packet", lambda _a: bytes(30), Why.NOT_A_PACKET),
    ("half a packet", lambda a: a.say("hello")[:-1], Why.NOT_A_PACKET),
    ("two packets", lambda a: a.say("hello") + a.say("again"), Why.MORE_THAN_ONE),
    ("too long", lambda a: a.say("x" * 500 + "y") + bytes(512), Why.TOO_LONG),
    ("unsigned", lambda a: a.packet(MessageType.MESSAGE, b"hello", signed=False), Why.SIGNATURE),
    ("forged", lambda a: forged(a.say("hello")), Why.SIGNATURE),
    ("a forged announce", lambda a: forged(a.announce(neighbors=(b"somebody",))), Why.SIGNATURE),
    ("of nobody known", lambda a: stranger(a).say("hello"), Why.UNKNOWN_SENDER),
    ("another signing key", impostor, Why.IDENTITY),
    ("257 fragments", lambda a: fragment(a, 257), Why.FRAGMENTS),
    ("a goodbye of yesterday", lambda a: a.packet(MessageType.LEAVE, b"", age=LEAVE_SKEW_S + 1), Why.STALE),
    (
        "a fragment of a fragment",
        lambda a: a.packet(0x20, encode_fragment(Fragment(bytes(8), 0, 1, 0x20, fragment(a, 2))), signed=False),
        Why.NESTED,
    ),
]


def set_up(platform: str) -> tuple[Stage, Author]:
    """A phone beside the gateway, bound to it, that knows one author."""
    stage = Stage()
    getattr(stage, platform)("phone")
    stage.run(30)
    author = Author(stage.world, "eve")
    stage.give("phone", author.announce())
    assert stage.refused() == []
    return stage, author


@pytest.mark.parametrize(("make", "why"), [case[1:] for case in IOS], ids=[case[0] for case in IOS])
def test_an_iphone_refuses(make: Make, why: Why) -> None:
    stage, author = set_up("ios")
    data = make(author)
    stage.give("phone", data)
    assert [refused.why for refused in stage.refused()] == [why]
    assert stage.world.seen(PublicMessage, "phone") == []


@pytest.mark.parametrize(("make", "why"), [case[1:] for case in ANDROID], ids=[case[0] for case in ANDROID])
def test_an_android_phone_refuses(make: Make, why: Why) -> None:
    stage, author = set_up("android")
    stage.give("phone", make(author))
    assert [refused.why for refused in stage.refused()] == [why]
    assert stage.world.seen(PublicMessage, "phone") == []


@pytest.mark.parametrize(
    "make",
    [
        lambda a: a.say("hello", age=100 * 60),
        wrapped,
        uncompressed,
        lambda a: with_ttl(a.say("hello", age=300), 0),
        lambda a: a.say("x" * 300),
    ],
    ids=["of the past", "a wrapped stream", "left uncompressed", "an answer without a mark", "long"],
)
def test_an_android_phone_takes(make: Make) -> None:
    stage, author = set_up("android")
    stage.give("phone", make(author))
    assert len(stage.world.seen(PublicMessage, "phone")) == 1
    assert stage.refused() == []


class TestIphoneStream:
    """Notifications are bytes, writes are packets."""

    def test_notifications_cut_anywhere_are_put_together(self) -> None:
        stage, author = set_up("ios")
        frames = author.say("one") + author.say("two")
        for at in range(0, len(frames), 20):
            stage.give("phone", frames[at : at + 20])
        assert stage.heard("phone") == ["one", "two"]

    def test_half_a_packet_is_forgotten_after_a_quarter_of_a_second(self) -> None:
        stage, author = set_up("ios")
        frame = author.say("late")
        stage.give("phone", frame[:50])
        stage.run(STREAM_RESET_S)
        stage.give("phone", frame[50:])
        assert stage.heard("phone") == []
        assert {refused.why for refused in stage.refused()} == {Why.NOT_A_PACKET}

    def test_a_write_that_is_no_whole_packet_is_refused_and_the_next_is_read(self) -> None:
        stage = Stage()
        stage.ios("phone", role=Role.PERIPHERAL)
        stage.run(30)
        author = Author(stage.world, "eve")
        stage.give("phone", author.announce(), Role.PERIPHERAL)
        stage.give("phone", author.say("half")[:40], Role.PERIPHERAL)
        stage.give("phone", author.say("whole"), Role.PERIPHERAL)
        assert stage.heard("phone") == ["whole"]
        assert [refused.why for refused in stage.refused()] == [Why.NOT_A_PACKET]


class TestIphoneAnswers:
    """Answers count within half a minute of a question to the peer at the end of the link."""

    def test_in_time_they_may_be_old_and_later_they_may_not(self) -> None:
        stage, author = set_up("ios")
        asked = stage.sent("phone", MessageType.REQUEST_SYNC)[-1].at
        stage.give("phone", as_sync_answer(author.say("in time", age=3_000)))
        stage.taps["phone"].misses = lambda _frame: False
        phone = stage.phones["phone"].engine
        for link in phone.links.values():
            link.asked_at = min(asked, stage.now - ANSWER_S - 1)
        stage.give("phone", as_sync_answer(author.say("too late", age=3_000)))
        assert stage.heard("phone") == ["in time"]
        assert [refused.why for refused in stage.refused()] == [Why.UNASKED]

    def test_from_nobody_in_particular_they_are_refused(self) -> None:
        stage, author = set_up("ios")
        for link in stage.phones["phone"].engine.links.values():
            link.peer_id = None
        stage.give("phone", as_sync_answer(author.say("an answer", age=3_000)))
        assert [refused.why for refused in stage.refused()] == [Why.UNASKED]


def test_an_android_phone_puts_64_together_at_a_time() -> None:
    stage, author = set_up("android")
    for number in range(MAX_ASSEMBLIES + 1):
        stage.give("phone", fragment(author, 2, number))
    assert [refused.why for refused in stage.refused()] == [Why.NO_ROOM]
    stage.run(31)
    stage.give("phone", fragment(author, 2, 99))
    assert len(stage.refused()) == 1


def test_an_android_phone_in_a_crowd_passes_on_by_chance() -> None:
    stage = Stage()
    phone = stage.android("phone").engine
    assert isinstance(phone, AndroidPhone)
    phone.mesh.peers._peers.update({number.to_bytes(8): None for number in range(200)})
    dared = sum(phone._dares(2) for _ in range(2_000))
    assert abs(dared / 2_000 - CROWD_CHANCE) < 0.05
    assert all(phone._dares(4) for _ in range(100))


def test_an_iphone_asks_for_missing_fragments_for_half_a_minute_and_no_longer() -> None:
    stage, author = set_up("ios")
    stage.give("phone", fragment(author, 3))
    before = stage.now
    stage.run(120)
    named = [seen.at - before for seen in stage.sent("phone", MessageType.REQUEST_SYNC) if b"0000000000000000" in seen.frame]
    assert len(named) == 3
    assert max(named) <= 31


def test_an_iphone_greets_a_central_that_comes_too_often_less_and_less() -> None:
    limiter = GreetingLimiter()
    assert limiter.allows("ours", 0.0)
    assert limiter.allows("another", 0.5)
    assert [limiter.allows("ours", float(at)) for at in range(1, 33)] == [False] * 29 + [True] + [False] * 2
    assert limiter.allows("ours", 1_000.0)


def test_so_many_refusals_are_remembered_and_no_more() -> None:
    stage, _ = set_up("android")
    for _ in range(MAX_REFUSED + 1):
        stage.give("phone", b"nonsense")
    assert len(stage.refused()) == MAX_REFUSED
