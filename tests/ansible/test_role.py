"""What site.yml makes of a Debian root directory, and of the machine that is started from it."""

import json
import re
import stat
import tomllib
from pathlib import Path

import pytest

from gateway.update.keys import write_signing_key
from tests.ansible.boxes import changed, tool
from tests.ansible.conftest import FIRST, Applied, Running

pytestmark = [pytest.mark.ansible, pytest.mark.timeout(900)]

CEILING = 2.0  # of systemd's 10 for a service without any protection
OUTSIDE, INSIDE = "192.0.2.2", "192.0.2.1"
CALL = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()"
WAIT = "import socket; s = socket.create_server(('0.0.0.0', 9999)); print('ready', flush=True); s.accept()"


@pytest.fixture(scope="session")
def outside(running: Running) -> list[str]:
    """What puts a command into a network of its own, from which the box is the neighbour."""
    run = running.machine.run
    run("ip", "netns", "add", "outside")
    run("ip", "link", "add", "box0", "type", "veth", "peer", "name", "out0", "netns", "outside")
    run("ip", "address", "add", f"{INSIDE}/24", "dev", "box0")
    run("ip", "link", "set", "box0", "up")
    into = ["ip", "netns", "exec", "outside"]
    run(*into, "ip", "address", "add", f"{OUTSIDE}/24", "dev", "out0")
    run(*into, "ip", "link", "set", "out0", "up")
    return into


def test_a_second_run_changes_nothing(applied: Applied) -> None:
    assert changed(applied.first)
    assert changed(applied.second) == []


def test_settings_of_fleet_groups_and_site_are_one_file_in_which_the_nearest_counts(applied: Applied) -> None:
    config = tomllib.loads((applied.root / "etc/meshgate/config.toml").read_text())
    assert config["gateway"] == {"nickname": "Site two"}
    assert config["bridge"] == {"cell": "u4pruy"}
    assert config["mqtt"]["username"] == "meshgate"


def test_what_no_two_boxes_may_share_is_not_made_before_the_first_boot(applied: Applied) -> None:
    state = applied.root / "var/lib/meshgate"
    assert [path.name for path in state.iterdir()] == ["metrics.token"]
    assert (applied.root / "etc/mosquitto/meshgate.passwd").read_text() == ""
    assert not list((applied.root / "etc/ssh").glob("ssh_host_*")) if (applied.root / "etc/ssh").exists() else True


def test_no_secret_is_shown_by_a_run(applied: Applied) -> None:
    assert "correct horse" not in applied.first.stdout + applied.first.stderr
    token = applied.root / "var/lib/meshgate/metrics.token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


def test_the_machine_starts_whole_and_the_gateway_with_it(running: Running) -> None:
    machine = running.machine
    machine.until(lambda: machine.try_("systemctl", "is-system-running").stdout.strip() == "running", "everything is started")
    assert machine.run("systemctl", "--failed", "--no-legend").strip() == ""
    machine.until(machine.is_active, "the gateway is active")
    assert machine.run("/usr/local/bin/meshgate", "--version").startswith("meshgate")
    assert machine.run("cat", "/usr/lib/meshgate/installed-by").strip() == "ansible"


@pytest.mark.parametrize("unit", ["meshgate.service", "meshgate-recover.service", "meshgate-update.service"])
def test_systemd_finds_it_well_protected(running: Running, unit: str) -> None:
    said = running.machine.run("systemd-analyze", "security", "--no-pager", unit)
    assert float(re.search(r"exposure level for .*?: ([0-9.]+)", said)[1]) <= CEILING


def test_the_first_boot_makes_the_password_of_the_broker_and_only_the_gateway_has_it(running: Running) -> None:
    machine = running.machine
    assert machine.run("stat", "--format=%a %U", "/var/lib/meshgate/mqtt.password").split() == ["600", "meshgate"]
    machine.until(lambda: json.loads(machine.meshgate("status", "--json"))["mqtt"]["connected"], "the gateway is linked to the broker")
    assert "127.0.0.1:1883" in machine.run("ss", "-ltn")
    assert "0.0.0.0:1883" not in machine.run("ss", "-ltn")


def test_the_journal_is_in_memory_only(running: Running) -> None:
    assert (
        running.machine.try_("test", "-d", "/var/log/journal").returncode != 0 or not running.machine.run("ls", "/var/log/journal").strip()
    )
    assert running.machine.run("ls", "/run/log/journal").strip()


def test_the_doctor_finds_nothing_wrong(running: Running) -> None:
    machine = running.machine
    machine.until(machine.is_active, "the gateway is active")
    done = machine.try_("runuser", "-u", "meshgate", "--", "/usr/local/bin/meshgate", "doctor", "--json")
    assert [one for one in json.loads(done.stdout)["findings"] if one["verdict"] == "fail"] == []


@pytest.mark.parametrize(("port", "is_open"), [(8481, True), (9477, True), (8480, False), (1883, False), (9999, False), (22, False)])
def test_from_outside_what_the_configuration_says_is_reached_and_nothing_else(
    running: Running, outside: list[str], port: int, is_open: bool
) -> None:
    machine = running.machine
    machine.until(machine.is_active, "the gateway is active")
    if port == 9999:  # something that nobody has configured listens there
        machine.run("systemd-run", "--unit=stranger", "--collect", "python3", "-c", WAIT)
        machine.until(lambda: ":9999" in machine.run("ss", "-ltn"), "the stranger listens")
    done = machine.try_(*outside, "python3", "-c", CALL, INSIDE, str(port))
    assert (done.returncode == 0) is is_open, done.stderr
    if not is_open:
        assert "TimeoutError" in done.stderr, "dropped, and not refused"


def test_a_run_against_the_running_box_changes_nothing_either_and_asks_for_its_health(running: Running) -> None:
    done = tool("ansible-playbook", "site.yml", *running.inventory)
    found = [line for line in changed(done) if "Enable services" not in line]
    assert found == []
    assert "Wait until the gateway has run without an error for long enough" in done.stdout


def test_settings_that_the_release_cannot_use_are_refused_and_the_gateway_runs_on(running: Running) -> None:
    machine = running.machine
    before = machine.main, machine.run("cat", "/etc/meshgate/config.toml")
    assert before[0]
    wrong = '{"meshgate_app_config_site": {"bridge": {"mode": "ajar"}}}'
    done = tool("ansible-playbook", "site.yml", *running.inventory, "--tags", "app", "--extra-vars", wrong, check=False)
    assert done.returncode != 0
    assert "bridge.mode" in done.stdout
    assert (machine.main, machine.run("cat", "/etc/meshgate/config.toml")) == before
    assert machine.is_active()


def test_a_bundle_that_nobody_trusted_has_signed_is_refused_before_anything_is_touched(running: Running, tmp_path: Path) -> None:
    write_signing_key(tmp_path / "other.key", bytes(32))
    other = json.dumps({"meshgate_app_release_keys": [str(tmp_path / "other.pub")]})
    done = tool("ansible-playbook", "site.yml", *running.inventory, "--tags", "app", "--extra-vars", other, check=False)
    assert done.returncode != 0
    assert "nobody whose key is in meshgate_app_release_keys has signed it" in done.stdout
    assert changed(done) == []


def test_it_is_laid_out_for_updates_from_a_stick(applied: Applied) -> None:
    home = applied.root / "opt/meshgate"
    assert sorted(path.name for path in home.iterdir()) == ["current", "good", "versions"]
    assert {str((home / link).readlink()) for link in ("current", "good")} == {f"versions/{FIRST}"}
    assert [path.name for path in (applied.root / "etc/meshgate/release-keys").iterdir()] == ["release.pub"]
    assert not list((applied.root / "var/tmp").iterdir())
