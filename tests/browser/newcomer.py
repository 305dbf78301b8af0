"""Somebody who has never seen Meshgate: from the first command to an answered "why", going by nothing but what is said.

`python tests/browser/newcomer.py DIRECTORY [COMMAND...]` runs `make run`, or that command, reads from its output the address
of the page and the setup code, and goes on by the words on the page. Every step is printed as a sentence, and a picture of
what it led to is written into the directory.
"""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, expect
from playwright.async_api import Page as Tab

ROOT: Final = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.chromium import chromium  # noqa: E402
from tests.browser.people import PASSPHRASE, visiting  # noqa: E402

COMMAND: Final = ("make", "run")
TOLD_S: Final = 120.0  # seconds until the command has said how to come in
STOP_S: Final = 30.0
SEEN_MS: Final = 90_000  # until a message has crossed
ADDRESS: Final = re.compile(r"https?://[^\s/]+/")
CODE: Final = re.compile(r"setup code\W+(?:is\W+)?([A-Z0-9]{2,}(?:-[A-Z0-9]{2,})+)", re.IGNORECASE)


@dataclass
class Newcomer:
    """Somebody with a browser.

    Args:
        tab: of the browser.
        pictures: where pictures of every step are written, None for no pictures.
        say: told every step.
        steps: what was done so far.

    """

    tab: Tab
    pictures: Path | None = None
    say: Callable[[str], None] = print
    steps: list[str] = field(default_factory=list)

    async def did(self, sentence: str) -> None:
        """Say a step, with the heading of the page it has led to, and take a picture of it."""
        heading = (await self.tab.get_by_role("heading", level=1).first.text_content() or "").strip()
        self.steps.append(f"{len(self.steps) + 1}. {sentence} I see the page “{heading}”.")
        self.say(self.steps[-1])
        if self.pictures is not None:
            await self.tab.screenshot(path=self.pictures / f"newcomer-{len(self.steps):02d}.png")

    async def fill(self, label: str, text: str) -> None:
        """Write into the field of that label."""
        await self.tab.get_by_label(label, exact=True).fill(text)

    async def press(self, button: str) -> None:
        """Press the button with that name."""
        await self.tab.get_by_role("main").get_by_role("button", name=button, exact=True).click()

    async def follow(self, link: str) -> None:
        """Follow the first link with that name."""
        await self.tab.get_by_role("link", name=link, exact=True).first.click()

    async def arrive(self, address: str, code: str) -> str:
        """Go from the address and the code to an answered why; returns what it says."""
        await self.tab.goto(address)
        await self.did(f"The terminal names the address {address} and the setup code {code}. I open the address.")
        await self.fill("Setup code", code)
        await self.fill("New passphrase", PASSPHRASE)
        await self.press("Set the passphrase")
        name = await self.tab.get_by_label("Name", exact=True).input_value()
        await self.did("I write the code, choose a passphrase and press “Set the passphrase”.")
        if not name:
            await self.fill("Name", "admin")
        await self.fill("Passphrase", PASSPHRASE)
        await self.press("Log in")
        await expect(self.tab.get_by_role("navigation")).to_be_visible()
        await self.did("I log in with it.")
        await self.follow("Messages")
        await expect(self.tab.get_by_role("heading", level=1, name="Messages")).to_be_visible()
        await self.did("In the menu I follow “Messages”.")
        await self.follow("Crossed")
        why = self.tab.get_by_role("link", name=re.compile(r"^Why\?")).first
        await expect(why).to_be_visible(timeout=SEEN_MS)
        await self.did("I want to see those that have “Crossed” to another island.")
        await why.click()
        story = self.tab.get_by_role("region", name="What became of it")
        await expect(story.get_by_role("listitem").first).to_be_visible()
        await self.did("Beside one I follow “Why?”.")
        told = [
            " ".join((await one.get_by_role("paragraph").first.inner_text()).split()) for one in await story.get_by_role("listitem").all()
        ]
        return " ".join(told)


@asynccontextmanager
async def started(*command: str) -> AsyncIterator[Process]:
    """Run a command in a group of its own while the context lasts, then interrupt it as Ctrl-C does."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True
    )
    reading: asyncio.Task[bytes] | None = None
    try:
        yield process
    finally:
        if process.stdout is not None:
            reading = asyncio.create_task(process.stdout.read())
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if reading is not None:
            await reading


async def way_in(process: Process) -> tuple[str, str]:
    """Read what a command says until it has named an address of a page and a setup code."""
    told = ""
    async with asyncio.timeout(TOLD_S):
        while process.stdout is not None and (line := await process.stdout.readline()):
            told += line.decode(errors="replace")
            address, code = ADDRESS.search(told), CODE.search(told)
            if address is not None and code is not None:
                return address[0], code[1]
    raise LookupError(f"nothing was said about a page and a setup code:\n{told}")


async def comes(browser: Browser, command: Sequence[str], pictures: Path | None, say: Callable[[str], None] = print) -> str:
    """Send a newcomer; returns what the answered why says."""
    async with started(*command) as process, visiting(browser) as tab:
        address, code = await way_in(process)
        answer = await Newcomer(tab, pictures, say).arrive(address, code)
        say(f"The answer: {answer}")
        return answer


async def main(directory: Path, command: Sequence[str]) -> None:
    """Send one, with pictures."""
    async with chromium() as browser:
        await comes(browser, command, directory)


if __name__ == "__main__":
    where = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build" / "newcomer"
    where.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(where, sys.argv[2:] or COMMAND))
