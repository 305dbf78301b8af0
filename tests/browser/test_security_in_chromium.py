"""The page Security in a real browser: on a phone, with a keyboard alone, without scripts."""

import re
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext

from tests.admin.door import GOOD, Door, opened
from tests.admin.test_security_life import furnished
from tests.browser.chromium import CHROMIUM, WIDTHS, chromium
from tests.browser.test_pages_in_chromium import OVERFLOW, SMALL, complaints_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}: apt install chromium"),
]


async def let_in(context: BrowserContext, door: Door) -> None:
    """Give a browser the cookie of somebody who has logged in."""
    cookies = await door.logged_in()
    await context.add_cookies([{"name": name, "value": value, "url": door.origin} for name, value in cookies.items()])


async def test_it_fits_a_phone_with_everything_open_in_both_directions_of_writing(tmp_path: Path) -> None:
    async with opened(furnished(tmp_path)) as door, chromium() as browser:
        await door.add("eve")
        for width in WIDTHS:
            for language in ("en", "ar"):
                context = await browser.new_context(viewport={"width": width, "height": 800}, locale=language)
                await let_in(context, door)
                tab = await context.new_page()
                complaints = complaints_of(tab)
                await tab.goto(f"{door.origin}/security")
                for part in await tab.locator("summary").all():
                    await part.click()
                assert await tab.locator("input[type=password]:visible").count() == 10
                assert await tab.evaluate(OVERFLOW) == 0, (width, language)
                assert await tab.evaluate(SMALL) == [], (width, language)
                assert complaints == []
                await context.close()


async def test_a_token_is_made_with_a_keyboard_alone_and_without_scripts(tmp_path: Path) -> None:
    async with opened(furnished(tmp_path)) as door, chromium() as browser:
        context = await browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 800})
        await let_in(context, door)
        tab = await context.new_page()
        await tab.goto(f"{door.origin}/security#tokens")
        await tab.keyboard.press("Tab")
        focused = tab.locator(":focus")
        assert await focused.text_content() == "Make one, take one back"
        await tab.keyboard.press("Enter")
        for text in ("Tab", "the hall", "Tab", "Tab", "Tab", GOOD, "Enter"):
            await (tab.keyboard.press(text) if text in {"Tab", "Enter"} else tab.keyboard.type(text))
        shown = await tab.locator("#made-token").text_content()
        assert re.fullmatch(r"mgt_[\w-]{43}", shown or "")
        assert await tab.locator("button[data-copy]:visible").count() == 0
        assert (await door.ask("GET", "/api/v1/session", [("Authorization", f"Bearer {shown}")])).json["role"] == "viewer"
        await tab.goto(f"{door.origin}/security")
        assert shown not in await tab.content()
