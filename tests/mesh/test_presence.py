"""How long a peer is there: silence, links that are up, goodbyes."""

from gateway.limits import PEER_REACHABLE_S, REMOTE_PEER_REACHABLE_S
from gateway.mesh.effects import PeerLost, PeerSeen
from gateway.mesh.settings import MeshSettings
from gateway.wire.packet import Packet, as_sync_answer
from gateway.wire.signing import sign
from gateway.wire.types import MessageType
from tests.mesh.nodes import forged, wall_ms
from tests.mesh.playbook import QUIET, Play

ASKING = MeshSettings(jitter=False)


class TestExpiry:
    """A peer is there for as long as it is heard, or its link is up."""

    def test_a_silent_peer_hops_away_is_lost_after_a_minute(self) -> None:
        play = Play(links=["a"])
        ada = play.stranger("a", "ada")
        play.wait(PEER_REACHABLE_S - 1)
        assert play.seen(PeerLost) == []
        play.wait(6)
        assert play.seen(PeerLost) == [PeerLost(ada.peer_id, "not heard any more")]
        assert len(play.mesh.peers) == 0

    def test_what_a_peer_says_counts_as_hearing_it(self) -> None:
        play = Play(links=["a"])
        ada = play.stranger("a", "ada")
        for _ in range(3):
            play.wait(PEER_REACHABLE_S - 10)
            play.hear("a", ada.say("still here"))
        assert play.seen(PeerLost) == []

    def test_what_a_peer_said_earlier_does_not(self) -> None:
        play = Play(ASKING, links=["a"])
        ada = play.stranger("a", "ada")
        play.wait(PEER_REACHABLE_S - 10)
        play.hear("a", as_sync_answer(ada.say("long ago", age=3_000)))
        play.wait(16)
        assert [lost.peer_id for lost in play.seen(PeerLost)] == [ada.peer_id]

    def test_a_silent_peer_whose_link_is_up_is_not_lost(self) -> None:
        play = Play()
        ada = play.neighbor("a", "ada")
        play.wait(10 * PEER_REACHABLE_S)
        assert play.seen(PeerLost) == []
        play.down("a")
        play.wait(PEER_REACHABLE_S + 6)
        assert play.seen(PeerLost) == [PeerLost(ada.peer_id, "not heard any more")]

    def test_a_peer_of_another_site_is_kept_for_five_minutes(self) -> None:
        play = Play(links=["a"])
        ada = play.node("ada")
        assert play.inject(ada.announce()) is None
        play.wait(REMOTE_PEER_REACHABLE_S - 1)
        assert play.seen(PeerLost) == []
        play.wait(7)
        assert [lost.peer_id for lost in play.seen(PeerLost)] == [ada.peer_id]

    def test_a_peer_heard_on_the_radio_and_through_a_site_is_one_peer(self) -> None:
        play = Play(links=["a"])
        ada = play.node("ada")
        play.inject(ada.announce())
        play.wait(1)
        play.hear("a", ada.announce())
        (peer,) = play.mesh.status(play.now).peers
        assert (peer.local, peer.remote, peer.direct) == (True, True, True)
        assert len(play.seen(PeerSeen)) == 1
        play.down("a")
        play.wait(PEER_REACHABLE_S + 6)
        (peer,) = play.mesh.status(play.now).peers
        assert (peer.local, peer.remote) == (False, True)
        assert play.seen(PeerLost) == []


class TestLeave:
    """A peer that says goodbye is gone at once."""

    def test_it_is_lost_and_its_goodbye_travels_on(self) -> None:
        play = Play(links=["b"])
        ada = play.neighbor("a", "ada")
        frame = ada.packet(MessageType.LEAVE)
        play.hear("a", frame)
        assert play.seen(PeerLost) == [PeerLost(ada.peer_id, "left")]
        assert play.links_of(frame) == ["b"]

    def test_it_is_no_neighbour_any_more_and_its_link_has_no_name(self) -> None:
        play = Play(QUIET)
        ada, ben = play.neighbor("a", "ada"), play.neighbor("b", "ben")
        play.hear("a", ada.packet(MessageType.LEAVE))
        assert play.mesh._links.direct_peers == (ben.peer_id,)
        play.wait(1)
        play.hear("a", ada.announce())
        assert play.directs() == {"ada", "ben"}

    def test_an_unverified_goodbye_is_nobodys(self) -> None:
        play = Play(links=["b"])
        ada = play.neighbor("a", "ada")
        frame = forged(ada.packet(MessageType.LEAVE))
        play.hear("a", frame)
        assert play.seen(PeerLost) == []
        assert play.copies(frame) == []

    def test_a_goodbye_from_before_the_last_announce_comes_too_late(self) -> None:
        play = Play(links=["b"])
        ada = play.neighbor("a", "ada")
        late = ada.packet(MessageType.LEAVE)
        play.wait(5)
        play.hear("a", ada.announce(), late)
        assert play.seen(PeerLost) == []

    def test_a_goodbye_in_a_sync_answer_must_be_fresh(self) -> None:
        play = Play(ASKING)
        ada = play.neighbor("a", "ada")
        play.wait(6)
        stale = sign(Packet(MessageType.LEAVE, 0, wall_ms(play.now - 3_000), ada.peer_id, b""), ada.identity.signing_key)
        play.hear("a", stale)
        assert play.seen(PeerLost) == []
        assert play.drops()["window"] == 1
