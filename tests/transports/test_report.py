from transports.libp2p.report import Situation, report
from transports.link import TransportState


def test_only_a_link_makes_the_transport_up() -> None:
    situation = Situation(called=set())
    assert report(situation, set(), {}).state is TransportState.STARTING
    situation.begin()
    situation.ready(["/ip4/192.0.2.1/tcp/4001"])
    status = report(situation, set(), {})
    assert (status.state, status.sentence) == (TransportState.STARTING, "Listening; no member has linked yet.")
    assert status.addresses == ("/ip4/192.0.2.1/tcp/4001",)
    status = report(situation, {"alice"}, {})
    assert (status.state, status.sentence, status.links) == (TransportState.UP, "1 gateway linked.", 1)


def test_a_called_member_that_is_missing_degrades_and_is_named() -> None:
    situation = Situation(called={"alice", "bob"})
    situation.ready([])
    status = report(situation, {"alice"}, {})
    assert (status.state, status.sentence) == (TransportState.DEGRADED, "1 gateway linked; bob cannot be reached.")
    assert "lists this gateway as a member" in status.remedy


def test_a_restart_degrades_while_links_wait() -> None:
    situation = Situation(called=set())
    situation.ready(["/ip4/192.0.2.1/tcp/4001"])
    situation.restarts = 1
    situation.begin()
    status = report(situation, {"alice"}, {})
    assert (status.state, status.addresses) == (TransportState.DEGRADED, ())
    assert status.sentence == "The libp2p process is starting again; 1 gateway linked."


def test_a_failure_is_news_once() -> None:
    situation = Situation(called=set())
    situation.begin()
    assert situation.fail("The port is taken.", "Choose another.")
    situation.begin()
    assert not situation.fail("The port is taken.", "Choose another.")
    assert situation.fail("The address is gone.", "")
    status = report(situation, set(), {})
    assert (status.state, status.sentence) == (TransportState.DOWN, "The address is gone.")
    situation.begin()
    situation.ready([])
    assert situation.fail("The address is gone.", "")


def test_a_stopped_transport_is_down() -> None:
    situation = Situation(called=set())
    situation.stopped = True
    assert report(situation, set(), {}).state is TransportState.DOWN
