"""A fleet of three: a release goes from box to box, and stops at the first that does not come back healthy."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ansible.boxes import CACHE, changed, copy, started, tool
from tests.ansible.releases import release
from tests.boot.machine import Machine

pytestmark = [pytest.mark.ansible, pytest.mark.slow, pytest.mark.timeout(1800)]

NAMES = ("one", "two", "three")
PATIENT = "/etc/systemd/system/meshgate-update.service.d/test.conf"
SHORT = "[Service]\\nExecStart=\\nExecStart=/opt/meshgate/good/bin/python -I -m gateway.update --allow-user meshgate --hold 8\\n"
TRAP = "/etc/systemd/system/meshgate.service.d/trap.conf"


class Fleet:
    """Three boxes that run, and the inventory with them."""

    def __init__(self, place: Path, settings: Path, machines: dict[str, tuple[Machine, int]]) -> None:
        self.machines = {name: machine for name, (machine, _) in machines.items()}
        self._settings = settings
        hosts = {name: {"meshgate_leader": leader, "ansible_host": str(place / name)} for name, (_, leader) in machines.items()}
        self._inventory = place / "inventory.json"
        every = {"ansible_connection": "root_directory", "meshgate_become": False, "meshgate_serial": 1}
        self._inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": every}}))

    def play(self, book: str, *arguments: str, check: bool = True, **variables: object) -> subprocess.CompletedProcess[str]:
        """Run a playbook."""
        more = ("--extra-vars", f"@{self._settings}", "--extra-vars", json.dumps(variables))
        return tool("ansible-playbook", book, "--inventory", str(self._inventory), *more, *arguments, check=check)

    def version(self, name: str) -> str:
        """Which version a box runs."""
        machine = self.machines[name]
        machine.until(machine.is_active, f"{name} is active")
        return machine.run("/usr/local/bin/meshgate", "--version").split()[1]

    def identity(self, name: str) -> str:
        """Who a box is to its phones, also where the command fails because something is wrong."""
        status = ("runuser", "-u", "meshgate", "--", "/usr/local/bin/meshgate", "status", "--json")
        return json.loads(self.machines[name].try_(*status).stdout)["peer_id"]


@pytest.fixture(scope="module")
def fleet(place: Path, settings: Path, made: tuple[Path, object]) -> Iterator[Fleet]:
    with contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(started(copy(made[0], place / name), name)) for name in NAMES}
        for machine, _ in running.values():
            machine.run("mkdir", str(Path(PATIENT).parent))
            machine.run("sh", "-c", f"printf '{SHORT}' >{PATIENT}; systemctl daemon-reload; systemctl stop meshgate-update.service")
            machine.until(machine.is_active, "the gateway is active")
        yield Fleet(place, settings, running)


def test_a_release_goes_from_box_to_box_stops_where_it_fails_and_can_be_taken_back(fleet: Fleet, releases: Path) -> None:
    who = {name: fleet.identity(name) for name in NAMES}
    assert len(set(who.values())) == len(NAMES), "boxes of one image share no secret"
    assert {fleet.version(name) for name in NAMES} == {"0.1.0"}

    fleet.play("update.yml", **release(releases, CACHE, "0.1.1"))
    assert {fleet.version(name) for name in NAMES} == {"0.1.1"}
    assert {name: fleet.identity(name) for name in NAMES} == who

    # At the second box, and only there, the next release does not start.
    second = fleet.machines["two"]
    second.run("mkdir", "-p", str(Path(TRAP).parent))
    refuse = "case $(readlink /opt/meshgate/current) in *0.1.2*) exit 1;; esac"
    second.run("sh", "-c", f"printf '[Service]\\nExecStartPre=/bin/sh -c \"{refuse}\"\\n' >{TRAP}; systemctl daemon-reload")
    done = fleet.play("update.yml", check=False, **release(releases, CACHE, "0.1.2"))
    print(done.stdout[-3000:])
    assert done.returncode != 0
    assert [fleet.version(name) for name in NAMES] == ["0.1.2", "0.1.1", "0.1.1"]
    assert "0.1.2 was not put in place. 0.1.1 runs, with its settings." in done.stdout
    assert "fell_back" in done.stdout
    assert "setup code" not in done.stdout, "which opens the page"
    assert not [line for line in changed(done) if "[three]" in line], "nobody after it was touched"
    assert second.is_active()

    fleet.play("rollback.yml", "--limit", "one")
    assert fleet.version("one") == "0.1.1"
    assert {name: fleet.identity(name) for name in NAMES} == who


def test_a_gateway_is_taken_off_a_box_and_is_the_same_again_when_it_comes_back(fleet: Fleet) -> None:
    machine, who = fleet.machines["three"], fleet.identity("three")
    refused = fleet.play("uninstall.yml", "--limit", "three", check=False)
    assert refused.returncode != 0
    fleet.play("uninstall.yml", "--limit", "three", meshgate_uninstall=True)
    assert machine.try_("test", "-e", "/opt/meshgate").returncode != 0
    assert machine.try_("systemctl", "cat", "meshgate.service").returncode != 0
    assert "8481" not in machine.run("nft", "list", "ruleset")
    fleet.play("site.yml", "--limit", "three", "--tags", "app")
    assert fleet.identity("three") == who
