"""One browser and two gateways for all tests that only look."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, StorageState

from tests.browser.chromium import CHROMIUM, chromium
from tests.browser.people import come_in
from tests.browser.sites import Town, town


@dataclass(frozen=True)
class Seen:
    """The first gateway's page, set up.

    Args:
        town: its gateway, and the other one.
        address: where it is.
        known: what the browser of an admin remembers.

    """

    town: Town
    address: str
    known: StorageState


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: apt install chromium")
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def seen(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Seen]:
    async with town(tmp_path_factory.mktemp("town")) as both:
        yield Seen(both, both.hall.address, await come_in(browser, both.hall.address, both.hall.setup_code()))
