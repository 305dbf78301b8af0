"""Write pictures of every page into docs/screenshots: `make screenshots`, or with a directory and the names of pages."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final, Literal

from playwright.async_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from gateway.admin.pages import PAGES  # noqa: E402
from tests.browser.chromium import WIDTHS, chromium  # noqa: E402
from tests.browser.sites import town  # noqa: E402

Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
SETTLE_MS = 100


async def photograph(page: Page, base: str, name: str, file: Path) -> None:
    """Take one picture."""
    await page.goto(f"{base}/{name.partition('/')[0]}")
    if name == "messages/why":
        await page.locator("tbody a").first.click()
    if name == "federation/invite":
        await page.locator("#invite button").click()
    await page.wait_for_timeout(SETTLE_MS)
    await page.screenshot(path=file, full_page=True)


async def album(browser: Browser, base: str, names: list[str], directory: Path, width: int, scheme: Scheme, language: str = "en") -> None:
    """Take pictures at one width, in one scheme of colours, in one language."""
    context = await browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, locale=language, timezone_id="UTC")
    page = await context.new_page()
    for name in names:
        spoken = "" if language == "en" else f"-{language}"
        await photograph(page, base, name, directory / f"{name.replace('/', '-')}-{width}-{scheme}{spoken}.png")
    await context.close()


async def main(directory: Path, wanted: list[str]) -> None:
    """Take the pictures."""
    names = wanted or [*(one.name for one in PAGES if one.name != "account"), "messages/why", "federation/invite"]
    with tempfile.TemporaryDirectory() as state:
        async with town(Path(state)) as base, chromium() as browser:
            for width in WIDTHS:
                for scheme in SCHEMES:
                    await album(browser, base, names, directory, width, scheme)
            await album(browser, base, names[:1], directory, WIDTHS[0], "light", "ar")


if __name__ == "__main__":
    where = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs" / "screenshots"
    where.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(where, sys.argv[2:]))
