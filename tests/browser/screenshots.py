"""Write pictures of every page into docs/screenshots: `make screenshots`.

With a directory, they are written there in every width, theme and language; names of pages behind it choose some.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from playwright.async_api import Browser, StorageState
from playwright.async_api import Page as Tab

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from gateway.admin.pages import PAGES  # noqa: E402
from tests.browser.chromium import chromium  # noqa: E402
from tests.browser.people import come_in, visiting  # noqa: E402
from tests.browser.sites import Site, town  # noqa: E402

Shot = tuple[int, Literal["light", "dark"], str]
"""Pixels of width, colours, language."""
FOR_DOCS: Final[tuple[Shot, ...]] = ((1280, "light", "en"), (360, "dark", "en"))
EVERYTHING: Final[tuple[Shot, ...]] = (*FOR_DOCS, (1280, "dark", "en"), (360, "light", "en"), (1280, "light", "ar"), (360, "dark", "ar"))
DOOR: Final = ("setup", "login")  # seen by those who are not logged in
STEPS: Final = ("messages/why", "federation/invite")  # seen on the way
SETTLE_MS: Final = 150
LONGEST: Final = 1000  # pixels of a picture: what is below is more of the same
ELSEWHERE: Final = """([here, there]) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(here, there);
}"""
"""Puts the files of the pictures where those of a gateway are."""


async def photograph(tab: Tab, address: str, name: str, state: str, file: Path) -> None:
    """Take one picture."""
    await tab.goto(f"{address}/{name.partition('/')[0]}")
    if name == "messages/why":
        await tab.locator("main a[href^='/messages/']").first.click()
    if name == "federation/invite":
        await tab.locator("#invite button").click()
    await tab.wait_for_timeout(SETTLE_MS)
    await tab.evaluate(ELSEWHERE, [state, "/var/lib/meshgate"])
    width, height = await tab.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    await tab.screenshot(path=file, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": min(height, LONGEST)})


@dataclass(frozen=True)
class Album:
    """Pictures of pages.

    Args:
        browser: takes them.
        site: whose pages.
        state: the directory of its files, which is not shown.
        directory: where they are written.
        shots: how.

    """

    browser: Browser
    site: Site
    state: str
    directory: Path
    shots: Sequence[Shot]

    async def take(self, names: Sequence[str], known: StorageState | None = None) -> None:
        """Take pictures of these pages in every way, with what the browser remembers."""
        for width, scheme, language in self.shots if names else ():
            spoken = "" if language == "en" else f"-{language}"
            async with visiting(self.browser, known, width=width, color_scheme=scheme, locale=language) as tab:
                for name in names:
                    file = self.directory / f"{name.replace('/', '-')}-{width}-{scheme}{spoken}.png"
                    await photograph(tab, self.site.address, name, self.state, file)


async def main(directory: Path, shots: Sequence[Shot], wanted: Sequence[str]) -> None:
    """Take the pictures."""
    names = wanted or [*DOOR, *(one.name for one in PAGES), *STEPS]
    with tempfile.TemporaryDirectory() as state:
        async with town(Path(state)) as both, chromium() as browser:
            album = Album(browser, both.hall, f"{state}/hall", directory, shots)
            await album.take([name for name in names if name == "setup"])
            known = await come_in(browser, both.hall.address, both.hall.setup_code())
            await album.take([name for name in names if name == "login"])
            await album.take([name for name in names if name not in DOOR], known)


if __name__ == "__main__":
    where = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs" / "screenshots"
    where.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(where, EVERYTHING if sys.argv[1:] else FOR_DOCS, sys.argv[2:]))
