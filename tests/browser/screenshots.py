"""Write pictures of every page into docs/screenshots: `make screenshots`, or with a directory and the names of pages."""

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from gateway.admin.pages import PAGES  # noqa: E402
from tests.browser.chromium import WIDTHS, chromium  # noqa: E402
from tests.browser.sites import town  # noqa: E402

SETTLE_MS = 100


async def photograph(browser: Browser, base: str, name: str, width: int, scheme: str, file: Path, language: str = "en") -> None:
    """Take one picture."""
    context = await browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, locale=language, timezone_id="UTC")
    page = await context.new_page()
    await page.goto(f"{base}/{name}")
    if name == "messages/why":
        await page.goto(f"{base}/messages")
        await page.locator("tbody a").first.click()
    if name == "federation/invite":
        await page.goto(f"{base}/federation")
        await page.locator("#invite button").click()
    await page.wait_for_timeout(SETTLE_MS)
    await page.screenshot(path=file, full_page=True)
    await context.close()


async def main(directory: Path, wanted: list[str]) -> None:
    """Take the pictures."""
    names = wanted or [*(one.name for one in PAGES), "messages/why", "federation/invite"]
    with tempfile.TemporaryDirectory() as state:
        async with town(Path(state)) as base, chromium() as browser:
            for name in names:
                for width in WIDTHS:
                    for scheme in ("light", "dark"):
                        await photograph(browser, base, name, width, scheme, directory / f"{name.replace('/', '-')}-{width}-{scheme}.png")
            if "status" in names:
                await photograph(browser, base, "status", 360, "light", directory / "status-360-light-ar.png", "ar")


if __name__ == "__main__":
    where = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs" / "screenshots"
    where.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(where, sys.argv[2:]))
