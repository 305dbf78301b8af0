"""What a person does at the door of a page, going by what stands there and by nothing else."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Browser, StorageState, expect
from playwright.async_api import Page as Tab

from gateway.admin.pages import PAGES

NAME: Final = "ada"
PASSPHRASE: Final = "correct horse battery staple"  # noqa: S105 -- chosen in tests
PATIENCE_MS: Final = 30_000


async def set_up(tab: Tab, address: str, code: str) -> None:
    """Choose the first passphrase, from wherever the address leads."""
    await tab.goto(address)
    await expect(tab).to_have_url(re.compile("/setup"))
    await tab.get_by_label("Setup code").fill(code)
    await tab.get_by_label("Name", exact=True).fill(NAME)
    await tab.get_by_label("New passphrase").fill(PASSPHRASE)
    await tab.get_by_role("button", name="Set the passphrase").click()


async def log_in(tab: Tab) -> None:
    """Log in, on the page for that."""
    await expect(tab).to_have_url(re.compile("/login"))
    await tab.get_by_label("Name", exact=True).fill(NAME)
    await tab.get_by_label("Passphrase", exact=True).fill(PASSPHRASE)
    await tab.get_by_role("button", name="Log in").click()
    await expect(tab).not_to_have_url(re.compile("/login"))


async def follow(tab: Tab, page: str) -> None:
    """Go to another page over the menu."""
    await tab.get_by_role("navigation").get_by_role("link", name=page, exact=True).click()
    await expect(tab.get_by_role("heading", level=1, name=page, exact=True)).to_be_attached()


async def come_in(browser: Browser, address: str, code: str) -> StorageState:
    """Set a page up and log in; returns what the browser remembers then."""
    context = await browser.new_context()
    tab = await context.new_page()
    await set_up(tab, address, code)
    await log_in(tab)
    found = await context.storage_state()
    await context.close()
    return found


@asynccontextmanager
async def visiting(browser: Browser, known: StorageState | None = None, *, width: int = 1280, **options: Any) -> AsyncIterator[Tab]:
    """A browser of somebody's own, with one tab; `known` is what it remembers, such as a session."""
    context = await browser.new_context(viewport={"width": width, "height": 800}, storage_state=known, timezone_id="UTC", **options)
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield await context.new_page()
    finally:
        await context.close()


def complaints_of(tab: Tab) -> list[str]:
    """Collect everything the browser has to say against a page."""
    found: list[str] = []
    tab.on("console", lambda message: found.append(message.text) if message.type in {"error", "warning"} else None)
    tab.on("pageerror", lambda error: found.append(str(error)))
    tab.on("response", lambda answer: found.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    return found


async def everywhere(tab: Tab, address: str) -> list[str]:
    """Every address somebody who is logged in can look at: every page, and an answered why."""
    await tab.goto(f"{address}/messages")
    why = await tab.get_by_role("link", name=re.compile(r"^Why\?")).first.get_attribute("href")
    return [f"{address}{path}" for path in (*(one.path for one in PAGES), why)]
