"""One registry of conditions: whoever shows how the gateway is shows the same, for every condition there is.

The command line and its exit code, the API, MQTT, the probes, metrics, the log, systemd's sentence and the light of the box are
asked about a whole gateway, in virtual time (tests.testing.virtual_loop).
"""

import asyncio
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from gateway import app
from gateway.admin import client
from gateway.cli.main import main
from gateway.cli.output import Exit
from gateway.runtime.panel import Panel
from gateway.status import GatewayStatus, Severity
from gateway.telemetry.health import Name, severity_of
from gateway.telemetry.mqtt.documents import Host, health_of
from hw.button import Press
from hw.leds import Signal
from tests.telemetry.test_pulse import Manager
from tests.telemetry.world import LINE, Site, VirtualTimeOfDay
from tests.testing.virtual_loop import run
from transports.loopback import LoopbackHub

LIGHTS = {None: Signal.WELL, Severity.NOTICE: Signal.WELL, Severity.WARNING: Signal.WARNING, Severity.ERROR: Signal.ERROR}
QUIET = "1 phone near. Not linked to any site. Nothing is waiting."


class Views:
    """Every view of one gateway, read at the same moment.

    Args:
        site: the gateway; its rounds are stopped, so that nothing holds but what a test says.
        manager: what systemd hears.

    """

    def __init__(self, site: Site, manager: Manager) -> None:
        self._site = site
        self._manager = manager
        self._sentence = ""
        self._panel = Panel(lambda: site.gateway.health.worst, lambda: None, lambda: asyncio.sleep(0), lambda _: None)
        site.gateway._observed.rounds.look = lambda _now: None
        site.gateway._observed.rounds.feel = lambda _vitals, _now: None
        for held in site.gateway.health.conditions:
            site.gateway.health.clear(held.name, 0.0, subject=held.subject)

    def set(self, *names: Name) -> None:
        health, now = self._site.gateway.health, asyncio.get_running_loop().time()
        for held in health.conditions:
            health.clear(held.name, now, subject=held.subject)
        for name in names:
            health.raise_(name, f"It is {name.value}.", "Help it.", now)

    async def read(self) -> dict[str, Any]:
        """Wait until systemd has had the chance to hear of it, then ask everybody."""
        await asyncio.sleep(7)
        probes, status = self._site.gateway._observed._probes, self._site.gateway.status()
        for told in self._manager.told():
            self._sentence = told.removeprefix("STATUS=") if told.startswith("STATUS=") else self._sentence
        ready = await probes.ready(None)
        samples = self._site.samples()
        return {
            "status": status,
            "readyz": (ready.status, json.loads(ready.body)),
            "healthz": (await probes.alive(None)).status,
            "mqtt": health_of(status, Host(), {}),
            "metrics": {labels[0] for labels, holds in samples["condition"].items() if holds},
            "ready": samples["ready"][()],
            "systemd": self._sentence,
            "light": self._panel._signal(Press.NOTHING),
            "log": [one["condition"] for one in self._site.entries if one["event"] == "condition_raised"],
        }


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    one = Manager(tmp_path / "notify")
    yield one
    one.socket.close()


@pytest.fixture(autouse=True)
def virtual_time_of_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "TimeOfDay", VirtualTimeOfDay)


def views(tmp_path: Path, manager: Manager, *moments: tuple[Name, ...]) -> list[dict[str, Any]]:
    """Let each set of conditions hold in turn; what everybody shows then."""
    seen = []

    async def scene() -> None:
        site = Site(tmp_path, "west", LoopbackHub(capabilities=LINE), ("Ada",), notifier=manager.notifier)
        site.start()
        await asyncio.sleep(40)
        all_ = Views(site, manager)
        for names in moments:
            all_.set(*names)
            seen.append(await all_.read())
        await site.end()

    run(scene())
    return seen


def command_line(status: GatewayStatus, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, dict[str, Any]]:
    """What ``meshgate status`` exits with and prints for a person, and what it prints for a program."""

    async def get_status(_socket: Path) -> GatewayStatus:
        return status

    monkeypatch.setattr(client, "get_status", get_status)
    plain, document = io.StringIO(), io.StringIO()
    with redirect_stdout(plain):
        code = main(["status"])
    with redirect_stdout(document):
        assert main(["status", "--json"]) == code
    return code, plain.getvalue(), json.loads(document.getvalue())


def check(one: dict[str, Any], names: tuple[Name, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    gravest = max(names, key=lambda name: severity_of(name).rank, default=None)
    worst = None if gravest is None else severity_of(gravest)
    is_wrong, is_ready = worst in {Severity.WARNING, Severity.ERROR}, worst is not Severity.ERROR
    sentence = f"It is {gravest.value}." if is_wrong else QUIET
    held = {name.value: severity_of(name).value for name in names}
    code, printed, document = command_line(one["status"], monkeypatch)

    assert {problem.name: problem.severity.value for problem in one["status"].problems} == held
    assert {problem["name"]: problem["severity"] for problem in document["problems"]} == held
    assert {problem["name"]: problem["severity"] for problem in one["readyz"][1]["problems"]} == held
    assert {condition["name"]: condition["severity"] for condition in one["mqtt"]["conditions"]} == held
    assert one["metrics"] == set(held)
    assert set(held) <= set(one["log"])

    assert (document["sentence"], printed.splitlines()[0], one["systemd"]) == (sentence, sentence, sentence)
    assert code == (Exit.FAILED if is_wrong else Exit.OK)
    assert [f"It is {name}. Help it." in printed for name in held] == [True] * len(held)

    assert (one["readyz"][0], one["readyz"][1]["ready"]) == (200 if is_ready else 503, is_ready)
    assert (one["mqtt"]["ready"], one["ready"]) == (is_ready, is_ready)
    assert one["healthz"] == (503 if Name.PROGRESS_STALLED in names else 200)
    assert one["light"] is LIGHTS[worst]


def test_every_condition_is_shown_by_everybody_and_gone_everywhere_when_it_is_over(
    tmp_path: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = [(), *((name,) for name in Name), ()]
    for names, one in zip(moments, views(tmp_path, manager, *moments), strict=True):
        check(one, names, monkeypatch)


def test_of_several_the_gravest_decides_everywhere(tmp_path: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [
        (Name.TRANSPORT_DEGRADED, Name.TOO_HOT),
        (Name.TOO_HOT, Name.STORE_UNUSABLE, Name.TRANSPORT_DEGRADED),
        (Name.TRANSPORT_DEGRADED,),
    ]
    for names, one in zip(moments, views(tmp_path, manager, *moments), strict=True):
        check(one, names, monkeypatch)


def test_every_severity_has_a_light_and_there_are_conditions_of_each() -> None:
    assert LIGHTS.keys() == {None, *Severity}
    assert {severity_of(name) for name in Name} == set(Severity)
