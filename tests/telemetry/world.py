"""Two gateways, each on an island of virtual phones, with a line between them; one has Bluetooth as well.

All in virtual time (tests.testing.virtual_loop).
"""

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path

from gateway.app import Gateway
from gateway.config import load
from gateway.runtime.clock import TimeOfDay
from gateway.telemetry.events import Level
from gateway.telemetry.figures import figures
from gateway.telemetry.logs import Form, Logs
from gateway.telemetry.redaction import Redactor
from gateway.testing.island import Island
from gateway.testing.phone import new_phone
from gateway.testing.radio import Pace, VirtualRadio
from hw.systemd.notify import Notifier
from tests.hw.feeling import felt
from tests.transports.ble.machine import Machine
from transports.link import Capability
from transports.loopback import LoopbackHub

LINE = Capability.WIDE_AREA | Capability.DIRECTED


def wall() -> float:
    """Unix seconds that pass as fast as the loop's."""
    return 1_800_000_000.0 + asyncio.get_running_loop().time()


class VirtualTimeOfDay(TimeOfDay):
    """Believes the virtual clock."""

    def __init__(self, tell, trusted, **_rest) -> None:
        super().__init__(tell, trusted, wall)


class Site:
    """One gateway, its island, its log and what systemd would read."""

    def __init__(self, directory: Path, name: str, hub: LoopbackHub, phones: tuple[str, ...], *overrides: str, **options) -> None:
        self.name = name
        self.island = Island(name, phones, make_phone=options.pop("make_phone", new_phone))
        self.radio = VirtualRadio(self.island, pace=Pace(self.island, wall))
        self.line = hub.transport(name)
        self.written = io.StringIO()
        self.vitals = felt(50.0, False, 1_000, 800)
        self.trusted = True
        machine: Machine | None = options.pop("machine", None)
        settings = [
            f"gateway.nickname={name}",
            f"gateway.state_dir={directory / name}",
            f"control.socket={directory / name}.sock",
            "bridge.mode=open",
            "page.enabled=false",
            *overrides,
        ]
        self.loaded = load(None, {}, settings)
        loop = asyncio.get_running_loop()
        logs = Logs(Form.JSON, Level.DEBUG, Redactor(b"salt"), stream=self.written, now=loop.time, wall=wall)

        class WithTwin(Gateway):
            def _bluetooth(self):
                return machine.transport(self._log.radio(lambda: self.radio))

        self.gateway = WithTwin(
            self.loaded.config,
            [self.radio, self.line, *options.pop("radios", ())],
            bluetooth=machine is not None,
            trusted=lambda: self.trusted,
            logs=logs,
            notifier=options.pop("notifier", Notifier({})),
            sense=lambda: self.vitals,
        )
        self.stop = asyncio.Event()
        self.running: asyncio.Task | None = None

    def start(self) -> None:
        self.running = asyncio.create_task(self.gateway.run(self.stop))

    async def end(self) -> None:
        self.stop.set()
        await self.running

    @property
    def entries(self) -> list[dict]:
        return [json.loads(line) for line in self.written.getvalue().splitlines()]

    def samples(self) -> dict[str, dict[tuple[str, ...], object]]:
        """Every number by metric and labels; of a histogram how many it has counted."""
        found: dict[str, dict[tuple[str, ...], object]] = {}
        for name, labels, value in figures(self.gateway._observed._parts, asyncio.get_running_loop().time()):
            assert labels not in found.setdefault(name, {}), (name, labels)
            found[name][labels] = sum(value.counts) if hasattr(value, "counts") else value
        return found


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait in virtual time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        assert loop.time() < end, "it did not come to pass"
        await asyncio.sleep(0.05)
