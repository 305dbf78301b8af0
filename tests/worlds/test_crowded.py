"""Text and presence on the slowest radio, while others speak, send files, shout or send pictures."""

from functools import cache
from itertools import pairwise

import pytest

from gateway.limits import MAX_FRAGMENT_SETS, QUEUE_BYTES
from gateway.mesh.queue import LinkQueue
from gateway.testing.air import Air
from hw.bluez.adapter_pace import AdapterPace
from hw.bluez.limits import PACE_START
from tests.worlds.bluez_links import ENDLESS
from tests.worlds.crowded import LINKS, SCENES, Crowd, play, row

pytestmark = pytest.mark.timeout(60)  # seconds of work each, on a machine that does nothing else

FLOODS = "and two file floods"
SHOUT = "100 phones, and one who shouts"
PICTURES = "100 phones, and private pictures"
SECONDS = 20.0
TEXT_P99_S = 2.5  # jitter is 0.18 of it, what the transport has taken already half a second or more
WHISPER_P99_S = 2.5


@cache
def played(scene: str, queue: str, seconds: float = SECONDS, seed: int = 1) -> Crowd:
    crowd = play(scene, queue, seconds, seed)
    print(f"seed {seed}: {row(scene, queue, crowd)}")
    return crowd


def holds(crowd: Crowd) -> bool:
    """Whether text, whispers and presence get through, and soon."""
    text, whisper, announce = (crowd.service(kind) for kind in ("text", "whisper", "announce"))
    assert min(text.due, whisper.due, announce.due) > 50
    soon = text.percentile(0.99) <= TEXT_P99_S and whisper.percentile(0.99) <= WHISPER_P99_S
    return soon and text.arrived >= 0.999 and announce.arrived >= 0.99


def test_the_air_is_that_of_the_specification() -> None:
    slow, quick, quickest = Air(share=1.0), Air(251, share=1.0), Air(251, 2, share=1.0)
    frames = {60: (1.92, 1.00, 0.66), 150: (4.02, 1.72, 1.02), 256: (6.70, 3.02, 1.83), 469: (12.1, 4.73, 2.68)}
    for size, milliseconds in frames.items():
        assert [air.seconds(size) * 1e3 for air in (slow, quick, quickest)] == pytest.approx(milliseconds, abs=0.05)


def test_without_a_flood_every_queue_will_do() -> None:
    for queue in ("FIFO", "strict", "fair"):
        crowd = played("100 phones", queue)
        assert holds(crowd)
        assert crowd.shed == {}


def test_text_and_presence_survive_two_speakers_and_two_file_floods_while_bulk_is_shed() -> None:
    crowd = played(FLOODS, "fair")
    assert holds(crowd)
    assert crowd.shed.keys() == {"voice", "bulk"}
    assert crowd.shed["bulk"] > 5_000


def test_in_one_line_for_everything_they_do_not() -> None:
    crowd = played(FLOODS, "FIFO")
    assert not holds(crowd)
    assert crowd.service("text").arrived < 0.5
    assert crowd.service("announce").arrived < 0.5


@pytest.mark.parametrize("scene", [SHOUT, PICTURES])
def test_one_sender_of_their_own_class_does_not_displace_the_others(scene: str) -> None:
    assert holds(played(scene, "fair"))
    assert not holds(played(scene, "strict")), "strict classes alone are not enough"


def test_the_links_learn_what_is_theirs_of_the_air() -> None:
    crowd = played(FLOODS, "fair")
    rates = [rate for rate in crowd.rates if rate is not None]
    assert len(rates) == LINKS
    assert 0.8 < sum(rates) / (469 / Air().seconds(469) / 2) < 1.2


def test_what_waits_in_a_flood_is_bounded() -> None:
    crowd = Crowd(1, LinkQueue, SECONDS)
    for act in SCENES[FLOODS]:
        act(crowd)
    for second in (3, 6, 9):
        crowd.world.run_until(second)
        for queue in crowd.world.nodes["gateway"].queues.values():
            assert isinstance(queue, LinkQueue)
            assert queue.bytes <= QUEUE_BYTES
            assert len(queue._sets) <= MAX_FRAGMENT_SETS


def test_an_urgent_board_post_does_not_wait_where_everybody_talks_at_once() -> None:
    crowd = Crowd(1, LinkQueue, SECONDS)
    for _ in range(4):
        crowd.talk()
    crowd.alarm()
    crowd.run()
    alarm, text = crowd.service("alarm"), crowd.service("text")
    assert (alarm.due, alarm.arrived) == (2 * (LINKS - 1), 1.0)
    assert alarm.percentile(0.99) < 1.5 < text.percentile(0.5), "four times the talk is more than there is air for"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("scene", SCENES)
def test_it_holds_for_ten_minutes(scene: str) -> None:
    crowd = played(scene, "fair", 600.0, 2)
    assert holds(crowd)
    heard = [sorted(ear.heard.values()) for ear in crowd.ears]
    assert all(later - earlier < 5.0 for times in heard for earlier, later in pairwise(times)), "no link ever stands still"


def beside_bluez(scene: str, radio: str = "1M", dialled: int = 0) -> tuple[Crowd, AdapterPace]:
    crowd = Crowd(1, LinkQueue, SECONDS, radio, ENDLESS)
    pace = crowd.pace_all(dialled=dialled)
    for act in SCENES[scene]:
        act(crowd)
    crowd.run()
    print(f"seed 1: {radio}, {dialled} of {LINKS} dialled, {pace.rate:.0f} B/s: {row(scene, 'fair', crowd)}")
    return crowd, pace


@pytest.mark.parametrize("dialled", [0, 1, 3])
@pytest.mark.parametrize("scene", [FLOODS, SHOUT, PICTURES])
def test_it_holds_where_bluez_takes_whatever_it_is_given(scene: str, dialled: int) -> None:
    crowd, _ = beside_bluez(scene, dialled=dialled)
    assert holds(crowd)


def test_with_a_pace_of_24_kb_for_each_link_it_does_not() -> None:
    crowd = Crowd(1, LinkQueue, SECONDS, buffer=ENDLESS)
    crowd.pace_each(24_000)
    for act in SCENES[FLOODS]:
        act(crowd)
    crowd.run()
    assert not holds(crowd)
    assert crowd.service("text").percentile(0.5) > 5.0


def test_answered_writes_find_out_what_a_better_radio_carries() -> None:
    crowd, pace = beside_bluez(FLOODS, "2M+DLE", dialled=3)
    assert holds(crowd)
    assert pace.rate > 2 * PACE_START
