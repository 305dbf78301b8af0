"""Tests in this folder need a systemd of their own: root, systemd-nspawn and a kernel that lets them mount. ``make boot`` runs them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.boot.machine import SERVICE, Machine, install, pack, started

DROP_IN = "/run/systemd/system/meshgate.service.d"
CONFIG = "/etc/meshgate/config.toml"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say why they cannot run, where they cannot."""
    chosen = [item for item in items if item.get_closest_marker("boot")]
    check = subprocess.run([Path(__file__).parent / "boot", "check"], capture_output=True, text=True, check=False)
    for item in chosen if check.returncode else ():
        item.add_marker(pytest.mark.skip(reason=check.stdout.strip()))


@pytest.fixture(scope="session")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with Meshgate installed as the manual says."""
    payload, scratch = tmp_path_factory.mktemp("payload"), tmp_path_factory.mktemp("scratch")
    pack(payload)
    with started(scratch, payload) as machine:
        install(machine)
        yield machine


@pytest.fixture
def machine(booted: Machine) -> Machine:
    """The machine, with a gateway that runs as it was installed, whatever the test before did to it."""
    is_changed = booted.try_("test", "-e", DROP_IN, "-o", "-e", CONFIG).returncode == 0
    if is_changed or not booted.is_active() or booted.show("NRestarts") != "0":
        booted.run("rm", "-rf", DROP_IN, CONFIG)
        booted.run("systemctl", "daemon-reload")
        booted.run("systemctl", "reset-failed")
        booted.run("systemctl", "restart", SERVICE)
    return booted
