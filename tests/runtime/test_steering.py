"""What may be asked of a running gateway, and what becomes of it after a restart."""

import asyncio
from pathlib import Path

import pytest

from gateway.mesh.events import Offer, Say, SwitchBridge
from gateway.runtime.steering import RESTART_S, YOUNG_S, Steering, SteeringError
from gateway.store.audit import Action, Actor
from tests.testing.virtual_loop import run


class Gate:
    """A gateway that can be steered."""

    def __init__(self, directory: Path, *, has_bridge: bool = True) -> None:
        self.note = directory / "bridge-off"
        self.events: list[object] = []
        self.reports: list[str] = []
        self.stop = asyncio.Event()
        offers = lambda on: Offer("on" if on else "off", 0, None)  # noqa: E731
        self.noted: list[tuple[Actor, Action, str]] = []
        self.steering = Steering(self.note, offers, self.reports.append, has_bridge=has_bridge, witness=self._note)

    def _note(self, actor: Actor, action: Action, detail: str = "", uid: int | None = None) -> None:
        self.noted.append((actor, action, detail if uid is None else f"{detail} {uid}"))

    def begin(self) -> "Gate":
        self.steering.begin(self.events.append, self.stop)
        return self


async def test_a_bridge_that_was_switched_off_stays_off_over_a_restart(tmp_path):
    gate = Gate(tmp_path).begin()
    await gate.steering.switch_bridge(Actor.MQTT, on=False)
    assert gate.events == [SwitchBridge(on=False), Offer("off", 0, None)]
    assert gate.reports == ["The bridge was switched off over MQTT."]
    again = Gate(tmp_path)
    assert again.steering.is_off
    assert "stays switched off" in again.begin().reports[0]
    await again.steering.switch_bridge(Actor.MQTT, on=True)
    assert not Gate(tmp_path).steering.is_off


async def test_wishes_that_come_at_once_are_fulfilled_in_order(tmp_path):
    gate = Gate(tmp_path).begin()
    await asyncio.gather(*(gate.steering.switch_bridge(Actor.PAGE, on=on) for on in (False, True, False, True)))
    assert not gate.note.exists()
    assert gate.events[-2] == SwitchBridge(on=True)


async def test_what_cannot_be_written_down_is_said_and_the_bridge_is_off_all_the_same(tmp_path):
    gate = Gate(tmp_path / "missing").begin()
    with pytest.raises(SteeringError, match="off only until the next start"):
        await gate.steering.switch_bridge(Actor.MQTT, on=False)
    assert gate.events[0] == SwitchBridge(on=False)


async def test_a_note_that_cannot_be_removed_keeps_the_bridge_off(tmp_path):
    gate = Gate(tmp_path)
    gate.note.mkdir()
    gate.begin()
    with pytest.raises(SteeringError, match="so it stays off"):
        await gate.steering.switch_bridge(Actor.MQTT, on=True)
    assert gate.events == []


async def test_the_same_wish_twice_is_reported_once(tmp_path):
    gate = Gate(tmp_path).begin()
    for _ in range(3):
        await gate.steering.switch_bridge(Actor.MQTT, on=False)
    assert len(gate.reports) == 1
    assert gate.noted == [(Actor.MQTT, Action.BRIDGE_SWITCHED, "off")]


async def test_a_gateway_that_does_not_run_yet_takes_no_wishes(tmp_path):
    with pytest.raises(SteeringError, match="does not run yet"):
        await Gate(tmp_path).steering.say("hello", Actor.MQTT)


async def test_a_notice_goes_to_the_mesh_and_its_text_not_into_the_report(tmp_path):
    gate = Gate(tmp_path).begin()
    await gate.steering.say("water at the school", Actor.MQTT)
    assert gate.events == [Say("water at the school")]
    assert gate.reports == ["A notice was sent to the mesh, as was asked for over MQTT."]
    assert gate.noted == [(Actor.MQTT, Action.NOTICE_SENT, "")]


async def test_where_nothing_may_cross_an_old_note_says_nothing(tmp_path):
    (tmp_path / "bridge-off").touch()
    assert not Gate(tmp_path, has_bridge=False).steering.is_off


async def test_the_radio_searches_anew_with_the_gentlest_step(tmp_path):
    pytest.importorskip("dbus_fast")
    from hw.bluez.steps import Step  # noqa: PLC0415

    class Radio:
        async def reset(self, adapter, step):
            return (f"{adapter} {step}",)

    assert await Gate(tmp_path).begin().steering.rescan(Radio(), Actor.MQTT) == (f"None {Step.NEW_SCANNER}",)


def test_a_restart_comes_after_its_answer_and_not_again_and_again(tmp_path):
    async def scene() -> None:
        gate = Gate(tmp_path).begin()
        with pytest.raises(SteeringError, match="only just started"):
            await gate.steering.restart(Actor.MQTT)
        await asyncio.sleep(YOUNG_S)
        await gate.steering.restart(Actor.MQTT)
        await gate.steering.restart(Actor.MQTT)
        assert not gate.stop.is_set()
        await asyncio.sleep(RESTART_S + 0.1)
        assert gate.stop.is_set()
        assert gate.steering.restarts
        assert gate.reports == ["The gateway restarts, as was asked for over MQTT."]
        assert gate.noted == [(Actor.MQTT, Action.RESTART_ASKED, "")]

    run(scene())


def test_who_asked_for_a_restart_is_noted_and_one_that_nobody_would_start_again_stays(tmp_path):
    async def scene() -> None:
        gate = Gate(tmp_path).begin()
        await asyncio.sleep(YOUNG_S)
        gate.steering.stays = "Nobody would start it again."
        with pytest.raises(SteeringError, match="Nobody would"):
            await gate.steering.restart(Actor.PAGE, "ada")
        assert (gate.steering.restarts, gate.noted) == (False, [])
        gate.steering.stays = ""
        await gate.steering.restart(Actor.CONTROL_SOCKET, "somebody", 1000)
        assert gate.noted == [(Actor.CONTROL_SOCKET, Action.RESTART_ASKED, "somebody 1000")]
        await asyncio.sleep(RESTART_S + 0.1)
        assert gate.stop.is_set()

    run(scene())
