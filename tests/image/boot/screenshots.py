"""Write pictures of the page of a booted image into docs/screenshots: `make image-screenshots`."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, StorageState

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from tests.browser.chromium import chromium  # noqa: E402
from tests.browser.people import log_in, set_up, visiting  # noqa: E402
from tests.browser.screenshots import FOR_DOCS, photograph  # noqa: E402
from tests.image.boot.appliance import ATTACH, CODE, Appliance, image  # noqa: E402
from tests.image.boot.elsewhere import joined, until  # noqa: E402
from tests.image.boot.machine import say  # noqa: E402

DOOR: Final = ("setup",)
INSIDE: Final = ("status", "peers", "messages", "topology", "federation", "transports", "update")
PHONES: Final = ("Ada", "Boris", "Chidi")
STATE: Final = "/var/lib/meshgate"


async def take(browser: Browser, box: Appliance, names: tuple[str, ...], known: StorageState | None, directory: Path) -> None:
    """Take pictures of pages in the ways of the documentation."""
    for width, scheme, language in FOR_DOCS:
        options = {"color_scheme": scheme, "locale": language, "ignore_https_errors": True}
        async with visiting(browser, known, width=width, **options) as tab:
            for name in names:
                file = directory / f"appliance-{name}-{width}-{scheme}.png"
                await photograph(tab, box.visitor.address, name, STATE, file)
                say(f"wrote {file.name}")


async def come_in(browser: Browser, box: Appliance, code: str) -> StorageState:
    """Set the page up and log in; what the browser remembers then."""
    async with visiting(browser, ignore_https_errors=True) as tab:
        await set_up(tab, box.visitor.address, code)
        await log_in(tab)
        return await tab.context.storage_state()


async def main(directory: Path) -> None:
    """Boot, take pictures of the door, come in, let phones talk to an island elsewhere, and take pictures of that."""
    scratch = Path(tempfile.mkdtemp(prefix="appliance-"))
    try:
        with Appliance.powered("screenshots", image().copy(scratch / "card")) as box:
            await asyncio.to_thread(box.await_page)
            code = CODE.search(await asyncio.to_thread(box.info))
            if code is None:
                raise LookupError("no setup code")
            async with chromium() as browser:
                await take(browser, box, DOOR, None, directory)
                known = await come_in(browser, box, code[1])
                await asyncio.to_thread(box.visitor.log_in)
                await asyncio.to_thread(box.machine.shell.run, "sh", "-c", ATTACH)
                async with joined(box, scratch / "far") as far:
                    for name in PHONES:
                        await far.air.phone("add", name=name, platform="ios")

                    async def is_known() -> bool:
                        return "Jun" in await far.knows(PHONES[0])

                    await until(is_known, "phones near and far know each other")
                    await far.air.phone("talk", seconds=60.0, say_every=5.0)
                    await until(lambda: len(far.heard()) >= 3, "messages cross")
                    await take(browser, box, INSIDE, known, directory)
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    where = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs" / "screenshots"
    where.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(where))
