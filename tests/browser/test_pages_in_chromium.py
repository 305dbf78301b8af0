"""The pages in a real browser, before a real gateway with phones around it and a site linked."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page as Tab

from gateway.admin.pages import PAGES
from tests.browser.chromium import CHROMIUM, WIDTHS, chromium
from tests.browser.sites import town

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}: apt install chromium"),
]
PATHS = [one.path for one in PAGES if one.name != "account"]  # nobody logs in here
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SMALL = """[...document.querySelectorAll("a, button, summary, input, select")].filter((one) => {
  const box = one.getBoundingClientRect();
  const inline = one.tagName === "A" && one.closest("td, p, th");
  return box.width && (box.height < 24 && !inline || box.width < 24 && !inline) && !one.classList.contains("skip");
}).map((one) => one.outerHTML)"""
WHERE = "document.activeElement.id || document.activeElement.textContent.trim() || document.activeElement.tagName"


def complaints_of(tab: Tab) -> list[str]:
    """Collect everything the browser has to say against a page."""
    found: list[str] = []
    tab.on("console", lambda message: found.append(message.text) if message.type in {"error", "warning"} else None)
    tab.on("pageerror", lambda error: found.append(str(error)))
    tab.on("response", lambda answer: found.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    return found


async def test_every_page_fits_every_width_has_large_targets_and_nothing_to_complain_about(tmp_path: Path) -> None:
    async with town(tmp_path) as base, chromium() as browser:
        for width in WIDTHS:
            for language in ("en", "ar"):
                context = await browser.new_context(viewport={"width": width, "height": 800}, locale=language)
                tab = await context.new_page()
                complaints = complaints_of(tab)
                for path in PATHS:
                    await tab.goto(base + path)
                    assert await tab.evaluate(OVERFLOW) == 0, (path, width, language)
                    assert await tab.evaluate(SMALL) == [], (path, width, language)
                assert complaints == []
                await context.close()


async def test_a_page_is_walked_with_the_keyboard_alone(tmp_path: Path) -> None:
    async with town(tmp_path) as base, chromium() as browser:
        tab = await browser.new_page()
        await tab.goto(f"{base}/status")
        await tab.keyboard.press("Tab")
        assert await tab.evaluate("document.activeElement.className") == "skip"
        box = await tab.locator(".skip").bounding_box()
        assert box is not None
        assert box["y"] >= 0
        seen = []
        for _ in PATHS:
            await tab.keyboard.press("Tab")
            seen.append(await tab.evaluate(WHERE))
        assert seen[0] == "Town hall"
        assert seen[1:4] == ["Status", "Peers", "Messages"]
        assert await tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        await tab.goto(f"{base}/federation")
        await tab.locator("#invite select").focus()
        await tab.keyboard.press("Tab")
        await tab.keyboard.press("Enter")
        await tab.wait_for_selector(".notice")
        assert await tab.evaluate("document.activeElement.className") == "notice good"
        assert "MESHGATE:" in await tab.locator("#made-ticket").inner_text()


async def test_the_status_is_read_and_a_form_is_sent_without_any_script(tmp_path: Path) -> None:
    async with town(tmp_path) as base, chromium() as browser:
        context = await browser.new_context(java_script_enabled=False)
        tab = await context.new_page()
        await tab.goto(f"{base}/status")
        assert "phones near. Linked to 1 site." in await tab.locator("#sentence").inner_text()
        await tab.goto(f"{base}/federation")
        await tab.locator("#invite button").click()
        assert "The invitation is ready" in await tab.locator(".notice").inner_text()


async def test_a_page_that_is_left_open_stays_right_and_takes_nothing_from_its_reader(tmp_path: Path) -> None:
    async with town(tmp_path) as base, chromium() as browser:
        tab = await browser.new_page()
        complaints = complaints_of(tab)
        await tab.goto(f"{base}/status")
        before = await tab.locator("#crossed dd").first.inner_text()
        await tab.wait_for_function(f"document.querySelector('#crossed dd').textContent !== {before!r}", timeout=20_000)
        await tab.goto(f"{base}/transports")
        await tab.locator("summary").first.click()
        await tab.goto(f"{base}/messages")
        await tab.locator("#messages-search").fill("Acknowledged")
        rows = await tab.evaluate(
            "[...document.querySelectorAll('#messages tbody tr')].filter((row) => !row.hidden).map((row) => row.textContent)"
        )
        assert rows
        assert all("Acknowledged" in row for row in rows)
        await asyncio.wait_for(tab.wait_for_event("response", lambda answer: answer.url.endswith("/messages")), 30)
        assert await tab.locator("#messages-search").input_value() == "Acknowledged"
        assert await tab.evaluate("document.activeElement.id") == "messages-search"
        assert complaints == []
