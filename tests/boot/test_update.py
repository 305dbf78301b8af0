"""Versions put in place and taken back by the real unit, within its sandbox, under a systemd of its own."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from gateway.update.keys import write_signing_key
from gateway.update.making import make_bundle
from gateway.update.staging import MACHINE
from tests.boot.machine import PYTHON, SERVICE, Machine, started
from tests.update.bundles import SEED
from tests.update.wheels import needed, own_wheel, pack, write_lock

pytestmark = [pytest.mark.boot, pytest.mark.timeout(600)]

OLD, NEW, BAD = "0.1.0", "0.2.0", "0.3.0"
SPOILS = {OLD: "", NEW: "", BAD: "raise SystemExit('this version is no good')"}
UPDATER = "meshgate-update.service"
COMMAND = "/opt/meshgate/current/bin/meshgate"
PYTHON_THERE = "/opt/meshgate/current/bin/python"
_ASK = """
import http.client, json, socket, sys
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect("/run/meshgate/control.sock")
def ask(method, path, body=None, kind="application/json"):
    connection = Connection("meshgate")
    connection.request(method, "/api/v1/updates" + path, body, {"Content-Type": kind} if body else {})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 400:
        sys.exit(text.decode())
    return json.loads(text)
"""
SEND = f"""{_ASK}
with open(sys.argv[1], "rb") as bundle:
    assert ask("POST", "/upload", bundle, "application/octet-stream")["version"] == sys.argv[2]
print(json.dumps(ask("POST", "/apply", json.dumps({{"version": sys.argv[2]}}))))
"""
LOOK = f"""{_ASK}
found = ask("GET", "")
print(json.dumps({{"version": found["version"], **found["appliance"]}}))
"""
HOLD_S = 8
"""Seconds a version has to be well here."""
DROP_IN = f"""[Service]
ExecStart=
ExecStart=/opt/meshgate/good/bin/python -I -m gateway.update --allow-user meshgate --hold {HOLD_S}
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine that was provisioned with the old version, and a stick with all of them."""
    payload, shared = tmp_path_factory.mktemp("stick"), tmp_path_factory.mktemp("wheels")
    for one in needed():
        pack(one, shared)
    for version, spoil in SPOILS.items():
        wheelhouse = tmp_path_factory.mktemp("wheelhouse")
        for wheel in shared.iterdir():
            os.link(wheel, wheelhouse / wheel.name)
        own_wheel(wheelhouse, tmp_path_factory.mktemp("source") / version, version, spoil)
        write_lock(wheelhouse)
        make_bundle(wheelhouse, payload, version, OLD, MACHINE, SEED)
        if version == OLD:  # whoever provisions a box has Meshgate to do it with
            target = ["--no-deps", "--quiet", "--target", str(payload / "first"), *map(str, wheelhouse.glob("*.whl"))]
            subprocess.run([PYTHON, "-I", "-m", "pip", "install", "--no-index", "--root-user-action=ignore", *target], check=True)
    write_signing_key(payload / "release.key", SEED)
    with started(tmp_path_factory.mktemp("scratch"), payload) as machine:
        provision(machine)
        yield machine
    shutil.rmtree(payload)


def provision(machine: Machine) -> None:
    """What docs/design/update.md says of the first version."""
    machine.run("install", "-D", "-m", "0644", "/mnt/release.pub", "/etc/meshgate/release-keys/release.pub")
    machine.run("mkdir", "-p", "/opt/meshgate")
    machine.run("env", "PYTHONPATH=/mnt/first", PYTHON, "-m", "gateway.update.begin", f"/mnt/meshgate-{OLD}-{MACHINE}.meshgate")
    machine.run("systemd-sysusers")
    machine.run("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/meshgate.conf")
    machine.run("install", "-d", f"/etc/systemd/system/{UPDATER}.d")
    machine.run("sh", "-c", f"cat >/etc/systemd/system/{UPDATER}.d/test.conf <<'E'\n{DROP_IN}E")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", "meshgate-update.socket", UPDATER, SERVICE)
    machine.until(machine.is_active, "the gateway does not start")


def runs(machine: Machine, version: str) -> None:
    machine.until(machine.is_active, "the gateway does not run")
    links = [machine.run("readlink", f"/opt/meshgate/{name}").strip() for name in ("current", "good")]
    assert links == [f"versions/{version}"] * 2
    main = machine.main
    assert machine.run("sh", "-c", f"tr '\\0' ' ' </proc/{main}/cmdline").startswith("/opt/meshgate/current/bin/python")
    assert f'"meshgate":"{version}"' in machine.run(COMMAND, "--version", "--json").replace(" ", "")


def apply(machine: Machine, version: str) -> subprocess.CompletedProcess[str]:
    return machine.try_(COMMAND, "update", "apply", f"/mnt/meshgate-{version}-{MACHINE}.meshgate")


def test_a_bundle_that_is_sent_to_the_gateway_takes_its_place_and_the_next_one_tells_how_far_it_is(box: Machine) -> None:
    # Whoever is not root may ask once in a quarter of an hour, and another test may have been here just now.
    box.try_("sed", "-i", 's/"at":[0-9.]*/"at":0/', "/opt/meshgate/journal.json")
    sent = box.run(PYTHON_THERE, "-I", "-c", SEND, f"/mnt/meshgate-{NEW}-{MACHINE}.meshgate", NEW)
    assert json.loads(sent)["sentence"].startswith("It")
    seen: list[dict[str, str | None]] = []

    def is_over() -> bool:
        said = box.try_(PYTHON_THERE, "-I", "-c", LOOK)
        if said.returncode == 0:
            seen.append(json.loads(said.stdout))
        return bool(seen) and seen[-1]["at"] is not None

    box.until(is_over, "the trial does not end", 120)
    assert seen[-1]["outcome"] == "applied", f"{seen[-1]}\n{box.journal(60)}"
    trials = [one for one in seen if one["version"] == NEW and one["phase"] == "trial"]
    assert any(one["sentence"] == f"{NEW} is well so far." for one in trials), seen
    runs(box, NEW)
    assert box.try_(COMMAND, "update", "rollback").returncode == 0, box.journal(60)
    runs(box, OLD)


def test_the_unit_puts_a_version_in_place_and_takes_it_back(box: Machine) -> None:
    runs(box, OLD)
    done = apply(box, NEW)
    assert done.returncode == 0, f"{done}\n{box.journal(60)}"
    runs(box, NEW)
    assert box.try_(COMMAND, "update", "rollback").returncode == 0, box.journal(60)
    runs(box, OLD)


def test_the_unit_goes_back_by_itself_from_a_version_that_does_not_start(box: Machine) -> None:
    done = apply(box, BAD)
    assert done.returncode == 1, f"{done}\n{box.journal(60)}"
    assert "no good" in done.stdout
    runs(box, OLD)
    assert f"Version {BAD} was no good" in box.try_(COMMAND, "status", "--json").stdout


def test_the_gateway_itself_can_write_to_nothing_of_it(box: Machine) -> None:
    for path in ("/opt/meshgate/current", "/opt/meshgate/versions", "/etc/meshgate/release-keys", "/etc/systemd/system"):
        assert box.try_("runuser", "-u", "meshgate", "--", "test", "-w", path).returncode != 0
