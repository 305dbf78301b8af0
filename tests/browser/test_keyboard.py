"""Everything on every page is reached with the keyboard, in order, and seen; nothing moves where that is not wanted."""

from typing import Any

import pytest
from playwright.async_api import Browser, expect
from playwright.async_api import Page as Tab

from tests.browser.chromium import WIDTHS
from tests.browser.conftest import Seen
from tests.browser.people import everywhere, follow, visiting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="session")]

CONTROLS = """() => {
  const all = document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']");
  const first = (one) => document.querySelector(`[name="${one.name}"]:checked`) ?? document.querySelector(`[name="${one.name}"]`);
  const stops = (one) => !one.disabled && (one.type !== "radio" || one === first(one)); // the others are reached with the arrows
  window.controls = [...all].filter((one) => stops(one) && one.checkVisibility({ visibilityProperty: true }));
  return window.controls.map((one) => one.outerHTML.slice(0, 120));
}"""
"""What can be reached, in the order of the document."""
FOCUSED = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  const middle = (from, to, most) => (Math.max(0, from) + Math.min(most, to)) / 2;
  const under = document.elementFromPoint(middle(box.left, box.right, innerWidth), middle(box.top, box.bottom, innerHeight));
  return {
    at: window.controls.indexOf(one),
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    shown: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    covered: !(under && (one.contains(under) || under.contains(one) || one.labels?.[0]?.contains(under))),
    name: one.outerHTML.slice(0, 120),
  };
}"""
COUNTED = """() => {
  const old = Element.prototype.animate;
  window.moved = 0;
  Element.prototype.animate = function (...all) {
    window.moved += 1;
    return old.apply(this, all);
  };
}"""
MOVING = "document.getAnimations().length"
DURATIONS = "() => [...document.querySelectorAll('a, button')].filter((one) => getComputedStyle(one).transitionDuration !== '0s').length"


async def walk(tab: Tab, place: str) -> None:
    """Press Tab from the beginning of a page to its end, and once back."""
    await tab.evaluate("document.querySelectorAll('[data-live]').forEach((one) => delete one.dataset.live)")
    controls: list[str] = await tab.evaluate(CONTROLS)
    await tab.evaluate("document.activeElement.blur()")
    for number, expected in enumerate(controls):
        await tab.keyboard.press("Tab")
        found: Any = await tab.evaluate(FOCUSED)
        assert found["at"] == number, (place, "out of order, or a trap", found["name"], expected)
        assert found["outline"] >= 2, (place, "not seen to have the focus", found["name"])
        assert found["shown"], (place, "outside of what is seen", found["name"])
        assert not found["covered"], (place, "covered", found["name"])
    await tab.keyboard.press("Shift+Tab")
    assert (await tab.evaluate(FOCUSED))["at"] == len(controls) - 2, (place, "no way back")


@pytest.mark.parametrize("width", WIDTHS)
async def test_every_control_is_reached_in_the_order_in_which_it_stands_there_and_is_seen(browser: Browser, seen: Seen, width: int) -> None:
    async with visiting(browser, seen.known, width=width, reduced_motion="reduce") as tab:
        for place in await everywhere(tab, seen.address):
            await tab.goto(place)
            await walk(tab, place.removeprefix(seen.address))


async def test_the_first_stop_leads_past_the_menu(browser: Browser, seen: Seen) -> None:
    async with visiting(browser, seen.known) as tab:
        await tab.goto(f"{seen.address}/federation")
        await tab.keyboard.press("Tab")
        leap = tab.get_by_role("link", name="Skip to the content")
        await expect(leap).to_be_focused()
        await expect(leap).to_be_in_viewport()
        await tab.keyboard.press("Enter")
        await expect(tab.get_by_role("main")).to_be_focused()
        await tab.keyboard.press("Tab")
        await expect(tab.get_by_label("It can be used for")).to_be_focused()


async def test_somebody_is_invited_with_the_keyboard_alone_and_is_led_to_what_came_of_it(browser: Browser, seen: Seen) -> None:
    async with visiting(browser, seen.known) as tab:
        await tab.goto(seen.address)
        for _ in range(40):
            await tab.keyboard.press("Tab")
            if await tab.evaluate("document.activeElement.textContent") == "Federation":
                break
        await tab.keyboard.press("Enter")
        await expect(tab.get_by_role("heading", level=1, name="Federation")).to_be_visible()
        choice = tab.get_by_label("It can be used for")
        await choice.focus()
        await tab.keyboard.press("ArrowDown")
        await expect(choice).to_have_value("86400")
        await tab.keyboard.press("Tab")
        await tab.keyboard.press("Enter")
        told = tab.get_by_role("status").filter(has_text="The invitation is ready")
        await expect(told).to_be_focused()
        await tab.keyboard.press("Tab")
        await expect(told.locator(":focus")).to_have_count(1)


async def test_nothing_moves_where_that_is_not_wanted(browser: Browser, seen: Seen) -> None:
    moved: dict[str, int] = {}
    for wish in ("reduce", "no-preference"):
        async with visiting(browser, seen.known, reduced_motion=wish) as tab:
            await tab.goto(seen.address)
            await follow(tab, "Topology")
            await tab.evaluate(COUNTED)
            before = await tab.evaluate("({...document.getElementById('map').dataset}).out")
            await expect(tab.locator("#map")).not_to_have_attribute("data-out", before, timeout=30_000)
            moved[wish] = await tab.evaluate("window.moved")
            assert (await tab.evaluate(DURATIONS) == 0) == (wish == "reduce")
            assert (await tab.evaluate(MOVING) == 0) or wish != "reduce"
    assert moved["reduce"] == 0
    assert moved["no-preference"] > 0
