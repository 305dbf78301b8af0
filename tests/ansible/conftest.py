"""Tests in this folder that apply playbooks need root, systemd-nspawn and debootstrap. ``make ansible`` runs them."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.ansible.boxes import CACHE, TOOLS, base, copy, started, tool
from tests.ansible.releases import release
from tests.boot.machine import Machine

SETTINGS = {
    "meshgate_app_config": {
        "gateway": {"nickname": 'Box "one"'},
        "radio": {"enabled": False},
        "bridge": {"cell": "u4prux"},
        "page": {"listen": ["127.0.0.1:8480", "0.0.0.0:8481"]},
        "metrics": {"listen": ["0.0.0.0:9477"], "token_files": ["/var/lib/meshgate/metrics.token"]},
    },
    "meshgate_app_config_a": {"bridge": {"cell": "u4pruz"}, "log": {"level": "info"}},
    "meshgate_app_config_b": {"bridge": {"cell": "u4pruy"}},
    "meshgate_app_config_site": {"gateway": {"nickname": "Site two"}},
    "meshgate_app_secrets": {"metrics.token": "correct horse battery staple 1234"},
    "meshgate_base_hostname": "hall",
    "meshgate_base_ssh_from": ["203.0.113.0/24", "2001:db8::/32"],
}

FIRST = "0.1.0"


@dataclass
class Applied:
    """A box to which site.yml was applied twice, while nothing ran in it."""

    root: Path
    settings: Path  # a file with variables
    first: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]


@dataclass
class Running:
    """A box that runs."""

    applied: Applied
    machine: Machine
    leader: int
    inventory: list[str] = field(default_factory=list)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say why they cannot run, where they cannot."""
    chosen = [item for item in items if item.get_closest_marker("ansible")]
    check = subprocess.run([Path(__file__).parent / "lane", "check"], capture_output=True, text=True, check=False)
    why = check.stdout.strip() or ("" if TOOLS.is_dir() else "its tools are not installed: make ansible")
    for item in chosen if why else ():
        item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory for boxes; they are too large to be left behind."""
    there = tmp_path_factory.mktemp("boxes")
    yield there
    shutil.rmtree(there, ignore_errors=True)


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for releases of this source tree."""
    return tmp_path_factory.mktemp("releases")


@pytest.fixture(scope="session")
def settings(place: Path, releases: Path) -> Path:
    """A file with variables."""
    file = place / "settings.json"
    file.write_text(json.dumps({**SETTINGS, **release(releases, CACHE, FIRST)}))
    return file


@pytest.fixture(scope="session")
def made(place: Path, settings: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A box as a recipe of an image makes it, and what was said while it was made."""
    root = copy(base(), place / "box")
    return root, tool("./apply-to-root", str(root), "--extra-vars", f"@{settings}")


@pytest.fixture(scope="session")
def applied(made: tuple[Path, subprocess.CompletedProcess[str]], settings: Path) -> Applied:
    """The same, and what is said by a second run."""
    root, first = made
    return Applied(root, settings, first, tool("./apply-to-root", str(root), "--extra-vars", f"@{settings}"))


@pytest.fixture(scope="session")
def running(applied: Applied) -> Iterator[Running]:
    """The same box, started."""
    with started(applied.root, "box") as (machine, leader):
        inventory = ["--connection", "root_directory", "--inventory", f"{applied.root},", "--extra-vars", f"@{applied.settings}"]
        inventory += ["--extra-vars", f'{{"meshgate_leader": {leader}, "meshgate_become": false}}']
        yield Running(applied, machine, leader, inventory)
