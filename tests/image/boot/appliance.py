"""A box as its owner has it: a card that was flashed, a file on its boot partition, power, and the page."""

import contextlib
import http.client
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import tomlkit

from tests.image.boot.boards import SOON_S, VIRT, Board
from tests.image.boot.disk import Disk
from tests.image.boot.machine import LOGS, ROOT, Machine, Plan, say, started
from tests.image.boot.radio import on_air
from tests.image.boot.visitor import ANSWER_S, Visitor

SETTINGS: Final = "meshgate.toml"
INFO: Final = "meshgate-info.txt"
SERVICE: Final = "meshgate.service"
CODE: Final = re.compile(r"setup code\W+(?:is\W+)?([A-Z0-9]{2,}(?:-[A-Z0-9]{2,})+)", re.IGNORECASE)
WISHES: Final[Mapping[str, Any]] = {
    "appliance": {"show_setup_code": True},
    # There is no time service here, and the emulator's clock is right.
    "radio": {"clock": "trust"},
    "bridge": {"mode": "open"},
    "mqtt": {"enabled": True},
    "transports": {"libp2p": {"enabled": True}},
}
"""What the owner asks for in the file on the boot partition."""
ATTACH: Final = "systemd-run --unit=image-test-radio --property=Restart=always btattach -B /dev/ttyS1 -P h4 -S 115200"


def image() -> Disk:
    """The image under test: build/image/meshgate.img, or what MESHGATE_IMAGE names."""
    return Disk(Path(os.environ.get("MESHGATE_IMAGE") or ROOT / "build" / "image" / "meshgate.img"))


def wish(disk: Disk, wishes: Mapping[str, Any] = WISHES) -> None:
    """Write the owner's file onto a card."""
    disk.put(SETTINGS, tomlkit.dumps(dict(wishes)))
    assert tomllib.loads(disk.get(SETTINGS).decode()) == wishes


@dataclass
class Appliance:
    """A box that has power.

    Args:
        machine: it.
        visitor: somebody in its network.
        control: where tests ask for phones, see `tests.rig.air_client`; None for a box without a controller.

    """

    machine: Machine
    visitor: Visitor
    control: Path | None = None
    took: dict[str, float] = field(default_factory=dict)
    """Seconds from power to what was waited for."""

    @classmethod
    @contextlib.contextmanager
    def powered(
        cls,
        name: str,
        disk: Disk,
        board: Board = VIRT,
        *,
        wishes: Mapping[str, Any] | None = WISHES,
        radio: bool = True,
        seed: int | str = "card",
        stick: Path | None = None,
    ) -> Iterator["Appliance"]:
        """Write the owner's file, if there is one, and give the box power while the block lasts."""
        if wishes is not None:
            wish(disk, wishes)
        plan = Plan(name, board, disk, stick=stick)
        with contextlib.ExitStack() as open_:
            control = None
            if radio and board.has_shell:
                line, control = disk.path.with_suffix(".line"), disk.path.with_suffix(".air")
                open_.enter_context(on_air(line, control, LOGS / f"{name}.air"))
                plan = replace(plan, radio=line)
            machine = open_.enter_context(started(plan, seed))
            yield cls(machine, Visitor(machine.ports), control)

    def await_page(self, patience: float = 0.0) -> float:
        """Wait for the page; the seconds since it was powered."""
        self.machine.until(self.visitor.is_there, "the page answers", patience or self.machine.board.page_s)
        self.took["page"] = self.machine.seconds
        say(f"{self.machine.plan.name}: the page answers {self.machine.seconds:.0f} s after power")
        return self.machine.seconds

    def info(self) -> str:
        """What the box has written onto its boot partition for its owner."""
        self.machine.until(lambda: INFO in self.machine.plan.disk.names(), f"{INFO} is on the boot partition")
        found: list[str] = []

        def is_whole() -> bool:
            with contextlib.suppress(FileNotFoundError):
                found[:] = [self.machine.plan.disk.get(INFO).decode(errors="replace")]
            return bool(found) and CODE.search(found[0]) is not None

        self.machine.until(is_whole, f"{INFO} names the setup code", 60.0)
        return found[0]

    def come_in(self) -> None:
        """From power to somebody who is logged in, with nothing but what stands on the boot partition."""
        self.await_page()
        if self.control is not None:
            self.machine.shell.run("sh", "-c", ATTACH)
        code = CODE.search(self.info())
        assert code is not None
        self.visitor.set_up(code[1])
        self.visitor.log_in()
        self.took["in"] = self.machine.seconds
        say(f"{self.machine.plan.name}: somebody is logged in {self.machine.seconds:.0f} s after power")

    def show(self, name: str, unit: str = SERVICE) -> str:
        """One property of a unit."""
        return self.machine.shell.run("systemctl", "show", "--property", name, "--value", unit).strip()

    def number(self, name: str) -> float:
        """One number of the metrics."""
        found = re.search(rf"^{name} (\S+)$", self.visitor.metrics(), re.MULTILINE)
        assert found is not None, f"no {name} among the metrics"
        return float(found[1])

    def until(self, name: str, value: float, seconds: float = SOON_S) -> None:
        """Wait until a number of the metrics is at least so much."""
        self.machine.until(lambda: self.number(name) >= value, f"{name} is {value}", seconds)

    def answers(self, port: int) -> bool:
        """Whether somebody answers HTTP on a port of the box, to a caller from outside."""
        connection = http.client.HTTPConnection("127.0.0.1", self.machine.ports[port], timeout=ANSWER_S)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
