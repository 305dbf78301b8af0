"""What takes minutes here needs an image and QEMU: marker ``image``, ``make image-test``. The rest is about the harness, for every day."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.image.boot.appliance import Appliance, image
from tests.image.boot.disk import Disk


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say why they cannot run, where they cannot."""
    here = Path(__file__).parent
    chosen = [item for item in items if item.get_closest_marker("image") and item.path.is_relative_to(here)]
    if chosen:
        check = subprocess.run([here / "boot", "check"], capture_output=True, text=True, check=False)
        for item in chosen if check.returncode else ():
            item.add_marker(pytest.mark.skip(reason=check.stdout.strip()))


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Disk]]:
    """Freshly flashed cards; they are thrown away when the module has ended."""
    directory = tmp_path_factory.mktemp("cards")

    def flashed(name: str, *, power_of_two: bool = False) -> Disk:
        return image().copy(directory / name, power_of_two=power_of_two)

    yield flashed
    for path in directory.iterdir():
        path.unlink()


@pytest.fixture(scope="module")
def appliance(request: pytest.FixtureRequest, cards: Callable[..., Disk]) -> Iterator[Appliance]:
    """A box that was flashed, powered and set up, with a Bluetooth controller on its serial line."""
    name = request.module.__name__.rpartition(".")[2]
    with Appliance.powered(name, cards(name)) as box:
        box.come_in()
        yield box
        box.machine.power_off()
