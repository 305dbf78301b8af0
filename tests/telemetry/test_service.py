"""The whole service in virtual time, with a broker in memory."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from random import Random

import pytest

from gateway.config.mqtt import PeerNames, Scope, Verb
from gateway.errors import GatewayError
from gateway.mesh.effects import PublicMessage
from gateway.status import BridgeSummary, GatewayStatus
from gateway.telemetry.mqtt.documents import Host, Software
from gateway.telemetry.mqtt.publishing import Surroundings
from gateway.telemetry.mqtt.service import LEAVE_S, TROUBLE_S, Mqtt
from gateway.telemetry.mqtt.values import Arrived, LineDown, Trouble
from tests.telemetry.sights import SECRETS, TOPICS, MemoryBroker, seen, settings, status
from tests.testing.virtual_loop import run

WALL = 1_767_000_000.0
TEXT = PublicMessage(b"i" * 16, bytes.fromhex(SECRETS[1]), 1_767_000_000_000, "see you at the well")


class Scene:
    """A gateway with MQTT."""

    def __init__(self, **changes: object) -> None:
        self.broker = MemoryBroker()
        self.reports: list[str] = []
        self.status: Callable[[], GatewayStatus] = status
        self.done: list[tuple[str, str]] = []
        self.near = True
        deeds = {Verb.BRIDGE: self._deed("bridge"), Verb.RESTART: self._fail, Verb.SEND: self._stall}
        around = Surroundings(
            status=lambda: self.status(),  # noqa: PLW0108 -- which one it is changes
            deeds=deeds,
            host=lambda: Host(50.0),
            wall=lambda: WALL,
            day=lambda wall: f"day {wall // 86_400:.0f}",
            report=self.reports.append,
            is_near=lambda _peer: self.near,
        )
        commands = (Verb.BRIDGE, Verb.RESTART, Verb.SEND, Verb.RESCAN)
        config = settings(**({"commands": commands} | changes))
        self.mqtt = Mqtt(config, TOPICS, Software("0.2.0"), around, self.broker.open_line, Random(5))

    def _deed(self, name: str) -> Callable[[str], Awaitable[Mapping[str, object]]]:
        async def deed(value: str) -> Mapping[str, object]:
            self.done.append((name, value))
            return {name: value}

        return deed

    async def _fail(self, _value: str) -> Mapping[str, object]:
        raise GatewayError("It has only just started.")

    async def _stall(self, _value: str) -> Mapping[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    def play(self, *, seconds: float = 30.0, at: Mapping[float, Callable[[], object]] | None = None) -> "Scene":
        """Run for so long, with something happening now and then."""

        async def main() -> None:
            loop = asyncio.get_running_loop()
            task = asyncio.create_task(self.mqtt.run())
            for when, what in (at or {}).items():
                loop.call_later(when, what)
            await asyncio.sleep(seconds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        run(main())
        return self

    def command(self, verb: str, payload: str = "", *, retained: bool = False) -> Callable[[], None]:
        return lambda: self.broker.line.post(Arrived(TOPICS.at(f"cmd/{verb}"), payload.encode(), retained))

    def answers(self, verb: str) -> list[dict]:
        return [json.loads(payload) for payload in self.broker.payloads(TOPICS.at(f"response/{verb}"))]

    def take(self, effect: object) -> Callable[[], None]:
        return lambda: self.mqtt.take(effect, asyncio.get_running_loop().time())


def test_a_gateway_appears_and_says_goodbye():
    scene = Scene().play()
    assert scene.broker.payloads(TOPICS.at("status")) == [b"online", b"offline"]
    assert scene.broker.retained.keys() == {TOPICS.discovery, *(TOPICS.at(path) for path in ("info", "state", "health", "status"))}
    assert scene.broker.line.ended is True
    assert scene.reports == ["MQTT: connected to broker.example."]
    assert json.loads(scene.broker.retained[TOPICS.at("info")])["started"] == "2025-12-29T08:20:00Z"


def test_the_state_is_published_when_it_changes_and_else_once_a_minute():
    scene = Scene()
    idle = lambda: status(waiting_bytes=0, uptime_s=asyncio.get_running_loop().time())  # noqa: E731
    scene.play(seconds=200, at={12.0: lambda: setattr(scene, "status", idle)})
    states = [json.loads(payload)["queue"]["bytes"] for payload in scene.broker.payloads(TOPICS.at("state"))]
    assert states[0] == 512
    assert 4 <= len([size for size in states if size == 0]) <= 5
    assert len(scene.broker.payloads(TOPICS.at("health"))) == 4


def test_how_long_something_waits_is_counted_from_when_the_queue_was_empty():
    scene = Scene()
    scene.status = lambda: status(waiting_bytes=0)
    scene.play(seconds=31, at={9.0: lambda: setattr(scene, "status", status)})
    waits = [json.loads(payload)["queue"]["waiting_s"] for payload in scene.broker.payloads(TOPICS.at("state"))]
    assert waits == [0, 0, 5, 10, 15, 20]


def test_a_command_is_carried_out_answered_and_seen_in_the_state_at_once():
    scene = Scene()
    scene.play(at={10.1: scene.command("bridge", '{"value":"OFF","transaction":"a"}')})
    assert scene.done == [("bridge", "off")]
    assert scene.answers("bridge") == [{"status": "ok", "data": {"bridge": "off"}, "transaction": "a"}]


def test_a_switch_shows_its_new_position_within_a_moment():
    scene = Scene()
    base = status()
    off = BridgeSummary(type(base.bridge.mode).OFF, True, 0, 0, 0, 0, {}, base.bridge.consent)

    def switch() -> None:
        scene.status = lambda: status(bridge=off)
        scene.command("bridge", "OFF")()

    scene.play(seconds=11.0, at={10.1: switch})
    assert json.loads(scene.broker.retained[TOPICS.at("state")])["bridge"]["enabled"] is False


def test_a_command_that_fails_stalls_or_is_not_served_is_answered_so():
    scene = Scene()
    scene.play(seconds=90, at={10.0: scene.command("restart"), 11.0: scene.command("send", "hello"), 12.0: scene.command("rescan")})
    assert scene.answers("restart") == [{"status": "error", "code": "failed", "error": "It has only just started."}]
    assert scene.answers("send")[0]["error"] == "It took too long and was given up."
    assert scene.answers("rescan")[0]["code"] == "not_served"


def test_a_command_under_way_does_not_keep_the_gateway_from_ending():
    scene = Scene()
    scene.play(seconds=11.0, at={10.0: scene.command("send", "hello")})
    assert scene.broker.payloads(TOPICS.at("status"))[-1] == b"offline"


def test_a_mistake_in_a_deed_is_answered_and_ends_nothing():
    scene = Scene()

    async def broken(_value: str) -> Mapping[str, object]:
        raise ZeroDivisionError

    scene.mqtt._around.deeds[Verb.BRIDGE] = broken
    scene.play(at={10.0: scene.command("bridge", "ON")})
    assert scene.answers("bridge")[0]["error"] == "It failed: ZeroDivisionError."


def test_a_mistake_of_ours_is_reported_and_mqtt_goes_on():
    scene = Scene()

    def broken() -> GatewayStatus:
        scene.status = status
        raise ZeroDivisionError("oh")

    scene.play(at={7.0: lambda: setattr(scene, "status", broken), 20.0: scene.command("bridge", "ON")})
    assert any(report.startswith("MQTT stopped: ZeroDivisionError: oh.") for report in scene.reports)
    assert scene.done == [("bridge", "on")]


def test_a_retained_command_does_nothing():
    scene = Scene()
    scene.play(at={10.0: scene.command("bridge", "OFF", retained=True)})
    assert scene.done == []
    assert scene.answers("bridge")[0]["code"] == "retained"


def test_a_broker_that_has_forgotten_everything_is_told_again():
    scene = Scene()

    def restart() -> None:
        scene.broker.forget()
        scene.broker.line.post(LineDown(Trouble.LOST))

    scene.play(at={10.0: restart})
    assert len(scene.broker.retained) == 5
    assert scene.broker.payloads(TOPICS.at("status")) == [b"online", b"online", b"offline"]


def test_events_while_the_broker_is_away_arrive_afterwards():
    scene = Scene()
    scene.broker.is_there = False

    def back() -> None:
        scene.broker.is_there = True

    scene.play(seconds=300, at={20.0: scene.take(seen()), 60.0: back})
    (event,) = scene.broker.payloads(TOPICS.at("event/peer_seen"))
    assert json.loads(event)["event_type"] == "peer_seen"


def test_a_broker_that_is_away_becomes_a_problem_of_the_gateway_after_a_while():
    scene, found = Scene(), []
    scene.broker.is_there = False
    look = lambda: found.append(scene.mqtt.troubles(asyncio.get_running_loop().time(), asyncio.get_running_loop().time() - 1000.0))  # noqa: E731
    scene.play(seconds=100, at={TROUBLE_S - 5: look, TROUBLE_S + 5: look})
    assert found == [
        [],
        [("MQTT: The broker broker.example cannot be reached.", "Check mqtt.brokers, the network, and whether the broker runs.")],
    ]
    assert len(scene.reports) == 1


def test_by_default_nothing_of_anybody_is_on_mqtt():
    scene = Scene()
    scene.play(at={10.0: scene.take(seen()), 11.0: scene.take(TEXT)})
    everything = b" ".join([message.topic.encode() + message.payload for message in scene.broker.heard]).decode()
    assert not [secret for secret in SECRETS if secret in everything]
    assert not scene.mqtt.summary().publishes_content


@pytest.mark.parametrize(("near", "scope", "is_told"), [(True, Scope.MESH, True), (False, Scope.MESH, False), (False, Scope.BRIDGE, True)])
def test_texts_are_published_only_of_the_scope_that_was_asked_for(near, scope, is_told):
    scene = Scene(messages=(scope,))
    scene.near = near
    scene.play(at={10.0: scene.take(TEXT)})
    told = scene.broker.payloads(TOPICS.at(f"message/{scope.value}"))
    assert len(told) == is_told
    assert TOPICS.at(f"message/{scope.value}") not in scene.broker.retained
    if is_told:
        assert json.loads(told[0])["text"] == TEXT.text
        assert SECRETS[1] not in told[0].decode()  # the peer ID needs a switch of its own
    assert scene.mqtt.summary().publishes_content


@pytest.mark.parametrize("names", [PeerNames.PSEUDONYMS, PeerNames.IDS])
def test_peers_get_topics_if_asked_for_and_lose_them_when_they_go(names):
    scene = Scene(peers=names)
    gone = lambda: setattr(scene, "status", lambda: status(mesh=type(status().mesh)(0, (), {}, {})))  # noqa: E731
    held = []
    scene.play(at={9.0: lambda: held.extend(scene.broker.retained), 12.0: gone})
    (peer,) = (topic for topic in held if "/peer/" in topic)
    assert (SECRETS[1] in peer) is (names is PeerNames.IDS)
    assert peer not in scene.broker.retained


def test_discovery_that_is_switched_off_removes_what_was_there():
    scene = Scene(discovery=False)
    scene.broker.retained[TOPICS.discovery] = b"{}"
    scene.play()
    assert TOPICS.discovery not in scene.broker.retained


def test_a_broker_that_does_not_say_goodbye_does_not_hold_the_gateway_up():
    scene, times = Scene(), []

    def mute() -> None:
        scene.broker.line.end = lambda *, politely: times.append(politely)
        scene.broker.line.post = lambda _event: None

    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(scene.mqtt.run())
        await asyncio.sleep(8)
        mute()
        started = loop.time()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert loop.time() - started <= LEAVE_S + 0.1

    run(main())
    assert times == [False]  # it never acknowledged that we are gone, so there was no time for manners


def test_what_a_line_says_after_its_end_is_not_heard():
    scene = Scene()
    first = []

    def cut() -> None:
        first.append(scene.broker.line)
        scene.broker.line.post(LineDown(Trouble.LOST))

    scene.play(at={7.0: cut, 15.0: lambda: first[0].post(Arrived(TOPICS.at("cmd/bridge"), b"OFF", False))})
    assert scene.done == []
