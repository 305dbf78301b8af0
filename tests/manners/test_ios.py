"""What an iPhone asks of a neighbour (spec section 14), asked of our gateway by a phone as strict as the app."""

import zlib
from itertools import pairwise

import pytest

from gateway.limits import FRAGMENT_CHUNK, PEER_REACHABLE_S
from gateway.mesh.effects import PeerSeen
from gateway.mesh.events import ClockSet, Rename
from gateway.mesh.settings import MeshSettings
from gateway.testing.faults import around
from gateway.testing.manners import Role, Why
from gateway.testing.manners_android import MAX_FRAGMENTS
from gateway.testing.manners_ios import ANSWER_S, SKEW_S, SUBSCRIBED_S, verify_recompressed
from gateway.testing.world import UNIX_EPOCH_OFFSET
from gateway.wire.fragment import decode_fragment, split
from gateway.wire.packet import COMPRESSED, decode, peek, with_ttl
from gateway.wire.types import BROADCAST, MessageType
from tests.manners.parcels import courier, file, group, notice, pieces_of, prekeys, to_the_gateway
from tests.manners.stage import GATEWAY, Stage
from tests.mesh.nodes import noise

SETTLED = 30.0
CHAT = "The second bus leaves at a quarter past eight, the third one a little later. " * 4
BOTH = [Role.CENTRAL, Role.PERIPHERAL]


def own(stage: Stage, phone: str) -> list:
    """What came to a phone of the gateway's own making."""
    return [seen for seen in stage.arrived(phone) if seen.header.sender_id == stage.gateway.site_id]


class TestEverybody:
    """A broadcast has no recipient on iOS and eight bytes of ff on Android."""

    def test_what_we_say_to_everybody_names_no_recipient(self) -> None:
        stage = Stage()
        stage.ios("ann")
        stage.run(SETTLED)
        said = [seen for seen in own(stage, "ann") if seen.frame[1] in (MessageType.ANNOUNCE, MessageType.REQUEST_SYNC)]
        assert len(said) >= 3
        assert {seen.header.recipient_id for seen in said} == {None}

    def test_an_androids_way_of_writing_everybody_reaches_it_untouched(self) -> None:
        stage = Stage("hut", "hall")
        stage.android("bob")
        stage.ios("ann")
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        stage.say("bob", "to all")
        stage.run(5)
        for name in ("ann", "cyd"):
            assert stage.heard(name) == ["to all"]
            assert {seen.header.recipient_id for seen in stage.arrived(name, MessageType.MESSAGE)} == {BROADCAST}
        assert stage.refused() == []


class TestReassembly:
    """An iPhone puts notifications together, and must never need to."""

    @pytest.mark.parametrize("role", BOTH)
    def test_every_packet_comes_to_it_whole_and_alone(self, role: Role) -> None:
        stage = Stage("hut", "hall")
        stage.ios("ann", role=role)
        stage.android("bob")
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        stage.say("bob", CHAT)
        stage.whisper("cyd", "ann", "ID-1")
        stage.run(5)
        assert stage.whispered("ann") == ["ID-1"]
        for seen in stage.arrived("ann"):
            assert seen.header.end == len(seen.frame) or seen.frame[1] in (MessageType.NOISE_HANDSHAKE, MessageType.NOISE_ENCRYPTED)
        assert stage.refused() == []


class TestCompressedSignature:
    """An iPhone compresses anew before it verifies."""

    def test_it_believes_what_we_sign_compressed(self) -> None:
        stage = Stage(settings=MeshSettings(nickname="hut " * 40, reads_mail=False))
        stage.ios("ann")
        stage.run(SETTLED)
        announces = [seen.frame for seen in own(stage, "ann") if seen.frame[1] == MessageType.ANNOUNCE]
        assert all(peek(frame).flags & COMPRESSED for frame in announces)
        assert [effect.nickname for effect in stage.world.seen(PeerSeen, "ann")] == ["hut " * 40]
        assert stage.refused() == []

    def test_it_believes_a_long_text_that_crossed_two_islands(self) -> None:
        stage = Stage("hut", "hall")
        stage.android("bob")
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        stage.say("bob", CHAT)
        stage.run(5)
        (seen,) = stage.arrived("cyd", MessageType.MESSAGE)
        assert seen.header.is_compressed
        assert stage.heard("cyd") == [CHAT]
        assert stage.refused() == []

    def test_it_reads_what_we_compress_without_a_wrapper(self) -> None:
        stage = Stage(settings=MeshSettings(nickname="hut " * 40, reads_mail=False))
        stage.ios("ann")
        stage.run(SETTLED)
        for seen in own(stage, "ann"):
            if seen.header.is_compressed:
                start = seen.header.payload_start + 2 * seen.header.version
                assert zlib.decompress(seen.frame[start : seen.header.payload_end], -15) == decode(seen.frame).payload


class TestAnswersFromHistory:
    """An old packet is let in as a marked answer to its own question, and not otherwise."""

    def test_it_accepts_what_we_answer_from_history(self) -> None:
        stage = Stage()
        stage.android("bob")
        stage.run(SETTLED)
        stage.say("bob", "before you came")
        stage.run(600)
        stage.ios("ann")
        stage.run(SETTLED)
        assert stage.heard("ann") == ["before you came"]
        (answer,) = stage.arrived("ann", MessageType.MESSAGE)
        assert (answer.header.ttl, answer.header.is_rsr) == (0, True)
        assert stage.refused() == []

    def test_we_answer_it_only_after_it_has_asked(self) -> None:
        stage = Stage()
        stage.android("bob")
        stage.run(SETTLED)
        for number in range(20):
            stage.say("bob", f"number {number}")
        stage.run(600)
        stage.ios("ann")
        stage.run(120)
        asked = [seen.at for seen in stage.sent("ann", MessageType.REQUEST_SYNC)]
        answers = [seen.at for seen in stage.arrived("ann") if seen.header.is_rsr]
        assert len(answers) >= 20
        assert all(any(0 <= at - question <= ANSWER_S for question in asked) for at in answers)

    def test_what_it_carried_here_from_another_island_is_taken_and_given_to_others(self) -> None:
        stage = Stage("hut", "hall", joined=False)
        stage.android("bob")
        stage.ios("ann")
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        stage.say("bob", "news from the hut")
        stage.run(SKEW_S * 1.1)
        stage.run(40)  # Bob's announce is not so old that nobody could believe the message
        stage.part("ann")
        stage.connect("ann", "hall")
        stage.run(60)
        assert stage.heard("cyd") == ["news from the hut"]
        assert stage.refused() == []


class TestTwoMinutes:
    """An iPhone lives within two minutes of now."""

    @pytest.mark.parametrize("role", BOTH)
    def test_no_announce_before_the_clock_is_set(self, role: Role) -> None:
        stage = Stage(clock_set=False)
        stage.ios("ann", role=role)
        stage.run(600)
        assert stage.arrived("ann") == []
        stage.world.inject("hut", ClockSet(UNIX_EPOCH_OFFSET))
        stage.run(1)
        assert [seen.frame[1] for seen in stage.arrived("ann")] == [MessageType.ANNOUNCE]
        stage.run(SETTLED)
        assert stage.known() == {"ann"}
        assert stage.refused() == []

    def test_a_clock_that_steps_back_to_the_truth_is_followed_at_once(self) -> None:
        stage = Stage(clock_set=False)
        stage.ios("ann")
        stage.world.inject("hut", ClockSet(UNIX_EPOCH_OFFSET - 86_400))
        stage.run(60)
        assert {refused.why for refused in stage.refused()} == {Why.SKEW}
        stage.world.inject("hut", ClockSet(UNIX_EPOCH_OFFSET))
        before = len(stage.refused())
        stage.run(60)
        assert len(stage.refused()) == before
        assert [effect.nickname for effect in stage.world.seen(PeerSeen, "ann")] == ["gateway"]

    def test_what_another_island_said_too_long_ago_waits_until_it_asks(self) -> None:
        stage = Stage("hut", "hall")
        stage.android("bob")
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        heal = stage.world.partition(around("hall"), stage.world.sites)
        stage.say("bob", "while the cable was cut")
        stage.run(SKEW_S + 30)
        heal()
        stage.run(60)
        assert stage.heard("cyd") == ["while the cable was cut"]
        assert {seen.header.is_rsr for seen in stage.arrived("cyd", MessageType.MESSAGE)} == {True}
        assert stage.refused() == []


class TestFragments:
    """An iPhone takes ten thousand; others do not, so we send 256 at most."""

    def test_a_large_file_from_us_has_at_most_256_fragments(self) -> None:
        stage = Stage("hut", "hall")
        stage.android("bob")
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        author = stage.author("eve", "bob")
        parcel = file(author, MAX_FRAGMENTS * FRAGMENT_CHUNK - 2_000)
        stage.hand_slowly("bob", split(parcel, fragment_id=b"a parcel", limit=512))
        stage.run(MAX_FRAGMENTS * 0.04)
        pieces = [decode_fragment(decode(seen.frame).payload) for seen in stage.arrived("cyd", MessageType.FRAGMENT)]
        assert 250 < len(pieces) == pieces[0].total <= MAX_FRAGMENTS
        assert stage.kept("cyd", MessageType.FILE) == [with_ttl(parcel, 6)]
        assert stage.refused() == []

    def test_a_file_that_would_need_more_is_not_begun(self) -> None:
        stage = Stage("hut", "hall")
        stage.android("bob")
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        author = stage.author("eve", "bob")
        pieces = pieces_of(file(author, 150_000))
        stage.hand_slowly("bob", pieces)
        stage.run(20)
        assert stage.arrived("cyd", MessageType.FRAGMENT) == []
        assert stage.drops("hall")["oversized"] == 1

    def test_more_than_256_of_another_phones_are_passed_on_to_it(self) -> None:
        stage = Stage()
        stage.ios("ann")
        stage.ios("bob")
        stage.run(SETTLED)
        author = stage.author("eve", "bob")
        parcel = file(author, 150_000)
        pieces = pieces_of(parcel)
        assert len(pieces) > MAX_FRAGMENTS
        stage.hand_slowly("bob", pieces)
        stage.run(5)
        assert len(stage.arrived("ann", MessageType.FRAGMENT)) == len(pieces)
        assert stage.kept("ann", MessageType.FILE) == [parcel]
        assert stage.refused() == []

    def test_over_a_small_link_it_gets_what_came_in_large_fragments(self) -> None:
        stage = Stage()
        stage.ios("ann", mtu=182)  # what an iPhone grants many a Linux box
        stage.android("bob")
        stage.run(SETTLED)
        author = stage.author("eve", "bob")
        parcel = file(author, 5_000)
        stage.hand_slowly("bob", split(parcel, fragment_id=b"a parcel", limit=512))
        stage.run(5)
        assert stage.kept("ann", MessageType.FILE) == [with_ttl(parcel, 5)]
        assert stage.refused() == []

    def test_over_a_small_link_it_gets_a_handshake_and_what_follows_in_order(self) -> None:
        stage = Stage("hut", "hall")
        stage.ios("ann", mtu=182)
        stage.android("dan", at="hall")
        stage.run(SETTLED)
        for number in range(5):
            stage.whisper("dan", "ann", f"ID-{number}", "x" * 200)
        stage.run(10)
        assert stage.whispered("ann") == [f"ID-{number}" for number in range(5)]
        assert stage.refused() == []

    def test_a_fragment_it_lost_it_asks_for_by_name_and_gets(self) -> None:
        stage = Stage()
        stage.ios("ann")
        stage.android("bob")
        stage.run(SETTLED)
        author = stage.author("eve", "bob")
        parcel = file(author, 5_000)
        pieces = split(parcel, fragment_id=b"a parcel", limit=512)
        lost = pieces[3]
        stage.taps["ann"].misses = lambda frame: frame[3:] == lost[3:] and frame[2] != 0
        stage.hand_slowly("bob", pieces)
        stage.run(1)
        assert stage.kept("ann", MessageType.FILE) == []
        stage.taps["ann"].misses = lambda _frame: False
        stage.run(8)
        assert stage.kept("ann", MessageType.FILE) == [parcel]
        assert stage.refused() == []


class TestSessions:
    """An iPhone renews a Noise session after a day, and starts one with whoever serves private media."""

    def test_a_session_it_renews_goes_on_through_us(self) -> None:
        stage = Stage("hut", "hall")
        ann = stage.ios("ann")
        stage.android("dan", at="hall")
        ann.engine.rekey_after = 40.0
        stage.run(SETTLED)
        for number in range(20):
            stage.whisper("ann", "dan", f"out-{number}")
            stage.whisper("dan", "ann", f"back-{number}")
            stage.run(10)
        stage.run(10)
        assert len(stage.sent("ann", MessageType.NOISE_HANDSHAKE)) >= 2 * 4  # a first and a third message each time
        assert stage.whispered("dan") == [f"out-{number}" for number in range(20)]
        assert stage.whispered("ann") == [f"back-{number}" for number in range(20)]
        assert stage.refused() == []

    def test_we_take_a_new_handshake_at_any_time_where_we_read_mail(self) -> None:
        stage = Stage(settings=MeshSettings(nickname="gateway"))
        ann = stage.ios("ann")
        ann.engine.rekey_after = 40.0
        stage.run(SETTLED)
        for number in range(20):
            stage.world.inject("ann", to_the_gateway(stage, f"ID-{number}"))
            stage.run(10)
        assert stage.whispered("hut") == [f"ID-{number}" for number in range(20)]
        assert stage.drops().get("session", 0) == 0

    def test_it_starts_none_with_us_for_we_serve_no_media(self) -> None:
        stage = Stage()
        stage.ios("ann")
        stage.run(300)
        assert stage.sent("ann", MessageType.NOISE_HANDSHAKE) == []

    def test_it_would_start_one_at_once_if_we_said_we_did(self) -> None:
        stage = Stage(settings=MeshSettings(nickname="gateway", capabilities=1 << 8))
        stage.ios("ann")
        stage.run(2)
        hello = stage.sent("ann", MessageType.NOISE_HANDSHAKE)[0]
        assert hello.header.recipient_id == stage.gateway.site_id


class TestTypes:
    """What only iOS knows is passed on all the same."""

    @pytest.mark.parametrize(
        "make",
        [
            courier,
            notice,
            prekeys,
            group,
            lambda author: author.packet(MessageType.PING, bytes(8) + b"\x07", to=b"far away", signed=False),
            lambda author: author.packet(MessageType.PONG, bytes(8) + b"\x07", to=b"far away", signed=False),
            lambda author: author.packet(MessageType.NOSTR_CARRIER, noise(300), signed=False),
            lambda author: author.packet(MessageType.VOICE, noise(100)),
            lambda author: author.packet(MessageType.ANNOUNCE_V2, noise(80)),
            lambda author: author.packet(0x2B, noise(80)),
            lambda author: author.packet(0x7E, noise(80), signed=False),
        ],
        ids=["courier", "board", "prekeys", "group", "ping", "pong", "carrier", "voice", "announce2", "reserved", "unknown"],
    )
    def test_it_gets_them_with_one_hop_less_and_no_other_change(self, make) -> None:
        stage = Stage()
        stage.ios("ann")
        stage.ios("bob")
        stage.run(SETTLED)
        frame = make(stage.author("eve", "bob"))
        stage.hand("bob", frame)
        stage.run(2)
        arrived = [seen.frame for seen in stage.arrived("ann", frame[1]) if seen.header.sender_id == peek(frame).sender_id]
        assert arrived == [with_ttl(frame, 5)]
        assert stage.refused() == []


class TestRelay:
    """iOS cuts long ways short, and passes on to some of its links only."""

    def test_a_ttl_beyond_seven_is_cut_like_the_app_cuts_it(self) -> None:
        stage = Stage()
        stage.ios("ann")
        stage.ios("bob")
        stage.run(SETTLED)
        author = stage.author("eve", "bob")
        stage.hand("bob", author.say("far travelled", ttl=200))
        stage.run(2)
        assert [seen.header.ttl for seen in stage.arrived("ann", MessageType.MESSAGE)] == [6]

    def test_everybody_around_us_hears_everything_though_phones_pass_on_to_some_only(self) -> None:
        stage = Stage()
        names = [f"p{number}" for number in range(9)]
        for name in names:
            stage.ios(name, role=BOTH[int(name[1]) % 2])
        stage.run(SETTLED)
        for name in names:
            stage.say(name, f"from {name}")
            stage.run(0.3)
        stage.run(2)
        for name in names:
            assert sorted(stage.heard(name)) == [f"from {other}" for other in names if other != name]
        assert stage.refused() == []


class TestSyncTypes:
    """iOS asks for seven kinds of packets."""

    def test_it_gets_every_kind_it_asks_for(self) -> None:
        stage = Stage()
        stage.ios("bob")
        stage.run(SETTLED)
        author = stage.author("eve", "bob")
        made = [author.say("a message"), group(author), notice(author), prekeys(author), file(author, 200)]
        stage.hand("bob", *made)
        pieces = split(file(author, 1_000), fragment_id=b"a parcel", limit=512)
        stage.hand("bob", *pieces)
        stage.run(PEER_REACHABLE_S / 2)
        stage.ios("ann")
        stage.run(75)
        answered = {seen.frame[1] for seen in stage.arrived("ann") if seen.header.is_rsr}
        assert answered == {
            MessageType.ANNOUNCE,
            MessageType.MESSAGE,
            MessageType.GROUP,
            MessageType.BOARD,
            MessageType.PREKEYS,
            MessageType.FILE,
            MessageType.FRAGMENT,
        }
        assert stage.refused("ann") == []

    def test_its_question_is_addressed_to_us_and_answered(self) -> None:
        stage = Stage()
        stage.ios("ann")
        stage.run(SETTLED)
        questions = stage.sent("ann", MessageType.REQUEST_SYNC)
        assert {seen.header.recipient_id for seen in questions} == {stage.gateway.site_id}
        assert stage.drops().keys() <= {"duplicate"}


class TestGreeting:
    """The first packets over a new link (spec section 2.3)."""

    @pytest.mark.parametrize("role", BOTH)
    def test_our_announce_comes_on_subscribe_within_the_phones_patience(self, role: Role) -> None:
        stage = Stage()
        stage.run(10)
        stage.ios("ann", role=role)
        stage.run(SUBSCRIBED_S)
        first = stage.arrived("ann")[0]
        assert (first.frame[1], first.header.ttl) == (MessageType.ANNOUNCE, 7)
        assert first.at - 10 <= SUBSCRIBED_S

    def test_an_announce_sent_twice_in_a_row_makes_one_neighbour(self) -> None:
        stage = Stage()
        stage.run(10)
        stage.ios("ann")
        stage.run(1)
        assert len(stage.arrived("hut", MessageType.ANNOUNCE)) == 2
        assert len(stage.world.seen(PeerSeen, "hut")) == 1
        assert stage.known() == {"ann"}

    def test_one_that_greets_no_more_because_we_came_back_too_often_is_bound_by_its_next_announce(self) -> None:
        stage = Stage()
        stage.ios("ann", at=None)
        stage.run(10)
        for _ in range(7):
            stage.connect("ann", role=Role.PERIPHERAL)
            stage.run(0.9)
            stage.part("ann", role=Role.PERIPHERAL)
            stage.run(0.1)
        stage.connect("ann", role=Role.PERIPHERAL)
        before = len(stage.arrived("hut", MessageType.ANNOUNCE))
        stage.run(0.9)
        assert len(stage.arrived("hut", MessageType.ANNOUNCE)) == before
        stage.run(20)
        assert stage.known() == {"ann"}

    def test_what_comes_through_the_tunnel_takes_nobodys_place(self) -> None:
        stage = Stage("hut", "hall")
        ann = stage.ios("ann")
        for number in range(3):
            stage.ios(f"far{number}", at="hall")
        stage.run(200)
        foreign = [seen.header.ttl for seen in stage.arrived("ann", MessageType.ANNOUNCE) if seen.header.sender_id != stage.gateway.site_id]
        assert len(foreign) >= 10
        assert max(foreign) <= 6
        assert {link.peer_id for link in ann.engine.links.values()} == {stage.gateway.site_id}

    def test_it_is_bound_once_and_by_a_new_name_not_anew(self) -> None:
        stage = Stage()
        stage.ios("ann")
        stage.run(SETTLED)
        stage.world.inject("ann", Rename("ann of the hill"))
        stage.run(1)
        assert stage.known() == {"ann of the hill"}
        assert len(stage.world.seen(PeerSeen, "hut")) == 1


def test_five_minutes_of_talk_and_nothing_of_ours_is_refused() -> None:
    stage = Stage("hut", "hall", settings=GATEWAY)
    for name, at, role in (("ann", "hut", BOTH[0]), ("bob", "hut", BOTH[1]), ("cyd", "hall", BOTH[0]), ("dan", "hall", BOTH[1])):
        stage.ios(name, at=at, role=role)
    stage.run(SETTLED)
    said = []
    for number in range(30):
        name = ["ann", "bob", "cyd", "dan"][number % 4]
        said.append((name, f"{number}: {CHAT[: number * 12]}"))
        stage.say(*said[-1])
        stage.run(10)
    for name in stage.phones:
        assert sorted(stage.heard(name)) == sorted(text for other, text in said if other != name)
    assert stage.refused() == []
    assert stage.world.traffic.repeated == []


def test_the_signature_it_checks_is_the_one_we_make() -> None:
    stage = Stage(settings=MeshSettings(nickname="hut " * 40, reads_mail=False))
    stage.ios("ann")
    stage.run(SETTLED)
    frames = [seen.frame for seen in own(stage, "ann") if seen.header.has_signature]
    key = stage.gateway.mesh.identity.signing_public
    assert all(verify_recompressed(frame, key, peek(frame)) for frame in frames)
    assert [later > earlier for earlier, later in pairwise(peek(frame).timestamp_ms for frame in frames)].count(False) <= 1
