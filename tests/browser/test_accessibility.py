"""What axe-core finds on every page: two widths, two themes, read from the left and from the right."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser
from playwright.async_api import Page as Tab

from gateway.admin.access.roles import Role
from tests.browser.chromium import WIDTHS
from tests.browser.conftest import Seen
from tests.browser.people import PASSPHRASE, everywhere, visiting
from tests.browser.sites import running, site, until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="session")]

VENDOR = Path(__file__).parent / "vendor"
AXE = (VENDOR / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
Theme = Literal["light", "dark"]


async def violations(tab: Tab) -> list[str]:
    """Everything axe has against the page as it is shown now, a line each."""
    if await tab.evaluate("typeof axe") == "undefined":
        await tab.evaluate(f"() => {{ {AXE} }}")  # what the policy of the page forbids scripts does not hold for the debugger
    found: Any = await tab.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", RULES)
    return [
        f"{one['id']}: {one['help']}\n    {node['html'][:200]}\n    {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


async def report(tab: Tab, place: str, themes: Sequence[Theme] = ("light", "dark")) -> list[str]:
    """The same at every width and in these themes, with what was looked at."""
    found = []
    for width in WIDTHS:
        await tab.set_viewport_size({"width": width, "height": 800})
        for theme in themes:
            await tab.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found += [f"{place} at {width} px, {theme}: {one}" for one in await violations(tab)]
    return found


async def test_axe_is_the_one_its_note_says() -> None:
    noted = re.search(r"[0-9a-f]{64}", (VENDOR / "README.md").read_text())
    assert noted is not None
    assert hashlib.sha256((VENDOR / "axe.min.js").read_bytes()).hexdigest() == noted[0]


async def test_axe_finds_what_is_wrong(browser: Browser) -> None:
    async with visiting(browser) as tab:
        await tab.set_content('<html lang="en"><title>A page</title><main><button></button><p style="color: #ccc">Pale</p></main></html>')
        found = await violations(tab)
        assert {line.partition(":")[0] for line in found} == {"button-name", "color-contrast"}


@pytest.mark.parametrize(("language", "themes"), [("en", ("light", "dark")), ("ar", ("light",))])  # colours are the same in all
async def test_nothing_on_any_page_keeps_anybody_out(browser: Browser, seen: Seen, language: str, themes: Sequence[Theme]) -> None:
    async with visiting(browser, seen.known, locale="en") as tab:
        places = await everywhere(tab, seen.address)
    found = []
    async with visiting(browser, seen.known, locale=language) as tab:
        for place in places:
            await tab.goto(place)
            found += await report(tab, place.removeprefix(seen.address), themes)
    assert not found, "\n".join(found)


async def test_what_pages_answer_to_forms_keeps_nobody_out(browser: Browser, seen: Seen) -> None:
    found = []
    async with visiting(browser, seen.known) as tab:
        await tab.goto(f"{seen.address}/federation")
        await tab.get_by_role("button", name="Make an invitation").click()
        found += await report(tab, "an invitation")
        await tab.goto(f"{seen.address}/policy")
        await tab.get_by_role("button", name="Try them").click()
        found += await report(tab, "a trial")
        await tab.goto(f"{seen.address}/security")
        await tab.get_by_label("Write wipe to confirm").fill("no")
        await tab.get_by_role("button", name="Erase everything").click()
        found += await report(tab, "a refusal")
    assert not found, "\n".join(found)


async def test_nothing_at_the_door_keeps_anybody_out(browser: Browser, tmp_path: Path) -> None:
    gate = site(tmp_path, "Gate", ())
    found = []
    async with running(gate), visiting(browser) as tab:
        await until(lambda: gate.listens)
        await tab.goto(gate.address)
        found += await report(tab, "the setup")
        await gate.page.entrance.add_user("ada", Role.ADMIN, PASSPHRASE)
        await tab.goto(gate.address)
        found += await report(tab, "the login")
        await tab.get_by_label("Name", exact=True).fill("bob")
        await tab.get_by_label("Passphrase", exact=True).fill("wrong horse")
        await tab.get_by_role("button", name="Log in").click()
        found += await report(tab, "a login that is refused")
    assert not found, "\n".join(found)
