"""A machine that takes wheels by a lock file, and bundles them for itself."""

import json
import os
import shutil
from pathlib import Path

import pytest

from gateway.update.staging import PYTHON
from tests.ansible.boxes import CACHE, base, changed, copy, tool
from tests.ansible.conftest import FIRST, SETTINGS
from tests.ansible.releases import wheels
from tests.update.wheels import own_wheel, write_lock

pytestmark = [pytest.mark.ansible, pytest.mark.slow, pytest.mark.timeout(1800)]


def test_a_wheel_and_a_lock_file_become_the_same_layout_and_leave_nothing_behind(place: Path, tmp_path: Path) -> None:
    root = copy(base(), place / "index")
    index = root / "srv/index"  # in the place of a package index
    shutil.copytree(wheels(CACHE), index)
    (root / "etc/pip.conf").write_text("[global]\nno-index = true\nfind-links = /srv/index\n")
    write_lock(index)
    lock = tmp_path / "requirements.lock"
    (index / f"{PYTHON}.txt").rename(lock)
    wheel = own_wheel(tmp_path, tmp_path / "tree", FIRST)
    words = {**SETTINGS, "meshgate_app_wheel": str(wheel), "meshgate_app_lock": str(lock), "meshgate_app_build_packages": []}
    arguments = ("./apply-to-root", str(root), "--tags", "app", "--extra-vars", json.dumps(words))
    tool(*arguments)
    home = root / "opt/meshgate"
    assert sorted(path.name for path in home.iterdir()) == ["current", "good", "versions"]
    assert {str((home / link).readlink()) for link in ("current", "good")} == {f"versions/{FIRST}"}
    assert (home / "current/complete").is_file()
    assert not list((root / "etc/meshgate/release-keys").iterdir()), "nobody is trusted any more"
    assert not (root / "var/tmp/meshgate-build").exists()
    assert changed(tool(*arguments)) == []

    # A wheel that has another hash than the lock says is not installed, and nothing stays of the attempt.
    shutil.rmtree(home)
    os.truncate(next(index.glob("msgspec-*.whl")), 1000)
    done = tool(*arguments, check=False)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stdout
    assert not (home / "current").exists()
    assert not list((root / "etc/meshgate/release-keys").iterdir())
