"""Tests in this folder run beside a real bluetoothd: in the guest that `make rig` starts, nowhere else."""

import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.rig.air_client import AirClient
from tests.rig.guest import adapters_on, logs

GUEST = "RIG_GUEST" in os.environ
PATIENCE_S = 30


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the guest outside of it."""
    if not GUEST:
        for item in items:
            if item.get_closest_marker("rig"):
                item.add_marker(pytest.mark.skip(reason="runs in the rig only: make rig"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show the daemons' logs beside a failure."""
    report = yield
    if GUEST and report.failed and item.get_closest_marker("rig"):
        report.sections.append(("the guest's logs", logs()))
    return report


@pytest.fixture
async def air() -> AsyncIterator[AirClient]:
    """The air, as it was at boot; whatever a test does to it is undone after it."""
    async with AirClient() as client:
        yield client
        await client.reset()


@pytest.fixture(autouse=True)
def bluez_is_up(request: pytest.FixtureRequest) -> None:
    """Begin with a BlueZ that lists every adapter: the test before may have ended it, and 5.82 may have died under that test."""
    if GUEST and request.node.get_closest_marker("rig"):
        for _ in range(PATIENCE_S):
            if adapters_on() == int(os.environ["RIG_ADAPTERS"]):
                return
            time.sleep(1.0)
        pytest.fail(f"BlueZ lists {adapters_on()} adapters")


@pytest.fixture(autouse=True)
def air_is_sound() -> Iterator[None]:
    """Fail a test during which the air itself failed."""
    before = logs(("air",), 10_000).count("Traceback") if GUEST else 0
    yield
    if GUEST:
        assert logs(("air",), 10_000).count("Traceback") == before, logs(("air",))
