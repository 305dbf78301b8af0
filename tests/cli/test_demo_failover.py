"""The demo's books about a transport that goes and comes back."""

import msgspec
import pytest

from gateway.cli.demo_failover import MOST_S, Failover
from gateway.cli.demo_view import picture, summary
from tests.cli.demo_scene import doing, private, public, talking
from tests.cli.support import meshgate, objects
from tests.cli.test_demo_view import console

BOTH = ("libp2p", "websocket")
MOVED = ("websocket",)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def failing_over():
    demo, clock = talking(60, BOTH), Clock()
    demo.failover = Failover(clock=clock)
    return demo, clock


def test_it_is_told_how_long_the_talk_took_to_move_and_to_come_back() -> None:
    demo, clock = failing_over()
    demo.failover.kill()
    clock.now += 3.26
    doing(demo, links=MOVED)
    clock.now += 20
    demo.failover.allow()
    doing(demo, links=("websocket", "libp2p"))
    clock.now += 7
    doing(demo, links=BOTH)
    clock.now += 50
    doing(demo, links=BOTH)
    assert demo.result()["failover"] == {"moved_s": 3.3, "returned_s": 7.0}
    assert demo.is_clean()


def test_both_gateways_must_have_moved() -> None:
    failover = Failover(clock=Clock())
    failover.kill()
    failover.look(("websocket", "libp2p"))
    failover.look(("websocket", None))
    assert failover.moved_s is None
    failover.look(("websocket", "websocket"))
    assert failover.moved_s == 0.0


def test_a_talk_that_moves_too_late_or_never_is_not_clean() -> None:
    demo, clock = failing_over()
    assert demo.is_clean()  # stopped before anything was killed
    demo.failover.kill()
    assert not demo.is_clean()
    clock.now += MOST_S + 1
    doing(demo, links=MOVED)
    assert not demo.is_clean()


def test_a_talk_that_does_not_come_back_is_not_clean() -> None:
    demo, _ = failing_over()
    demo.failover.kill()
    doing(demo, links=MOVED)
    assert demo.is_clean()
    demo.failover.allow()
    assert not demo.is_clean()
    doing(demo, links=BOTH)
    assert demo.is_clean()


def test_a_private_message_that_was_overtaken_is_not_clean() -> None:
    demo, _ = failing_over()
    private(demo, "Ada", "Fay", 2, latency=9.0)
    demo.ledger.messages["private 3"] = demo.ledger.messages["private 2"]
    demo.ledger.received("private 3", "Fay", 1_001.0)
    assert demo.result()["order"] == {"overtaken": 1}
    assert not demo.is_clean()


def test_public_messages_may_overtake_each_other() -> None:
    demo, _ = failing_over()
    public(demo, "Ada", 70, latency=9.0)
    public(demo, "Ada", 71)
    assert demo.is_clean()


def test_the_figures_of_both_transports_are_in_the_result() -> None:
    demo, _ = failing_over()
    assert demo.result()["transports"]["north"] == {
        "libp2p": {"restarts": 0},
        "websocket": {"restarts": 0},
        "crossed_out": 43,
        "crossed_in": 45,
    }


def test_the_talk_begins_only_when_both_transports_are_linked() -> None:
    demo, _ = failing_over()
    doing(demo, links=MOVED)
    assert not demo._all_acquainted()
    doing(demo)
    assert demo._all_acquainted()


def test_the_books_stay_open_until_libp2p_is_back() -> None:
    demo, _ = failing_over()
    demo._quiet = {"North", "South"}
    assert demo._is_settled()
    demo.failover.kill()
    demo.failover.allow()
    assert not demo._is_settled()
    doing(demo, links=MOVED)
    doing(demo, links=BOTH)
    assert demo._is_settled()


def drawn(demo, width: int = 100) -> str:
    window = console(width)
    window.print(picture(demo, window))
    return window.file.getvalue()


def test_the_picture_says_which_way_the_talk_takes() -> None:
    demo, _ = failing_over()
    assert "phones on two islands are talking" in drawn(demo)
    demo.failover.kill()
    doing(demo)
    assert "The libp2p process is killed; nobody has noticed yet." in drawn(demo)
    doing(demo, links=MOVED)
    assert "The libp2p process is gone. Everything goes over WebSocket." in drawn(demo)
    demo.islands[0].doing = msgspec.structs.replace(demo.islands[0].doing, links=BOTH)
    assert "The talk is moving from one transport to the other." in drawn(demo)
    demo.failover.allow()
    doing(demo, links=BOTH)
    assert "libp2p is back, and everything goes over it again." in drawn(demo)


@pytest.mark.parametrize("width", [20, 40, 76, 100])
def test_the_picture_fits_the_window_while_the_talk_moves(width: int) -> None:
    demo, _ = failing_over()
    demo.failover.kill()
    doing(demo, links=MOVED)
    demo.islands[0].doing = msgspec.structs.replace(demo.islands[0].doing, links=BOTH)
    assert max(map(len, drawn(demo, width).splitlines())) <= width


@pytest.mark.parametrize(
    ("failover", "words"),
    [
        ({"moved_s": 3.3, "returned_s": 7.0}, "moved to WebSocket within 3.3 s, and back 7.0 s after libp2p was allowed to return."),
        ({"moved_s": 3.3, "returned_s": None}, "moved to WebSocket within 3.3 s, and did not move back."),
        ({"moved_s": None, "returned_s": None}, "The talk did not move to WebSocket."),
    ],
)
def test_the_summary_tells_of_the_move(failover: dict, words: str) -> None:
    demo, _ = failing_over()
    assert words in summary(demo.result() | {"failover": failover})


def test_the_summary_tells_of_what_was_overtaken() -> None:
    demo, _ = failing_over()
    assert "2 private messages came out of order." in summary(demo.result() | {"order": {"overtaken": 2}})


@pytest.mark.parametrize(
    "options", [("--failover", "--kill-node"), ("--failover", "--transport", "libp2p"), ("--kill-node", "--transport", "websocket")]
)
def test_options_that_contradict_each_other_are_a_usage_error(options: tuple[str, ...]) -> None:
    done = meshgate("demo", "--json", *options)
    assert done.returncode == 2
    assert objects(done.stdout)[0]["error"]["code"] == "usage"
