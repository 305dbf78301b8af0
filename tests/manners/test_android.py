"""What an Android phone asks of a neighbour (spec section 14), asked of our gateway by a phone as strict as the app."""

import zlib
from itertools import pairwise

import pytest

from gateway.errors import Reason
from gateway.limits import FRAGMENT_CHUNK
from gateway.mesh.effects import PeerLost, PeerSeen
from gateway.mesh.events import ClockSet
from gateway.mesh.settings import MeshSettings
from gateway.testing.manners import MAX_ATTRIBUTE, Role, Why
from gateway.testing.manners_android import ASKED_S, MAX_FRAGMENTS, SUBSCRIBED_S
from gateway.testing.world import UNIX_EPOCH_OFFSET
from gateway.wire.announce import decode_announce
from gateway.wire.fragment import decode_fragment, split
from gateway.wire.packet import COMPRESSED, decode, peek, with_ttl
from gateway.wire.padding import pad
from gateway.wire.sync import decode_request_sync
from gateway.wire.types import BROADCAST, PADDED_TYPES, MessageType
from tests.manners.parcels import courier, file, group, notice, pieces_of, prekeys, to_the_gateway
from tests.manners.stage import Stage
from tests.mesh.nodes import noise

SETTLED = 30.0
CHAT = "The second bus leaves at a quarter past eight, the third one a little later. " * 4
BOTH = [Role.CENTRAL, Role.PERIPHERAL]


class TestOnePacketEach:
    """One write or notification is one packet: nothing is ever put together."""

    @pytest.mark.parametrize("role", BOTH)
    def test_an_android_phone_never_needs_reassembly(self, role: Role) -> None:
        stage = Stage("hut", "hall")
        stage.android("bob", role=role)
        stage.ios("ann")
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        stage.say("cyd", CHAT * 3)
        stage.whisper("cyd", "bob", "ID-1", "x" * 250)
        stage.hand_slowly("ann", split(file(stage.author("eve", "ann"), 3_000), fragment_id=b"a parcel", limit=512))
        stage.run(10)
        assert (stage.heard("bob"), stage.whispered("bob")) == ([CHAT * 3], ["ID-1"])
        for seen in stage.arrived("bob"):
            whole = seen.frame[: seen.header.end]
            assert seen.frame == (pad(whole) if seen.frame[1] in PADDED_TYPES else whole)
        assert stage.refused() == []

    @pytest.mark.parametrize("mtu", [512, 244, 182])
    def test_nothing_is_longer_than_its_link_takes(self, mtu: int) -> None:
        stage = Stage("hut", "hall")
        stage.android("bob", mtu=mtu)
        stage.android("dan", at="hall")
        stage.run(SETTLED)
        stage.say("dan", CHAT)
        stage.whisper("dan", "bob", "ID-1", "x" * 250)
        stage.run(10)
        assert max(len(seen.frame) for seen in stage.arrived("bob")) <= min(mtu, MAX_ATTRIBUTE)
        assert (stage.heard("bob"), stage.whispered("bob")) == ([CHAT], ["ID-1"])
        assert stage.refused() == []


class TestEverybody:
    """Android writes everybody as eight bytes of ff."""

    def test_what_it_says_to_everybody_is_shown_kept_and_carried_across(self) -> None:
        stage = Stage("hut", "hall")
        stage.android("bob")
        stage.ios("ann")
        stage.android("dan", at="hall")
        stage.run(SETTLED)
        stage.say("bob", "to all")
        stage.run(5)
        assert stage.heard("ann") == stage.heard("dan") == ["to all"]
        for gateway in ("hut", "hall"):
            assert [peek(frame).recipient_id for frame in stage.kept(gateway, MessageType.MESSAGE)] == [BROADCAST]

    def test_what_an_iphone_says_to_nobody_in_particular_reaches_it(self) -> None:
        stage = Stage()
        stage.ios("ann")
        stage.android("bob")
        stage.run(SETTLED)
        stage.say("ann", "to all")
        stage.run(5)
        assert stage.heard("bob") == ["to all"]
        assert {seen.header.recipient_id for seen in stage.arrived("bob", MessageType.MESSAGE)} == {None}

    def test_its_announce_in_an_order_of_its_own_is_understood(self) -> None:
        stage = Stage()
        bob = stage.android("bob")
        stage.android("eve")
        stage.run(2 * SETTLED)
        peer = stage.gateway.mesh.peers.get(bob.peer_id)
        payload = decode(peer.frame).payload
        assert payload.index(b"\x05\x02\x00\x01") < payload.index(b"\x04\x08" + stage.gateway.site_id)
        assert peer.announce == decode_announce(payload)
        assert peer.announce.neighbors == (stage.gateway.site_id,)


class TestCompression:
    """Android verifies what it received, and reads streams with a wrapper too."""

    def test_a_stream_with_a_wrapper_is_read_kept_and_passed_on_as_it_came(self) -> None:
        stage = Stage()
        stage.android("bob")
        stage.android("eve")
        stage.run(SETTLED)
        author = stage.author("fay", "eve")
        text = CHAT.encode()
        wrapped = author.packet(MessageType.MESSAGE, text, wire_payload=len(text).to_bytes(2) + zlib.compress(text))
        stage.run(1)
        stage.hand("eve", wrapped)
        stage.run(2)
        assert stage.heard("bob") == [CHAT]
        assert [seen.frame for seen in stage.arrived("bob", MessageType.MESSAGE)] == [with_ttl(wrapped, 5)]
        assert stage.kept("hut", MessageType.MESSAGE) == [wrapped]
        assert stage.refused() == []

    def test_another_compressors_bytes_are_never_made_anew(self) -> None:
        stage = Stage("hut", "hall")
        stage.android("bob")
        stage.android("dan", at="hall")
        stage.run(SETTLED)
        author = stage.author("fay", "bob")
        text = (CHAT * 2).encode()
        encoder = zlib.compressobj(1, zlib.DEFLATED, -15)
        odd = author.packet(
            MessageType.MESSAGE, text, wire_payload=len(text).to_bytes(2) + encoder.compress(text) + encoder.flush(), to=BROADCAST
        )
        plain = author.packet(MessageType.MESSAGE, text)
        assert odd[: peek(odd).payload_end] != plain[: peek(plain).payload_end]
        stage.run(1)
        stage.hand("bob", odd)
        stage.run(2)
        assert stage.heard("dan") == [CHAT * 2]
        assert stage.refused() == []

    def test_what_we_sign_compressed_it_believes(self) -> None:
        stage = Stage(settings=MeshSettings(nickname="hut " * 40, reads_mail=False))
        stage.android("bob")
        stage.run(SETTLED)
        announce = stage.arrived("bob", MessageType.ANNOUNCE)[0]
        assert announce.header.flags & COMPRESSED
        assert [effect.nickname for effect in stage.world.seen(PeerSeen, "bob")] == ["hut " * 40]
        assert stage.refused() == []


class TestAnswersWithoutAMark:
    """Android knows no flag for answers to a sync request."""

    def test_what_it_carried_here_is_taken_without_a_mark(self) -> None:
        stage = Stage("hut", "hall", joined=False)
        stage.android("bob")
        stage.android("eve")
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        stage.say("bob", "news from the hut")
        stage.run(150)
        stage.part("eve")
        stage.connect("eve", "hall")
        stage.run(60)
        answers = [seen.header for seen in stage.sent("eve", MessageType.MESSAGE) if seen.header.ttl == 0]
        assert [header.is_rsr for header in answers] == [False] * len(answers) != []
        assert stage.heard("cyd") == ["news from the hut"]
        assert stage.refused() == []

    def test_our_marked_answers_are_believed(self) -> None:
        stage = Stage()
        stage.android("bob")
        stage.run(SETTLED)
        stage.say("bob", "before you came")
        stage.run(600)
        stage.android("eve")
        stage.run(60)
        assert stage.heard("eve") == ["before you came"]
        assert {seen.header.is_rsr for seen in stage.arrived("eve", MessageType.MESSAGE)} == {True}
        assert stage.refused() == []

    def test_a_question_that_names_no_types_is_for_announces_and_messages(self) -> None:
        stage = Stage()
        stage.android("bob")
        stage.run(SETTLED)
        author = stage.author("fay", "bob")
        stage.hand("bob", author.say("a message"), group(author), notice(author), prekeys(author))
        stage.run(5)
        stage.android("eve")
        stage.run(60)
        questions = [decode_request_sync(decode(seen.frame).payload) for seen in stage.sent("eve", MessageType.REQUEST_SYNC)]
        assert [(question.types, question.since_ms) for question in questions] == [(None, None)] * len(questions) != []
        assert {seen.frame[1] for seen in stage.arrived("eve") if seen.header.is_rsr} == {MessageType.ANNOUNCE, MessageType.MESSAGE}


class TestClock:
    """Android judges no timestamps, and its own may be wrong."""

    def test_with_a_wrong_clock_it_still_hears_us_and_everybody(self) -> None:
        stage = Stage()
        stage.android("bob")
        stage.ios("ann")
        stage.world.inject("bob", ClockSet(UNIX_EPOCH_OFFSET + 5_400))
        stage.run(SETTLED)
        stage.say("ann", "you are early")
        stage.run(5)
        assert stage.heard("bob") == ["you are early"]
        assert stage.refused() == []

    def test_what_it_says_then_is_refused_here_and_counted_for_no_iphone_would_take_it(self) -> None:
        stage = Stage()
        stage.android("bob")
        stage.ios("ann")
        stage.world.inject("bob", ClockSet(UNIX_EPOCH_OFFSET + 5_400))
        stage.run(SETTLED)
        before = stage.drops()["window"]
        stage.say("bob", "I am early")
        stage.run(5)
        assert stage.arrived("ann", MessageType.MESSAGE) == []
        assert stage.drops()["window"] == before + 1

    def test_our_goodbye_is_of_now(self) -> None:
        stage = Stage()
        stage.android("bob")
        stage.ios("ann")
        stage.run(SETTLED)
        stage.world._carry_out(stage.world.nodes["hut"], stage.gateway.leave(stage.now), stage.now)
        stage.run(1)
        for name in ("ann", "bob"):
            assert [(lost.peer_id, lost.reason) for lost in stage.world.seen(PeerLost, name)] == [(stage.gateway.site_id, "left")]
        assert stage.refused() == []


class TestFragments:
    """Android takes 256 fragments at most."""

    def test_a_large_file_from_us_has_at_most_256_fragments(self) -> None:
        stage = Stage("hut", "hall")
        stage.ios("ann")
        stage.android("dan", at="hall")
        stage.run(SETTLED)
        parcel = file(stage.author("eve", "ann"), MAX_FRAGMENTS * FRAGMENT_CHUNK - 2_000)
        stage.hand_slowly("ann", split(parcel, fragment_id=b"a parcel", limit=512))
        stage.run(MAX_FRAGMENTS * 0.04)
        pieces = [decode_fragment(decode(seen.frame).payload) for seen in stage.arrived("dan", MessageType.FRAGMENT)]
        assert 250 < len(pieces) == pieces[0].total <= MAX_FRAGMENTS
        assert stage.kept("dan", MessageType.FILE) == [with_ttl(parcel, 6)]
        assert stage.refused() == []

    @pytest.mark.parametrize("mtu", [182, 512])
    def test_nor_over_a_small_link(self, mtu: int) -> None:
        stage = Stage("hut", "hall")
        stage.ios("ann")
        stage.android("dan", at="hall", mtu=mtu)
        stage.run(SETTLED)
        stage.hand_slowly("ann", pieces_of(file(stage.author("eve", "ann"), 60_000)))
        stage.run(10)
        pieces = [decode_fragment(decode(seen.frame).payload) for seen in stage.arrived("dan", MessageType.FRAGMENT)]
        assert {piece.total <= MAX_FRAGMENTS for piece in pieces} <= {True}
        assert bool(pieces) is (mtu == 512)
        assert stage.refused() == []

    def test_an_iphones_many_are_refused_by_itself_alone(self) -> None:
        stage = Stage()
        stage.ios("ann")
        stage.ios("cyd")
        stage.android("bob")
        stage.run(SETTLED)
        parcel = file(stage.author("eve", "ann"), 150_000)
        stage.hand_slowly("ann", pieces_of(parcel))
        stage.run(5)
        assert {refused.why for refused in stage.refused("bob")} == {Why.FRAGMENTS}
        assert stage.kept("cyd", MessageType.FILE) == [parcel]
        assert stage.refused("ann", "cyd") == []


class TestUnknownAuthors:
    """Android neither shows nor passes on what somebody says whose announce it has not verified."""

    @pytest.mark.parametrize("seed", range(5))
    def test_an_announce_travels_ahead_of_what_its_author_says(self, seed: int) -> None:
        stage = Stage("hut", "hall", seed=seed)
        stage.android("bob")
        stage.android("dan", at="hall")
        stage.ios("ann")
        stage.run(SETTLED)
        author = stage.author("fay", "ann")
        stage.hand("ann", author.say("hello, I am new"))
        stage.run(2)
        assert stage.heard("bob") == stage.heard("dan") == ["hello, I am new"]
        assert stage.refused() == []

    def test_in_an_answer_the_announce_comes_first(self) -> None:
        stage = Stage()
        stage.android("bob")
        stage.ios("ann")
        stage.run(SETTLED)
        for number in range(10):
            stage.say("bob", f"number {number}")
            stage.say("ann", f"NUMBER {number}")
        stage.run(150)
        stage.android("eve")
        stage.run(60)
        assert len(stage.heard("eve")) == 20
        assert stage.refused() == []

    def test_a_site_that_joins_late_is_told_who_is_here_before_what_was_said(self) -> None:
        stage = Stage("hut", "hall", joined=False)
        stage.android("bob")
        stage.android("dan", at="hall")
        stage.run(SETTLED)
        for number in range(10):
            stage.say("bob", f"number {number}")
        stage.run(5)
        stage.world.connect_sites([("hut", "hall")])
        stage.run(10)
        assert sorted(stage.heard("dan")) == [f"number {number}" for number in range(10)]
        assert stage.refused() == []


class TestPassingOn:
    """Android passes on what it does not know, at once, and loses the mark of answers."""

    @pytest.mark.parametrize("make", [courier, notice, prekeys, group], ids=["courier", "board", "prekeys", "group"])
    def test_what_only_ios_knows_comes_through_it_from_one_of_us_to_another(self, make) -> None:
        stage = Stage("hut", "hall", joined=False)
        stage.ios("ann")
        stage.android("bob")
        stage.connect("bob", "hall")
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        author = stage.author("eve", "ann")
        stage.run(1)
        frame = make(author)
        stage.hand("ann", frame)
        stage.run(2)
        assert [seen.frame for seen in stage.arrived("cyd", frame[1])] == [with_ttl(frame, 3)]
        assert stage.refused() == []

    def test_in_a_circle_of_them_everybody_hears_once_and_we_pass_on_once(self) -> None:
        stage = Stage()
        names = [f"p{number}" for number in range(6)]
        for name in names:
            stage.android(name)
        for one, other in pairwise(names):
            stage.world.radio.connect(one, other, stage.now)
        stage.run(2 * SETTLED)
        for name in names:
            stage.say(name, f"from {name}")
            stage.run(1)
        for name in names:
            assert sorted(stage.heard(name)) == [f"from {other}" for other in names if other != name]
        assert "hut" not in {node for node, _ in stage.world.traffic.repeated}
        assert stage.refused() == []


class TestSessions:
    """Android renews a Noise session after an hour or a thousand messages."""

    @pytest.mark.timeout(60)
    def test_a_thousand_messages_and_the_next_session_goes_on_through_us(self) -> None:
        stage = Stage("hut", "hall")
        stage.android("bob")
        cyd = stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        for number in range(1_010):
            stage.whisper("bob", "cyd", f"ID-{number}")
            stage.run(0.25)  # five a second is what we carry across for one sender
        stage.run(5)
        assert stage.whispered("cyd") == [f"ID-{number}" for number in range(1_010)]
        started = [seen for seen in stage.sent("bob", MessageType.NOISE_HANDSHAKE) if seen.header.recipient_id == cyd.peer_id]
        assert len(started) == 4  # twice a first and a third message
        assert stage.refused() == []

    def test_an_hour_and_the_next_session_goes_on_through_us(self) -> None:
        stage = Stage("hut", "hall")
        bob = stage.android("bob")
        bob.engine.rekey_after /= 6  # ten minutes will do
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        for number in range(9):
            stage.whisper("bob", "cyd", f"out-{number}")
            stage.whisper("cyd", "bob", f"back-{number}")
            stage.run(75)
        assert stage.whispered("cyd") == [f"out-{number}" for number in range(9)]
        assert stage.whispered("bob") == [f"back-{number}" for number in range(9)]
        assert len(stage.sent("bob", MessageType.NOISE_HANDSHAKE)) == 4

    def test_where_we_read_mail_we_take_a_new_handshake_at_any_time(self) -> None:
        stage = Stage(settings=MeshSettings(nickname="gateway"))
        bob = stage.android("bob")
        bob.engine.rekey_messages = 7
        stage.run(SETTLED)
        for number in range(50):
            stage.world.inject("bob", to_the_gateway(stage, f"ID-{number}"))
            stage.run(7)  # ten handshakes a minute is what anybody allows
        assert stage.whispered("hut") == [f"ID-{number}" for number in range(50)]
        assert len(stage.sent("bob", MessageType.NOISE_HANDSHAKE)) > 10
        assert stage.drops().keys() <= {"duplicate"}


class TestGreeting:
    """The first packets over a new link (spec section 2.3)."""

    @pytest.mark.parametrize(("role", "patience"), [(Role.CENTRAL, ASKED_S), (Role.PERIPHERAL, SUBSCRIBED_S)])
    def test_our_announce_comes_before_its_own(self, role: Role, patience: float) -> None:
        stage = Stage()
        stage.run(10)
        stage.android("bob", role=role)
        stage.run(1)
        first = stage.arrived("bob")[0]
        assert (first.frame[1], first.header.ttl) == (MessageType.ANNOUNCE, 7)
        assert first.at - 10 <= patience
        assert stage.known() == {"bob"}

    def test_half_a_minute_between_announces_is_enough_to_stay(self) -> None:
        stage = Stage()
        stage.android("bob")
        stage.run(600)
        assert stage.world.seen(PeerLost, "hut") == stage.world.seen(PeerLost, "bob") == []


def test_voice_is_passed_on_within_its_seconds() -> None:
    stage = Stage("hut", "hall")
    stage.android("bob")
    stage.ios("cyd", at="hall")
    stage.run(SETTLED)
    author = stage.author("eve", "bob")
    stage.run(1)
    frame = author.packet(MessageType.VOICE, noise(150))
    stage.hand("bob", frame)
    stage.run(0.2)
    assert [seen.frame for seen in stage.arrived("cyd", MessageType.VOICE)] == [with_ttl(frame, 6)]


def test_five_minutes_of_talk_between_both_kinds_and_nothing_of_ours_is_refused() -> None:
    stage = Stage("hut", "hall")
    stage.ios("ann")
    stage.android("bob", role=Role.PERIPHERAL)
    stage.ios("cyd", at="hall", role=Role.PERIPHERAL)
    stage.android("dan", at="hall")
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
    assert set(stage.drops()) <= {Reason.DUPLICATE}
