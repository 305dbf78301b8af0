"""What the tests of the image share."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from image.debian.card import Card, Sizes
from image.debian.tools import Tools
from tests.image.small import EPOCH, small_root

ROOT = Path(__file__).parent.parent.parent
NEEDED = ("mkfs.vfat", "mcopy", "mdir", "mke2fs", "debugfs", "dumpe2fs", "e2fsck", "sfdisk")
PLACES = f"{os.environ['PATH']}:/usr/sbin:/sbin"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return small_root(tmp_path / "root")


@pytest.fixture(scope="session")
def tools() -> Tools:
    missing = [name for name in NEEDED if shutil.which(name, path=PLACES) is None]
    if missing:
        pytest.skip(f"{missing[0]} is not here")
    found = Tools(ROOT / "build" / "image-cache")
    if found.lacks_mke2fs():
        pytest.skip("mke2fs is older than 1.47.1, and no image was built here: sudo image/debian/build --tools")
    return found


@pytest.fixture
def card(root: Path) -> Callable[..., Card]:
    def make(other: Path | None = None, seed: bytes = b"inputs", sizes: Sizes | None = None) -> Card:
        return Card(other or root, EPOCH, seed, "console=tty0 rootwait", sizes or Sizes(34, 16, 16))

    return make
