"""The hotspot opens where there is no network, makes room for known ones, and goes away; in virtual time, with a radio that is none."""

import random

import pytest

from hw.firstboot.kept import Kept
from hw.firstboot.limits import AGAIN_S, ALONE_S, LOOK_S, STEP_DOWN_S, TRY_S
from hw.firstboot.spot import Act, Hotspot, Phase, Seen
from hw.firstboot.tending import Tending, Wanted, wanted

ALONE = Seen(connected=False, known=1)
HOME = Seen(connected=True, known=1)
WISH = Wanted(enabled=True, name="Meshgate-ABCD", key="a-long-key", country="DE")


class World:
    """A radio, a router that is there or not, and a clock."""

    def __init__(self) -> None:
        self.time = 0.0
        self.router = False
        self.known = 1
        self.clients = 0
        self.radio = True
        self.is_open = False
        self.opens = True
        self.firewall = False
        self.firewall_trouble = ""
        self.portal = False
        self.told: list[tuple[bool, str]] = []
        self.keys: list[str] = []
        self.tending = Tending(
            WISH, self, Wall(self), self.start_portal, lambda good, said: self.told.append((good, said)), lambda: self.time
        )

    def look(self) -> Seen:
        return Seen(self.router and not self.is_open, self.clients if self.is_open else 0, self.known, self.radio)

    def open(self, _name: str, key: str, _addresses: tuple[str, str]) -> str:
        self.keys.append(key)
        self.is_open = self.opens
        return "wlan0" if self.opens else ""

    def close(self) -> None:
        self.is_open = False

    def start_portal(self, on: bool) -> None:
        self.portal = on

    def run(self, seconds: float) -> None:
        end = self.time + seconds
        while self.time < end:
            self.tending.look()
            self.time += LOOK_S


class Wall:
    """Its firewall."""

    def __init__(self, world: World) -> None:
        self.world = world

    def open(self, device: str, page: str) -> str:
        assert (device, page) == ("wlan0", "10.42.77.1")
        self.world.firewall = not self.world.firewall_trouble
        return self.world.firewall_trouble

    def is_open(self) -> bool:
        return self.world.firewall

    def close(self) -> None:
        self.world.firewall = False


def test_it_opens_after_three_minutes_alone_and_not_before() -> None:
    world = World()
    world.run(ALONE_S - LOOK_S)
    assert not world.is_open
    world.run(2 * LOOK_S)
    assert (world.is_open, world.firewall, world.portal, world.keys) == (True, True, True, ["a-long-key"])
    assert "Meshgate-ABCD" in world.told[0][1]


def test_a_box_with_a_network_never_opens_one() -> None:
    world = World()
    world.router = True
    world.run(3_600)
    assert world.keys == []


def test_a_short_break_of_the_router_opens_nothing() -> None:
    world = World()
    for _ in range(5):
        world.router = True
        world.run(60)
        world.router = False
        world.run(ALONE_S - 2 * LOOK_S)
    assert world.keys == []


def test_it_steps_down_after_ten_minutes_without_anybody_and_comes_back_if_there_is_still_nothing() -> None:
    world = World()
    world.run(ALONE_S + LOOK_S)
    world.run(STEP_DOWN_S + LOOK_S)
    assert (world.is_open, world.firewall, world.portal) == (False, False, False)
    world.run(TRY_S + LOOK_S)
    assert world.is_open


def test_it_goes_for_good_when_a_known_network_is_back() -> None:
    world = World()
    world.run(ALONE_S + LOOK_S)
    world.router = True
    world.run(STEP_DOWN_S + TRY_S)
    assert not world.is_open
    world.run(3_600)
    assert len(world.keys) == 1


def test_nobody_is_thrown_out_who_is_in_it() -> None:
    world = World()
    world.clients = 1
    world.run(3_600)
    assert (world.is_open, len(world.keys)) == (True, 1)
    world.clients = 0
    world.run(STEP_DOWN_S + 2 * LOOK_S)
    assert not world.is_open


def test_without_a_known_network_there_is_nothing_to_step_down_for() -> None:
    world = World()
    world.known = 0
    world.run(3_600)
    assert (world.is_open, len(world.keys)) == (True, 1)


def test_a_cable_that_is_plugged_in_closes_it() -> None:
    hotspot = Hotspot(0.0)
    assert hotspot.look(ALONE, ALONE_S) is Act.OPEN
    assert hotspot.look(HOME, ALONE_S + 10) is Act.CLOSE
    assert hotspot.phase is Phase.WATCHING
    assert hotspot.look(ALONE, ALONE_S + 20) is Act.NOTHING


def test_a_radio_that_does_not_open_is_tried_again_and_told() -> None:
    world = World()
    world.opens = False
    world.run(ALONE_S + 5 * AGAIN_S)
    assert 3 <= len(world.keys) <= 6
    assert not any(good for good, _ in world.told)
    world.opens = True
    world.run(2 * AGAIN_S)
    assert world.is_open


def test_a_hotspot_that_the_firewall_does_not_guard_is_closed_again() -> None:
    world = World()
    world.firewall_trouble = "nft: no"
    world.run(ALONE_S + LOOK_S)
    assert (world.is_open, world.portal) == (False, False)
    assert "nft: no" in world.told[0][1]


def test_a_firewall_that_was_loaded_anew_is_opened_again() -> None:
    world = World()
    world.run(ALONE_S + LOOK_S)
    world.firewall = False
    world.run(60 + 2 * LOOK_S)
    assert world.firewall


def test_a_radio_that_is_pulled_out_closes_it() -> None:
    world = World()
    world.run(ALONE_S + LOOK_S)
    world.radio = False
    world.run(LOOK_S)
    assert not world.portal
    world.radio = True
    world.run(2 * AGAIN_S)
    assert world.portal


def test_one_that_is_ended_leaves_nothing_open() -> None:
    world = World()

    def sleep(seconds: float) -> None:
        world.time += seconds
        if world.time > ALONE_S + 60:
            assert world.is_open
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.tending.run(sleep)
    assert (world.is_open, world.firewall, world.portal) == (False, False, False)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_world_does_portal_and_firewall_are_open_exactly_with_the_network(seed: int) -> None:
    print(f"seed {seed}")
    chance, world = random.Random(seed), World()
    for _ in range(300):
        world.router = chance.random() < 0.2
        world.clients = chance.choice((0, 0, 2))
        world.opens = chance.random() < 0.8
        world.run(chance.choice((LOOK_S, 60, 300)))
        assert world.portal == world.is_open == bool(world.tending._device)


def test_it_is_open_to_everybody_only_if_the_owner_said_so() -> None:
    made = {"hotspot_name": "Meshgate-ABCD", "hotspot_key": "OWN-KEY-1234"}
    assert wanted(Kept(**made)).key == "OWN-KEY-1234"
    assert wanted(Kept(box={"hotspot": {"key": "theirs-1234"}}, **made)).key == "theirs-1234"
    assert wanted(Kept(box={"hotspot": {"open": True}}, **made)) == Wanted(True, "Meshgate-ABCD", "", "")
    assert not wanted(Kept(hotspot_name="Meshgate-ABCD")).enabled  # it has lost its key
    assert not wanted(Kept(box={"hotspot": {"enabled": False}}, **made)).enabled
    assert wanted(Kept(box={"wifi": {"country": "DE"}}, **made)).country == "DE"
