"""The pages in a real browser, before a real gateway with phones around it and a site linked."""

import asyncio
import re

import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import WIDTHS
from tests.browser.conftest import Seen
from tests.browser.people import complaints_of, everywhere, follow, visiting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="session")]
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SMALL = """[...document.querySelectorAll("a, button, summary, input, select")].filter((one) => {
  const box = one.getBoundingClientRect();
  const inline = one.tagName === "A" && one.closest("td, p, th");
  return box.width && (box.height < 24 && !inline || box.width < 24 && !inline) && !one.classList.contains("skip");
}).map((one) => one.outerHTML)"""


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_every_page_fits_every_width_has_large_targets_and_nothing_to_complain_about(
    browser: Browser, seen: Seen, language: str
) -> None:
    async with visiting(browser, seen.known, locale="en") as tab:
        places = await everywhere(tab, seen.address)
    async with visiting(browser, seen.known, locale=language) as tab:
        complaints = complaints_of(tab)
        for place in places:
            await tab.goto(place)
            for width in WIDTHS:
                await tab.set_viewport_size({"width": width, "height": 800})
                assert await tab.evaluate(OVERFLOW) == 0, (place, width)
                assert await tab.evaluate(SMALL) == [], (place, width)
        assert complaints == []


async def test_the_status_is_read_and_a_form_is_sent_without_any_script(browser: Browser, seen: Seen) -> None:
    async with visiting(browser, seen.known, java_script_enabled=False) as tab:
        await tab.goto(f"{seen.address}/status")
        await expect(tab.get_by_text(re.compile(r"phones near\. Linked to 1 site\."))).to_be_visible()
        await tab.goto(f"{seen.address}/federation")
        await tab.get_by_role("button", name="Make an invitation").click()
        await expect(tab.get_by_role("status").get_by_text("The invitation is ready")).to_be_visible()


async def test_a_page_that_is_left_open_stays_right_and_takes_nothing_from_its_reader(browser: Browser, seen: Seen) -> None:
    async with visiting(browser, seen.known) as tab:
        complaints = complaints_of(tab)
        await tab.goto(f"{seen.address}/status")
        crossed = tab.get_by_role("region", name="Crossed since the start").get_by_role("definition").first
        await expect(crossed).not_to_have_text(await crossed.inner_text(), timeout=20_000)
        await follow(tab, "Messages")
        found = tab.get_by_label("Search")
        await found.fill("Acknowledged")
        rows = await tab.locator("#messages tbody tr:visible").all_inner_texts()
        assert rows
        assert all("Acknowledged" in row for row in rows)
        await asyncio.wait_for(tab.wait_for_event("response", lambda answer: answer.url.endswith("/messages")), 30)
        await expect(found).to_have_value("Acknowledged")
        await expect(found).to_be_focused()
        assert complaints == []
