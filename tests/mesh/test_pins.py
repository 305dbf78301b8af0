"""Who was here first keeps the name, over a restart too, and a crowd of strangers drives out strangers."""

from gateway.limits import MAX_PINS, REGULAR_AFTER_MS
from gateway.mesh.effects import PublicMessage
from gateway.mesh.events import Remember
from gateway.mesh.pins import Pins
from gateway.mesh.records import KeyPinned
from tests.mesh.nodes import wall_ms
from tests.mesh.playbook import Play

DAY_MS = 24 * 3600 * 1000
KEY, OTHER = b"k" * 32, b"o" * 32


def name(number: int) -> bytes:
    return number.to_bytes(8)


def test_a_key_is_told_when_it_is_new_and_then_once_a_day() -> None:
    pins = Pins()
    told = [pins.pin(name(1), KEY, at) for at in (0, 1, DAY_MS - 1, DAY_MS, DAY_MS + 1)]
    assert told == [KeyPinned(name(1), KEY, 0, 0), None, None, KeyPinned(name(1), KEY, 0, DAY_MS), None]


def test_who_comes_back_after_a_day_is_a_regular() -> None:
    pins = Pins()
    pins.pin(name(1), KEY, 0)
    pins.pin(name(1), KEY, REGULAR_AFTER_MS - 1)
    assert not pins.is_regular(name(1))
    pins.pin(name(1), KEY, REGULAR_AFTER_MS)
    assert pins.is_regular(name(1))


def test_a_crowd_makes_us_forget_nobody_who_came_back() -> None:
    pins = Pins({name(number): KEY for number in range(10)})
    for number in range(MAX_PINS + 20):
        pins.pin(name(100 + number), KEY, number)
    assert len(pins) == MAX_PINS
    assert all(pins.is_regular(name(number)) for number in range(10))


def test_strangers_have_room_among_any_number_of_regulars() -> None:
    pins = Pins({name(number): KEY for number in range(MAX_PINS)})
    for number in range(100):
        pins.pin(name(MAX_PINS + number), KEY, 0)
    assert len(pins) == MAX_PINS
    assert pins.get(name(MAX_PINS)) == KEY


def test_after_a_restart_the_older_key_stays_and_who_claimed_the_name_meanwhile_is_nobody() -> None:
    pins = Pins()
    pins.pin(name(1), OTHER, DAY_MS)
    pins.pin(name(2), KEY, DAY_MS)
    assert pins.restore([KeyPinned(name(1), KEY, 0, 5), KeyPinned(name(3), KEY, 0, REGULAR_AFTER_MS)]) == [name(1)]
    assert dict(pins) == {name(1): KEY, name(2): KEY, name(3): KEY}
    assert pins.is_regular(name(3))
    assert not pins.is_regular(name(1))


def test_more_than_there_is_room_for_is_left_out_when_it_is_taken_back() -> None:
    pins = Pins()
    pins.restore(KeyPinned(name(number), KEY, 0, 0) for number in range(MAX_PINS + 5))
    assert len(pins) == MAX_PINS
    assert pins.get(name(4)) is None


def test_a_gateway_believes_after_a_restart_whom_it_believed_before_and_nobody_else() -> None:
    before = Play(links=["a"])
    before.stranger("a", "ada")
    (pinned,) = before.seen(KeyPinned)
    assert pinned == KeyPinned(before.node("ada").peer_id, before.node("ada").identity.signing_public, wall_ms(0), wall_ms(0))
    after = Play(links=["a"], seed=2)
    ada, eve = after.node("ada"), after.node("eve").identity
    after.hear("a", ada.announce(signing=eve))  # she was quicker than the disk
    assert after.mesh.peers.get(ada.peer_id) is not None
    after.do(Remember((), pins=(pinned,)))
    assert after.mesh.peers.get(ada.peer_id) is None
    after.wait(1)
    after.hear("a", ada.announce(signing=eve), ada.say("overtakes my announce"))
    assert after.drops() == {"identity": 1}
    assert [one.text for one in after.seen(PublicMessage)] == ["overtakes my announce"]
