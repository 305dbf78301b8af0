"""The service as systemd runs it: its beginning, its rights, its restarts and its end, under a systemd of its own."""

import json
import re
import time

import pytest

from tests.boot.conftest import CONFIG, DROP_IN
from tests.boot.machine import HOME, SERVICE, Machine

pytestmark = [pytest.mark.boot, pytest.mark.timeout(300)]

CEILING = 2.0  # of systemd's 10 for a service without any protection
STOP_S = 10.0
WATCHDOG_S = 4
RECOVER = "/run/meshgate-recover.sock"
NO_BLUEZ = "The Bluetooth service (BlueZ) is not running."


def status(machine: Machine, *arguments: str, user: str = "meshgate") -> str:
    """What the gateway says of itself; its exit code says that not all is well, as nothing is without Bluetooth."""
    done = machine.try_("runuser", "-u", user, "--", f"{HOME}/bin/meshgate", "status", *arguments)
    assert done.returncode in {0, 1}, f"{done}\n{machine.journal()}"
    return done.stdout


def status_of(machine: Machine) -> dict:
    return json.loads(status(machine, "--json"))


def process(machine: Machine) -> dict[str, str]:
    """What the kernel says of the gateway's process."""
    lines = machine.run("cat", f"/proc/{machine.main}/status").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def place(machine: Machine, path: str) -> str:
    return machine.run("stat", "--format=%a %U %G", path).strip()


def recovery(machine: Machine, user: str) -> str:
    """What the doctor, as this user, says of the recovery service."""
    done = machine.try_("runuser", "-u", user, "--", f"{HOME}/bin/meshgate", "doctor", "--json")
    (found,) = [one["verdict"] for one in json.loads(done.stdout)["findings"] if one["check"] == "recovery"]
    return found


def test_it_counts_as_started_when_it_says_that_it_is_ready_and_answers_then(machine: Machine) -> None:
    assert machine.show("Type") == "notify"
    assert (machine.show("ActiveState"), machine.show("SubState")) == ("active", "running")
    assert status_of(machine)["peer_id"]


def test_systemd_shows_the_sentence_that_everybody_else_shows(machine: Machine) -> None:
    machine.until(lambda: machine.show("StatusText") == status(machine).splitlines()[0], "the same sentence")
    shown = machine.run("systemctl", "status", SERVICE)
    print(shown)
    assert f'Status: "{machine.show("StatusText")}"' in shown


def test_without_bluetooth_it_runs_and_says_so(machine: Machine) -> None:
    machine.until(lambda: NO_BLUEZ in status(machine), "the missing Bluetooth is said")
    assert machine.is_active()
    assert machine.show("NRestarts") == "0"


def test_it_is_nobody(machine: Machine) -> None:
    seen = process(machine)
    uid = machine.run("id", "-u", "meshgate").strip()
    assert set(seen["Uid"].split()) == {uid} != {"0"}
    assert {seen[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (seen["NoNewPrivs"], seen["Seccomp"]) == ("1", "2")


def test_it_sees_no_home_no_device_and_can_write_only_what_is_its_own(machine: Machine) -> None:
    inside = ("nsenter", f"--target={machine.main}", "--mount", "--")
    assert machine.run(*inside, "ls", "-A", "/root", "/home").split() == ["/home:", "/root:"]
    assert machine.try_(*inside, "ls", "/dev/kmsg", "/dev/mem").returncode != 0
    own = ("setpriv", "--reuid=meshgate", "--regid=meshgate", "--clear-groups")
    for path, can in (("/var/lib/meshgate", True), ("/etc/meshgate", False), ("/opt/meshgate", False), ("/etc", False)):
        assert (machine.try_(*inside, *own, "touch", f"{path}/probe").returncode == 0) is can, path
    machine.run("rm", "/var/lib/meshgate/probe")


def test_its_directories_are_closed_to_others(machine: Machine) -> None:
    assert place(machine, "/var/lib/meshgate") == "700 meshgate meshgate"
    assert place(machine, "/var/cache/meshgate") == "700 meshgate meshgate"
    assert place(machine, "/run/meshgate") == "750 meshgate meshgate"
    assert place(machine, "/etc/meshgate") == "755 root root"
    assert place(machine, "/var/lib/meshgate/identity.key") == "600 meshgate meshgate"


def test_a_stranger_on_the_machine_is_not_answered(machine: Machine) -> None:
    done = machine.try_("runuser", "-u", "nobody", "--", f"{HOME}/bin/meshgate", "status")
    assert done.returncode == 5, done
    assert "BlueZ" in status(machine, user="root")


def test_it_reloads_and_stays_the_same_process(machine: Machine) -> None:
    before = machine.main
    machine.run("systemctl", "reload", SERVICE)
    machine.until(lambda: "New settings are in force" in machine.said(), "the reload")
    machine.until(machine.is_active, "active again")
    assert machine.main == before


def test_a_reload_it_cannot_use_is_said_and_stops_nothing(machine: Machine) -> None:
    before = machine.main
    machine.run("sh", "-c", f"echo nonsense >{CONFIG}")
    machine.run("systemctl", "reload", SERVICE)
    machine.until(lambda: f"{CONFIG}:1: not valid TOML" in machine.said(), "what is wrong is said")
    machine.until(machine.is_active, "active again")
    assert machine.main == before


def test_it_stops_in_good_order_and_in_time(machine: Machine) -> None:
    began = time.monotonic()
    machine.run("systemctl", "stop", SERVICE)
    assert time.monotonic() - began <= STOP_S
    assert (machine.show("ActiveState"), machine.show("Result"), machine.show("ExecMainStatus")) == ("inactive", "success", "0")
    assert machine.try_("test", "-e", "/run/meshgate").returncode != 0


def test_one_that_hangs_is_ended_and_started_again(machine: Machine) -> None:
    machine.run("mkdir", "-p", DROP_IN)
    machine.run("sh", "-c", f"printf '[Service]\\nWatchdogSec={WATCHDOG_S}\\n' >{DROP_IN}/impatient.conf")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", SERVICE)
    before = machine.main
    machine.run("kill", "-STOP", str(before))
    machine.until(lambda: machine.main not in {0, before} and machine.is_active(), "another process", WATCHDOG_S + 30)
    assert f"Watchdog timeout (limit {WATCHDOG_S}s)!" in machine.journal()
    assert machine.show("NRestarts") == "1"
    stays = machine.main
    machine.until(lambda: int(machine.show("WatchdogTimestampMonotonic")) > int(machine.show("ActiveEnterTimestampMonotonic")), "fed again")
    assert machine.main == stays


def test_one_that_is_killed_is_started_again_as_who_it_was(machine: Machine) -> None:
    before, who = machine.main, status_of(machine)["peer_id"]
    machine.run("kill", "-KILL", str(before))
    machine.until(lambda: machine.main not in {0, before} and machine.is_active(), "another process")
    assert status_of(machine)["peer_id"] == who


def test_one_that_cannot_start_is_given_up_and_the_journal_says_why(machine: Machine) -> None:
    machine.run("sh", "-c", f"echo nonsense >{CONFIG}")
    assert machine.try_("systemctl", "restart", SERVICE).returncode != 0
    machine.until(lambda: machine.show("ActiveState") == "failed", "systemd gives up", 60)
    assert machine.show("Result") == "exit-code"
    assert f"{CONFIG}:1: not valid TOML" in machine.journal(100)


def test_after_a_wipe_systemd_starts_somebody_else(machine: Machine) -> None:
    before, who = machine.main, status_of(machine)["peer_id"]
    assert "erased  /var/lib/meshgate/identity.key" in machine.meshgate("wipe", "--yes")
    machine.until(lambda: machine.main not in {0, before} and machine.is_active(), "another process")
    assert status_of(machine)["peer_id"] != who
    assert place(machine, "/var/lib/meshgate") == "700 meshgate meshgate"


def test_the_recovery_helper_answers_the_gateway_and_nobody_else(machine: Machine) -> None:
    machine.run("systemctl", "restart", "meshgate-recover.socket")
    assert place(machine, RECOVER) == "600 meshgate meshgate"
    assert recovery(machine, "meshgate") == "ok"
    assert recovery(machine, "nobody") == "warn"
    assert machine.show("Result", "meshgate-recover.service") == "success"
    assert "refused process" not in machine.run("journalctl", "--boot", "--unit=meshgate-recover.service", "--output=cat")


@pytest.mark.parametrize("unit", ["meshgate.service", "meshgate-recover.service"])
def test_systemd_finds_it_well_protected(machine: Machine, unit: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = machine.run("systemd-analyze", "security", "--no-pager", unit)
    score = re.search(r"exposure level for .*?: ([0-9.]+)", said)[1]
    with capsys.disabled():
        print(f"\n{unit}: {score} of 10 ", end="")
    assert float(score) <= CEILING


def test_systemd_finds_nothing_wrong_with_the_units_as_installed(machine: Machine) -> None:
    units = ("meshgate.service", "meshgate.socket", "meshgate-recover.service", "meshgate-recover.socket")
    done = machine.try_("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_can_be_had_at_every_start_of_the_machine(machine: Machine) -> None:
    units = ("meshgate.service", "meshgate-recover.socket", "meshgate.socket")
    machine.run("systemctl", "enable", *units)
    assert machine.run("systemctl", "is-enabled", *units).split() == ["enabled"] * 3
    assert SERVICE in machine.show("Wants", "multi-user.target").split()
