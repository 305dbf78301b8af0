"""Private messages, from one end to the other, and pings."""

from random import Random

import pytest

from gateway.limits import HANDSHAKES_TOTAL, MAX_OUTBOX_PER_PEER, MAX_PEERS, MAX_RECEIVED_IDS, TRANSPORT_RATE_PER_PEER
from gateway.mesh.effects import PeerSeen, PrivateMessage, Receipt
from gateway.mesh.events import Handshake, Whisper
from gateway.mesh.private import MAX_ATTEMPTS, RETRY_S, Private
from gateway.mesh.settings import MeshSettings
from gateway.session.table import SessionTable
from gateway.wire import private as payloads
from gateway.wire.packet import decode
from gateway.wire.types import MessageType
from tests.mesh.cast import Cast
from tests.mesh.nodes import Node
from tests.mesh.playbook import NO_SYNC, Play, Sent

SEALED = (MessageType.NOISE_HANDSHAKE, MessageType.NOISE_ENCRYPTED)


@pytest.fixture
def line() -> Cast:
    """Ada and Ben with a gateway between them."""
    cast = Cast("ada", "gateway", "ben", settings=NO_SYNC)
    cast.line("ada", "gateway", "ben")
    cast.wait(20)
    return cast


class TestEndToEnd:
    """Two engines that hear each other only through a third."""

    def test_a_message_arrives_and_its_receipt_comes_back(self, line: Cast) -> None:
        line.do("ada", Whisper(line.id("ben"), "ID-1", "only for you"))
        line.wait(2)
        assert line.seen("ben", PrivateMessage) == [PrivateMessage(line.id("ada"), "ID-1", "only for you")]
        assert line.seen("ada", Receipt) == [Receipt(line.id("ben"), "ID-1", "delivered")]
        assert line.seen("gateway", PrivateMessage) == []

    def test_a_handshake_asked_for_renews_the_session_and_nothing_is_lost(self, line: Cast) -> None:
        for number in range(6):
            line.do("ada", Whisper(line.id("ben"), f"ID-{number}", "hello"))
            line.do("ada", Handshake(line.id("ben")))
            line.wait(1)
        assert [message.message_id for message in line.seen("ben", PrivateMessage)] == [f"ID-{number}" for number in range(6)]
        assert len(line.frames("ada", "gateway", MessageType.NOISE_HANDSHAKE)) == 2 * 6  # the first message does not start another

    def test_one_asked_for_with_nobody_or_oneself_or_too_often_is_none(self, line: Cast) -> None:
        line.do("ada", Handshake(line.id("ada")))
        for _ in range(100):
            line.do("ada", Handshake(line.id("ben")))
            line.wait(0.2)
        assert len(line.frames("ada", "gateway", MessageType.NOISE_HANDSHAKE)) <= 2 * 14

    def test_both_ways_at_once(self, line: Cast) -> None:
        line.do("ada", Whisper(line.id("ben"), "ID-1", "hello Ben"))
        line.do("ben", Whisper(line.id("ada"), "ID-2", "hello Ada"))
        line.wait(2 * RETRY_S)
        assert [message.text for message in line.seen("ben", PrivateMessage)] == ["hello Ben"]
        assert [message.text for message in line.seen("ada", PrivateMessage)] == ["hello Ada"]
        assert len(line.seen("ada", Receipt)) == len(line.seen("ben", Receipt)) == 1

    def test_many_arrive_in_order_through_small_links(self) -> None:
        cast = Cast("ada", "gateway", "ben", settings=NO_SYNC)
        cast.line("ada", "gateway", "ben", mtu=182)
        cast.wait(20)
        texts = [f"{number} " + "x" * (number * 37 % 250) for number in range(20)]
        for number, text in enumerate(texts):
            cast.do("ada", Whisper(cast.id("ben"), f"ID-{number}", text))
        cast.wait(5)
        assert [message.text for message in cast.seen("ben", PrivateMessage)] == texts
        assert len(cast.seen("ada", Receipt)) == 20

    def test_the_gateway_sees_nothing_but_seals(self, line: Cast) -> None:
        line.do("ada", Whisper(line.id("ben"), "ID-1", "only for you"))
        line.wait(2)
        assert not any(b"only for you" in frame for _, _, _, frame in line.carried)

    @pytest.mark.parametrize("lost", range(6))
    def test_a_lost_packet_is_made_up_for(self, line: Cast, lost: int) -> None:
        count = iter(range(1_000))
        line.lose = lambda source, _target, frame: source == "gateway" and frame[1] in SEALED and next(count) == lost
        line.do("ada", Whisper(line.id("ben"), "ID-1", "hello"))
        line.wait(4 * RETRY_S)
        assert [message.text for message in line.seen("ben", PrivateMessage)] == ["hello"]
        assert {receipt.kind for receipt in line.seen("ada", Receipt)} == {"delivered"}
        sealed = len([frame for _, _, _, frame in line.carried if frame[1] in SEALED])
        line.wait(100)
        assert len([frame for _, _, _, frame in line.carried if frame[1] in SEALED]) == sealed  # and then there is peace

    def test_somebody_who_has_lost_the_session_is_reached_by_a_new_one(self, line: Cast) -> None:
        line.do("ada", Whisper(line.id("ben"), "ID-1", "before"))
        line.wait(2)
        line["ben"]._private.sessions.drop(line.id("ada"))
        line.do("ada", Whisper(line.id("ben"), "ID-2", "after"))
        line.wait(4 * RETRY_S)
        assert [message.text for message in line.seen("ben", PrivateMessage)] == ["before", "after"]
        assert len(line.seen("ada", Receipt)) == 2

    def test_what_was_given_up_is_tried_again_when_the_recipient_comes_back(self, line: Cast) -> None:
        line.part("gateway", "ben")
        line.do("ada", Whisper(line.id("ben"), "ID-1", "for later"))
        line.wait((MAX_ATTEMPTS + 2) * RETRY_S)
        line.carried.clear()
        line.wait(30)
        assert line.frames("ada", "gateway", MessageType.NOISE_HANDSHAKE) == []
        line.join("gateway", "ben")
        line.wait(60)
        assert [message.text for message in line.seen("ben", PrivateMessage)] == ["for later"]
        assert len(line.seen("ada", PeerSeen)) == 3  # the gateway, Ben, and Ben once more

    def test_even_if_the_first_try_is_lost_again(self, line: Cast) -> None:
        line.part("gateway", "ben")
        line.do("ada", Whisper(line.id("ben"), "ID-1", "for later"))
        line.wait((MAX_ATTEMPTS + 2) * RETRY_S)
        count = iter(range(1_000))
        line.lose = lambda source, _target, frame: source == "gateway" and frame[1] in SEALED and next(count) == 0
        line.join("gateway", "ben")
        line.wait(60)
        assert [message.text for message in line.seen("ben", PrivateMessage)] == ["for later"]


class Friend(Node):
    """Somebody the script speaks for who can also hold a Noise session with the engine of a `Play`."""

    def __init__(self, name: str, play: Play) -> None:
        super().__init__(name, play.clock)
        self.play = play
        self.table = SessionTable(self.identity.noise_private, self.peer_id, Random(name).randbytes)

    def handshake(self, link: str) -> None:
        """Begin and finish a session as its initiator."""
        first = self.table.initiate(self.peer_id_of_play, self.play.now)
        assert first is not None
        self.send(link, MessageType.NOISE_HANDSHAKE, first)
        (second,) = self.received(MessageType.NOISE_HANDSHAKE)
        step = self.table.on_handshake(self.peer_id_of_play, decode(second.frame).payload, self.play.now)
        assert step.reply is not None
        self.send(link, MessageType.NOISE_HANDSHAKE, step.reply)

    def tell(self, link: str, value: payloads.NoisePayload) -> bytes:
        sealed = self.table.encrypt(self.peer_id_of_play, payloads.encode_noise_payload(value), self.play.now)
        return self.send(link, MessageType.NOISE_ENCRYPTED, sealed)

    def told(self) -> list[payloads.NoisePayload]:
        """What the engine has said so far, in clear."""
        sealed = [decode(sent.frame).payload for sent in self.received(MessageType.NOISE_ENCRYPTED)]
        self.play.forget()
        return [payloads.decode_noise_payload(self.table.decrypt(self.peer_id_of_play, one, self.play.now)) for one in sealed]

    def send(self, link: str, kind: int, payload: bytes) -> bytes:
        frame = self.packet(kind, payload, to=self.peer_id_of_play, signed=False)
        self.play.hear(link, frame)
        return frame

    def received(self, kind: int) -> list[Sent]:
        return [sent for sent in self.play.sent(kind=kind) if sent.header.recipient_id == self.peer_id]

    @property
    def peer_id_of_play(self) -> bytes:
        return self.play.me.peer_id


class TestThisEnd:
    """What this node's own side of a session does."""

    @pytest.fixture
    def play(self) -> Play:
        return Play(links=["a"])

    @pytest.fixture
    def ada(self, play: Play) -> Friend:
        ada = Friend("ada", play)
        play.hear("a", ada.announce())
        ada.handshake("a")
        return ada

    def test_it_states_its_signing_key_once_a_session_is_up(self, play: Play, ada: Friend) -> None:
        assert ada.told() == [payloads.PeerState(0, play.me.identity.signing_public)]

    def test_it_acknowledges_what_arrives(self, play: Play, ada: Friend) -> None:
        ada.told()
        ada.tell("a", payloads.PrivateMessage("ID", "hello"))
        assert play.seen(PrivateMessage) == [PrivateMessage(ada.peer_id, "ID", "hello")]
        assert ada.told() == [payloads.Delivered("ID")]

    def test_a_repeat_is_acknowledged_but_not_shown_again(self, play: Play, ada: Friend) -> None:
        ada.told()
        ada.tell("a", payloads.PrivateMessage("ID", "hello"))
        ada.tell("a", payloads.PrivateMessage("ID", "hello"))
        assert len(play.seen(PrivateMessage)) == 1
        assert ada.told() == [payloads.Delivered("ID")] * 2

    def test_a_copy_on_the_air_is_nothing_at_all(self, play: Play, ada: Friend) -> None:
        ada.told()
        frame = ada.tell("a", payloads.PrivateMessage("ID", "hello"))
        play.hear("a", frame)
        assert len(ada.told()) == 1

    @pytest.mark.parametrize(("value", "kind"), [(payloads.Delivered("ID"), "delivered"), (payloads.ReadReceipt("ID"), "read")])
    def test_receipts_are_reported(self, play: Play, ada: Friend, value: payloads.NoisePayload, kind: str) -> None:
        ada.tell("a", value)
        assert play.seen(Receipt) == [Receipt(ada.peer_id, "ID", kind)]

    def test_a_message_is_sent_again_until_it_is_acknowledged(self, play: Play, ada: Friend) -> None:
        ada.told()
        play.do(Whisper(ada.peer_id, "ID", "hello"))
        assert ada.told() == [payloads.PrivateMessage("ID", "hello")]
        play.wait(RETRY_S)
        assert ada.told() == [payloads.PrivateMessage("ID", "hello")]
        ada.tell("a", payloads.Delivered("ID"))
        play.wait(5 * RETRY_S)
        assert ada.told() == []

    def test_a_session_whose_signing_key_is_not_the_announced_one_is_dropped(self, play: Play, ada: Friend) -> None:
        ada.tell("a", payloads.PeerState(0, Node("eve").identity.signing_public))
        assert play.drops() == {"identity": 1}
        ada.tell("a", payloads.PrivateMessage("ID", "hello"))
        assert play.seen(PrivateMessage) == []
        assert play.drops() == {"identity": 1, "session": 1}

    def test_one_that_is_is_not(self, play: Play, ada: Friend) -> None:
        ada.tell("a", payloads.PeerState(0, ada.identity.signing_public))
        ada.tell("a", payloads.PrivateMessage("ID", "hello"))
        assert len(play.seen(PrivateMessage)) == 1

    def test_what_it_does_not_understand_is_passed_over(self, play: Play, ada: Friend) -> None:
        ada.tell("a", payloads.UnknownNoisePayload(0x7E, b"of tomorrow"))
        assert play.drops() == {}

    def test_what_is_malformed_inside_is_counted(self, play: Play, ada: Friend) -> None:
        ada.tell("a", payloads.UnknownNoisePayload(0x01, b"\x00\x09cut"))
        assert play.drops() == {"tlv": 1}

    def test_a_node_whose_mail_nobody_reads_says_nothing(self) -> None:
        play = Play(MeshSettings(reads_mail=False, sync=False), links=["a"])
        ada = Friend("ada", play)
        play.forget()
        first = ada.table.initiate(play.me.peer_id, play.now)
        assert first is not None
        ada.send("a", MessageType.NOISE_HANDSHAKE, first)
        assert play.record == []
        assert play.drops() == {"unread": 1}

    def test_a_stranger_with_a_proven_key_may_write_without_an_announce(self, play: Play) -> None:
        ben = Friend("ben", play)
        ben.handshake("a")
        ben.tell("a", payloads.PrivateMessage("ID", "we have not met"))
        assert play.seen(PrivateMessage) == [PrivateMessage(ben.peer_id, "ID", "we have not met")]

    def test_somebody_elses_name_does_not_get_a_session(self, play: Play) -> None:
        eve = Friend("eve", play)
        play.hear("a", Node("ben", play.clock).announce())
        eve.peer_id = Node("ben").peer_id
        eve.handshake("a")
        eve.tell("a", payloads.PrivateMessage("ID", "I am Ben"))
        assert play.seen(PrivateMessage) == []
        assert play.drops() == {"identity": 1, "session": 1}

    def test_a_seal_without_a_session_is_counted(self, play: Play) -> None:
        play.hear("a", play.node("ada").seal("secret", play.me.peer_id))
        assert play.drops() == {"session": 1}

    def test_received_message_ids_are_bounded(self, play: Play, ada: Friend) -> None:
        for number in range(MAX_RECEIVED_IDS + 5):
            ada.tell("a", payloads.PrivateMessage(str(number), "hello"))
            play.wait(1 / TRANSPORT_RATE_PER_PEER + 0.001)
        assert len(play.seen(PrivateMessage)) == MAX_RECEIVED_IDS + 5
        assert len(play.mesh._private._received) == MAX_RECEIVED_IDS


class TestOutbox:
    """Messages waiting for a session or a receipt."""

    @pytest.mark.parametrize(("message_id", "text"), [("", "x" * 256), ("i" * 256, "x"), ("", "é" * 128)])
    def test_a_message_that_fits_no_packet_is_refused(self, message_id: str, text: str) -> None:
        play = Play(links=["a"])
        with pytest.raises(ValueError, match="255"):
            play.do(Whisper(play.node("ada").peer_id, message_id, text))

    def test_a_message_to_this_node_itself_is_refused(self) -> None:
        play = Play(links=["a"])
        with pytest.raises(ValueError, match="this node"):
            play.do(Whisper(play.me.peer_id, "ID", "to myself"))

    def test_so_many_wait_for_one_peer(self) -> None:
        play = Play(links=["a"])
        ada, ben = play.node("ada").peer_id, play.node("ben").peer_id
        for number in range(MAX_OUTBOX_PER_PEER):
            play.do(Whisper(ada, str(number), "hello"))
        with pytest.raises(ValueError, match="full"):
            play.do(Whisper(ada, "one more", "hello"))
        play.do(Whisper(ben, "another", "hello"))

    def test_so_many_peers_are_written_to_and_a_full_outbox_stays_of_use(self) -> None:
        private = Private(Node("gateway").identity, 0, Random(1).randbytes, lambda _peer: None)
        for number in range(MAX_PEERS):
            private.whisper(Whisper(number.to_bytes(8), "ID", "hello"), 0.0)
        for _ in range(2):
            with pytest.raises(ValueError, match="full"):
                private.whisper(Whisper(b"one more", "ID", "hello"), 0.0)
        private.whisper(Whisper((0).to_bytes(8), "ID-2", "hello"), 0.0)

    def test_a_rate_that_is_used_up_is_waited_for_and_not_for_nothing(self) -> None:
        play = Play(links=["a"])
        for number in range(HANDSHAKES_TOTAL + 5):
            play.do(Whisper(number.to_bytes(8), "ID", "hello"))
        handshakes = len(play.sent("a", MessageType.NOISE_HANDSHAKE))
        assert handshakes == HANDSHAKES_TOTAL
        wakeups = []
        for _ in range(5):
            at = play.mesh.next_wakeup()
            assert at is not None
            wakeups.append(at)
            play.wait(at - play.now)
        assert wakeups[-1] > wakeups[0] > 0

    def test_more_than_the_rate_goes_out_later(self) -> None:
        cast = Cast("ada", "ben", settings=NO_SYNC)
        cast.join("ada", "ben")
        cast.wait(5)
        cast.do("ada", Whisper(cast.id("ben"), "first", "x"))
        cast.wait(1)
        for number in range(MAX_OUTBOX_PER_PEER):
            cast.do("ada", Whisper(cast.id("ben"), str(number), "x"))
        cast.wait(3 * RETRY_S)
        assert len({receipt.message_id for receipt in cast.seen("ada", Receipt)}) == MAX_OUTBOX_PER_PEER + 1
