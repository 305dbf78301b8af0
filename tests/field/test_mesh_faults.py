"""What went wrong on the air with bridges before this one, each as a test that would have caught it.

The doc of a test names the fault and where it was.
"""

from hashlib import sha256
from itertools import pairwise
from random import Random

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from gateway.limits import MAX_ASSEMBLIES, MAX_ASSEMBLIES_PER_SENDER, MAX_ASSEMBLY_BYTES_TOTAL
from gateway.mesh.effects import CloseLink, Heard, PrivateMessage, PublicMessage
from gateway.mesh.events import Say, Whisper
from gateway.mesh.private import RETRY_S
from gateway.session.table import SessionTable
from gateway.testing.island import Island
from gateway.testing.phone import new_phone
from gateway.testing.topology import clique
from gateway.testing.world import World
from gateway.wire import private as payloads
from gateway.wire.fragment import Fragment, encode_fragment
from gateway.wire.packet import Packet, decode, encode, peek, with_ttl
from gateway.wire.private import encode_noise_payload
from gateway.wire.signing import verify
from gateway.wire.types import MessageType
from tests.manners.stage import Stage
from tests.mesh.cast import Cast
from tests.mesh.nodes import noise
from tests.mesh.playbook import NO_SYNC, Play

TEXT = "meet me at the old mill"
SETTLED = 30.0
LINK_BYTES_A_SECOND = 15_000  # what one Bluetooth link moves


def texts(play: Play) -> list[str]:
    return [message.text for message in play.seen(PublicMessage)]


class TestLoopsAndStorms:
    """Bridges that talked to themselves until nobody else could."""

    def test_an_old_message_is_not_sent_again_every_half_minute(self) -> None:
        """evansmj/firmware-bitchat-plugin issue 9: old messages came again about every 30 s."""
        stage = Stage("hut", "hall")
        stage.ios("ann")
        stage.android("bob")
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        stage.say("bob", "once")
        stage.run(300)
        for name in ("ann", "cyd"):
            assert len(stage.arrived(name, MessageType.MESSAGE)) == 1
        assert stage.arrived("bob", MessageType.MESSAGE) == []

    @pytest.mark.parametrize("ids", [(b"AAAA1111", b"AAAA2222"), (b"1111AAAA", b"2222AAAA")])
    def test_senders_that_share_half_their_id_are_two(self, ids: tuple[bytes, bytes]) -> None:
        """evansmj issue 10: a sender ID cut from 64 to 32 bits broke the memory of duplicates."""
        play = Play(NO_SYNC, links=["a", "b"])
        frames = [encode(Packet(MessageType.PING, 7, peek(play.me.announce()).timestamp_ms, one, bytes(9), b"far away")) for one in ids]
        play.forget().hear("a", *frames)
        play.wait(1)
        assert sorted(sent.frame for sent in play.sent("b", MessageType.PING)) == sorted(with_ttl(frame, 6) for frame in frames)

    def test_announces_take_little_of_the_air(self) -> None:
        """evansmj issue 6: announcements took more than half of the channel."""
        stage = Stage()
        names = [f"p{number}" for number in range(8)]
        for name in names:
            stage.ios(name)
        stage.run(SETTLED)
        before = sum(len(seen.frame) for seen in stage.arrived("p0", MessageType.ANNOUNCE))
        stage.run(120)
        a_second = (sum(len(seen.frame) for seen in stage.arrived("p0", MessageType.ANNOUNCE)) - before) / 120
        assert a_second < 0.02 * LINK_BYTES_A_SECOND

    def test_our_own_announce_passed_on_by_others_is_never_passed_on_by_us(self) -> None:
        """Bitchat-Meshtastic's TODO 1 and 2: a storm, for one's own announce was not remembered as seen."""
        play = Play(NO_SYNC, links=["a", "b", "c"])
        own = play.sent("a", MessageType.ANNOUNCE)[-1].frame
        play.wait(2)
        play.forget()
        for ttl in (6, 5, 4):
            for link in ("a", "b"):
                play.hear(link, with_ttl(own, ttl))
        play.wait(5)
        assert play.copies(own) == []
        assert play.seen(CloseLink) == []

    def test_what_crossed_does_not_come_back(self) -> None:
        """bitchat PR 1384: the gateway gave each event it had carried out back to its own mesh."""
        stage = Stage("hut", "hall", "barn")
        for name, at in (("ann", "hut"), ("bob", "hall"), ("cyd", "barn")):
            stage.ios(name, at=at)
        stage.world.connect_sites([("hut", "barn")])
        stage.run(SETTLED)
        stage.say("ann", "round and round")
        stage.run(300)
        assert stage.arrived("ann", MessageType.MESSAGE) == []
        assert stage.heard("bob") == stage.heard("cyd") == ["round and round"]
        assert stage.world.traffic.repeated == []

    def test_gossip_gives_nobody_back_what_it_said(self) -> None:
        """Bitchat-Meshtastic's TODO: the echo came through the sync answers instead."""
        stage = Stage("hut", "hall")
        stage.android("bob")
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        for number in range(10):
            stage.say("bob", f"number {number}")
        stage.run(200)
        assert len(stage.sent("bob", MessageType.MESSAGE)) == 10
        assert stage.arrived("bob", MessageType.MESSAGE) == []

    def test_two_gateways_on_one_island_deliver_everything_once(self) -> None:
        """Meshtastic's documentation: with several gateways messages come several times; "subscribers should deduplicate"."""
        stage = Stage("hut", "porch")
        names = ["ann", "bob", "cyd"]
        for name in names:
            stage.ios(name)
            stage.connect(name, "porch")
        stage.world.radio.connect("hut", "porch", stage.now)
        stage.run(SETTLED)
        for name in names:
            stage.say(name, f"from {name}")
            stage.run(2)
        for name in names:
            assert sorted(stage.heard(name)) == [f"from {other}" for other in names if other != name]
        assert stage.world.traffic.repeated == []

    def test_a_dense_crowd_costs_fewer_frames_than_links(self) -> None:
        """Users of LoRa nets: flooding eats the channel."""
        world = World(5, report=lambda _: None)
        names = [f"n{number:02}" for number in range(14)]
        for name in names:
            phone = new_phone(name, world.rng(name))
            world.add(name, phone.engine, address=phone.peer_id)
        world.connect(clique(names))
        world.run_until(SETTLED)
        world.inject("n00", Say("to all of you"))
        world.run_for(10)
        heard = [notice.node for notice in world.notices if isinstance(notice.effect, PublicMessage)]
        assert sorted(heard) == names[1:]
        frame = next(heard.frame for heard in world.seen(Heard, "n01") if heard.header.type == MessageType.MESSAGE)
        assert world.traffic.transmissions(frame) < len(names) * (len(names) - 1) / 2


class TestBelief:
    """Bridges that believed anybody."""

    def test_an_announce_without_a_signature_is_none(self) -> None:
        """Bitchat-Meshtastic's TODO 6 to 8: unsigned announces were accepted."""
        play = Play(links=["a", "b"])
        ada = play.node("ada")
        signed = decode(ada.announce())
        play.hear("a", encode(Packet(signed.type, signed.ttl, signed.timestamp_ms, signed.sender_id, signed.payload)))
        assert list(play.mesh.peers) == []
        assert play.directs() == set()
        assert play.drops() == {"signature": 1}

    @pytest.mark.parametrize("ttl", range(8))
    def test_a_signature_holds_at_every_distance(self, ttl: int) -> None:
        """Bitchat-Meshtastic's TODO: the signature covered the TTL, so every relayed packet failed."""
        play = Play()
        ada = play.node("ada")
        assert verify(with_ttl(ada.say("hello"), ttl), ada.identity.signing_public)

    def test_a_session_by_somebody_elses_key_is_refused(self) -> None:
        """Bitchat-Meshtastic's TODO 9: the Noise key was not tied to the announced identity."""
        play = Play(NO_SYNC)
        ada, eve = play.neighbor("a", "ada"), play.node("eve")
        table = SessionTable(eve.identity.noise_private, eve.peer_id, Random(1).randbytes)

        def as_ada(kind: int, payload: bytes) -> None:
            play.hear("a", ada.packet(kind, payload, to=play.me.peer_id, signed=False))

        as_ada(MessageType.NOISE_HANDSHAKE, table.initiate(play.me.peer_id, play.now))
        (answer,) = play.sent("a", MessageType.NOISE_HANDSHAKE)
        step = table.on_handshake(play.me.peer_id, decode(answer.frame).payload, play.now)
        as_ada(MessageType.NOISE_HANDSHAKE, step.reply)
        said = encode_noise_payload(payloads.PrivateMessage("ID-1", "this is Ada"))
        as_ada(MessageType.NOISE_ENCRYPTED, table.encrypt(play.me.peer_id, said, play.now))
        assert play.seen(PrivateMessage) == []
        assert play.drops()["identity"] == 1

    def test_a_packet_that_ends_like_padding_keeps_its_end(self) -> None:
        """Bitchat-Meshtastic's TODO: padding is ambiguous where a packet fills its block exactly."""
        play = Play(NO_SYNC, links=["a", "b"])
        ada = play.stranger("a", "ada")
        play.wait(1)
        for size in (*range(150, 175), *range(400, 430)):
            for last in (b"\x01", b"\x02\x02", b"\x10" * 16):
                play.forget()
                sealed = ada.seal(noise(size - len(last)) + last, b"far away")
                play.hear("a", sealed)
                play.wait(0.2)
                assert [sent.frame for sent in play.sent("b", MessageType.NOISE_ENCRYPTED)] == [with_ttl(sealed, 6)]
                assert decode(sealed).payload.endswith(last)

    def test_every_size_of_fragment_is_put_together(self) -> None:
        """Bitchat-Meshtastic's TODO: fragment buffers of sizes that disagreed, and version 2 with wrong MTU arithmetic."""
        play = Play(links=["a"])
        ada = play.stranger("a", "ada")
        for version in (1, 2):
            for limit in range(107, 513, 27):
                text = f"{version} {limit} " + "".join(Random(limit).choices("abcdefghijklmnopqrstuvwxyz ", k=700))
                whole = ada.packet(MessageType.MESSAGE, text.encode(), version=version)
                play.forget().hear("a", *ada.cut(whole, limit, fragment_id=(limit * version).to_bytes(8)))
                assert texts(play) == [text]
                play.wait(1)

    def test_half_files_are_bounded_and_forgotten(self) -> None:
        """AIVillage core/transport_manager.py: its store of chunks was unbounded and never expired."""
        play = Play(links=["a"])
        author = play.stranger("a", "ada")
        for number in range(3_000):
            fragment = encode_fragment(Fragment(number.to_bytes(8), 0, 9_000, 0x22, noise(440)))
            play.hear("a", author.packet(MessageType.FRAGMENT, fragment, signed=False))
            play.wait(0.01)
        assembler = play.mesh._receiver.assembler
        assert 0 < len(assembler) <= min(MAX_ASSEMBLIES, MAX_ASSEMBLIES_PER_SENDER)
        assert assembler.bytes <= MAX_ASSEMBLY_BYTES_TOTAL
        play.wait(60)
        assert len(assembler) == 0


class TestSecrets:
    """Bridges that kept none."""

    def test_nothing_private_leaves_in_the_clear_whatever_goes_wrong(self) -> None:
        """AIVillage bitchat/ble_transport.py: on any error of the cipher, "sending unencrypted"."""
        play = Play(NO_SYNC, links=["b"])
        ada = play.neighbor("a", "ada")
        for number in range(40):  # nobody answers, and the handshakes are used up
            play.do(Whisper(ada.peer_id, f"ID-{number}", TEXT))
            play.do(Whisper(b"far away", f"ID-{number}", TEXT))
            play.hear("a", ada.packet(MessageType.NOISE_HANDSHAKE, noise(96), to=play.me.peer_id, signed=False))  # and nonsense comes back
            play.hear("a", ada.packet(MessageType.NOISE_ENCRYPTED, noise(60), to=play.me.peer_id, signed=False))
            play.wait(5)
        sent = play.sent()
        assert {one.frame[1] for one in sent} <= {MessageType.ANNOUNCE, MessageType.NOISE_HANDSHAKE}
        assert not [one for one in sent if TEXT.encode() in one.frame or TEXT.encode() in decode(one.frame).payload]

    def test_no_key_follows_from_what_everybody_knows(self) -> None:
        """AIVillage: keys were SHA-256 of the device's public ID, or of the two names; anybody could decrypt."""
        cast = Cast("ada", "ben", settings=NO_SYNC)
        cast.line("ada", "ben")
        cast.wait(10)
        cast.do("ada", Whisper(cast.id("ben"), "ID-1", TEXT))
        cast.wait(2)
        assert cast.seen("ben", PrivateMessage)
        known = [one for name in ("ada", "ben") for one in _public(cast, name)]
        known += [one + other for one in known for other in known if len(one) == len(other)]
        keys = {sha256(one).digest() for one in known} | {one for one in known if len(one) == 32}
        sealed = [decode(frame).payload for frame in cast.frames("ada", "ben", MessageType.NOISE_ENCRYPTED)]
        for payload in sealed:
            counter = int.from_bytes(payload[:4])
            nonces = [bytes(4) + counter.to_bytes(8, "little"), bytes(8) + payload[:4], payload[:12]]
            for key in keys:
                for nonce in nonces:
                    for cipher in (ChaCha20Poly1305, AESGCM):
                        for text in (payload[4:], payload[12:]):
                            with pytest.raises(InvalidTag):
                                cipher(key).decrypt(nonce, text, None)

    def test_ciphertexts_are_no_xor_of_texts(self) -> None:
        """AIVillage betanet/noise_protocol.py: the cipher always failed, and fell back to XOR with a repeating key."""
        cast = Cast("ada", "ben", settings=NO_SYNC)
        cast.line("ada", "ben")
        cast.wait(10)
        for number in range(4):
            cast.do("ada", Whisper(cast.id("ben"), f"ID-{number}", "the same every time"))
            cast.wait(1)
        sealed = [decode(frame).payload[4:] for frame in cast.frames("ada", "ben", MessageType.NOISE_ENCRYPTED)]
        same = [one for one in sealed if len(one) == len(sealed[-1])]
        assert len(same) >= 3
        for one, other in pairwise(same):
            alike = sum(a == b for a, b in zip(one, other, strict=True))
            assert alike <= len(one) / 4

    def test_each_side_can_read_the_other_and_nobody_reads_himself(self) -> None:
        """AIVillage betanet/noise_protocol.py: both sides derived the same keys for the same direction, so nobody could decrypt."""
        cast = Cast("ada", "ben", settings=NO_SYNC)
        cast.line("ada", "ben")
        cast.wait(10)
        cast.do("ada", Whisper(cast.id("ben"), "ID-1", "to Ben"))
        cast.wait(1)
        cast.do("ben", Whisper(cast.id("ada"), "ID-2", "to Ada"))
        cast.wait(1)
        assert [message.text for message in cast.seen("ben", PrivateMessage)] == ["to Ben"]
        assert [message.text for message in cast.seen("ada", PrivateMessage)] == ["to Ada"]

    def test_a_sealed_packet_played_again_is_shown_once(self) -> None:
        """Bitchat-Meshtastic's TODO: no replay window."""
        stage = Stage("hut", "hall")
        stage.ios("ann")
        stage.ios("cyd", at="hall")
        stage.run(SETTLED)
        stage.whisper("ann", "cyd", "ID-1")
        stage.run(3)
        sealed = stage.arrived("cyd", MessageType.NOISE_ENCRYPTED)
        for seen in sealed:
            for ttl in (1, 3, 7):
                stage.give("cyd", with_ttl(seen.frame, ttl))
        restamped = [_stamped(seen.frame, 1) for seen in sealed]
        for frame in restamped:
            stage.give("cyd", frame)
        stage.run(3)
        assert stage.whispered("cyd") == ["ID-1"]

    @pytest.mark.parametrize("lost", range(3))
    def test_a_handshake_message_that_is_lost_is_made_good(self, lost: int) -> None:
        """Bitchat-Meshtastic's TODO: no handshake was ever sent again."""
        cast = Cast("ada", "gateway", "ben", settings=NO_SYNC)
        cast.line("ada", "gateway", "ben")
        cast.wait(10)
        seen: list[bytes] = []

        def lose(_source: str, _target: str, frame: bytes) -> bool:
            if frame[1] == MessageType.NOISE_HANDSHAKE and frame[2] == 7:
                seen.append(frame)
                return len(seen) == lost + 1
            return False

        cast.lose = lose
        cast.do("ada", Whisper(cast.id("ben"), "ID-1", TEXT))
        cast.wait(8 * RETRY_S)
        assert [message.text for message in cast.seen("ben", PrivateMessage)] == [TEXT]

    def test_sealed_packets_of_version_2_are_read_like_those_of_version_1(self) -> None:
        """Bitchat-Meshtastic's TODO: the associated data had another length in version 2, so routed messages failed."""
        cast = Cast("ada", "ben", "cyd", settings=NO_SYNC)
        cast.line("ada", "ben", "cyd")
        cast.wait(40)
        for name in ("ada", "ben", "cyd"):
            for peer in cast[name].peers:
                peer.speaks_v2 = True
        cast.do("ada", Whisper(cast.id("cyd"), "ID-1", TEXT))
        cast.wait(3)
        sealed = cast.frames("ben", "cyd", MessageType.NOISE_ENCRYPTED)
        assert {frame[0] for frame in sealed} == {2}
        assert [message.text for message in cast.seen("cyd", PrivateMessage)] == [TEXT]


class TestAccounts:
    """Messages that were lost or doubled, and nobody knew."""

    def test_an_island_loses_and_doubles_nothing_through_comings_and_goings_of_its_gateway(self) -> None:
        """AIVillage core/message_delivery.py: "above 95 % delivery", unproven; 0 of 1 restored."""
        island = Island(3, [f"p{number}" for number in range(6)])
        island.advance(SETTLED)
        for number in range(12):
            island.switch_on() if number % 2 else island.switch_off()
            island.say(f"p{number % 6}", f"number {number}")
            island.advance(island.now + 5)
        island.advance(island.now + 40)
        for name in island.phones:
            heard = sorted(notice.effect.text for notice in island.heard(name) if isinstance(notice.effect, PublicMessage))
            assert heard == sorted(f"number {number}" for number in range(12) if f"p{number % 6}" != name)


def _public(cast: Cast, name: str) -> list[bytes]:
    identity = cast[name].identity
    return [identity.peer_id, identity.peer_id.hex().encode(), identity.noise_public, identity.signing_public, name.encode()]


def _stamped(frame: bytes, later_ms: int) -> bytes:
    """The same packet as if it had been made a moment later: another packet for everybody who only counts."""
    stamp = int.from_bytes(frame[3:11]) + later_ms
    return frame[:3] + stamp.to_bytes(8) + frame[11:]
