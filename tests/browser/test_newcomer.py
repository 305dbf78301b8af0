"""Whoever starts the demo needs nothing but what it says, and what stands on the page."""

import sys
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.newcomer import comes

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="session")]


async def test_from_the_command_to_an_answered_why_with_only_what_is_said(browser: Browser, tmp_path: Path) -> None:
    said: list[str] = []
    answer = await comes(browser, (str(Path(sys.executable).parent / "meshgate"), "demo"), tmp_path, said.append)
    assert answer
    assert len(said) == 7
    assert (tmp_path / "newcomer-06.png").stat().st_size
