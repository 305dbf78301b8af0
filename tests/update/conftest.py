"""What slow tests of this folder share: this project as a bundle, and a box with it."""

import os
from pathlib import Path

import pytest

from gateway.update.begin import begin
from gateway.update.making import make_bundle
from gateway.update.staging import MACHINE
from gateway.update.tree import Tree
from tests.update.bundles import SEED, TRUSTED
from tests.update.wheels import OLD, SPOILS, needed, own_wheel, pack, write_lock


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three bundles: of a version, of the next, and of one after it that does not start."""
    out, shared = tmp_path_factory.mktemp("bundles"), tmp_path_factory.mktemp("wheels")
    for one in needed():
        pack(one, shared)
    found = {}
    for version, spoil in SPOILS.items():
        wheelhouse = tmp_path_factory.mktemp(f"wheelhouse-{version}")
        for wheel in shared.iterdir():
            os.link(wheel, wheelhouse / wheel.name)
        own_wheel(wheelhouse, tmp_path_factory.mktemp("source") / version, version, spoil)
        write_lock(wheelhouse)
        found[version] = make_bundle(wheelhouse, out, version, OLD, MACHINE, SEED)
    return found


@pytest.fixture(scope="session")
def installed(bundles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A box with the old version, as whoever provisions it leaves it."""
    root = Path(tmp_path_factory.mktemp("box"))
    begin(Tree(root / "opt"), bundles[OLD], TRUSTED, root / "system")
    return root
