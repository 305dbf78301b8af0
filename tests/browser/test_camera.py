"""Joining by holding a code before the camera, which Debian's Chromium has no reader of codes for: that part stands in here."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Seen
from tests.browser.people import complaints_of, visiting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(60), pytest.mark.asyncio(loop_scope="session")]

READER = """globalThis.BarcodeDetector = class {
  looks = 0;
  async detect(video) {
    if (!(video instanceof HTMLVideoElement && video.videoWidth)) throw new Error("nothing to look at");
    this.looks += 1;
    return this.looks < 3 ? [{ rawValue: "https://somewhere.example/" }] : [{ rawValue: "MESHGATE:0123ABCD" }];
  }
};"""
BLIND = "globalThis.BarcodeDetector = class {}; navigator.mediaDevices.getUserMedia = async () => { throw new Error('no'); };"


async def test_a_code_held_before_the_camera_is_filled_in_and_another_one_is_not(browser: Browser, seen: Seen) -> None:
    async with visiting(browser, seen.known) as tab:
        complaints = complaints_of(tab)
        await tab.add_init_script(READER)
        await tab.goto(f"{seen.address}/federation")
        await tab.get_by_role("button", name="Scan it with the camera").click()
        await expect(tab.get_by_label("Ticket")).to_have_value("MESHGATE:0123ABCD")
        await expect(tab.get_by_label("Ticket")).to_be_focused()
        await expect(tab.get_by_role("dialog")).to_have_count(0)
        assert complaints == []


async def test_without_a_camera_it_says_what_to_do_and_is_closed_with_the_keyboard(browser: Browser, seen: Seen) -> None:
    async with visiting(browser, seen.known, width=360) as tab:
        await tab.add_init_script(BLIND)
        await tab.goto(f"{seen.address}/federation")
        await tab.get_by_role("button", name="Scan it with the camera").press("Enter")
        await expect(tab.get_by_role("dialog").get_by_role("status")).to_contain_text("Paste the ticket instead")
        await tab.keyboard.press("Escape")
        await expect(tab.get_by_role("dialog")).to_have_count(0)
        await expect(tab.get_by_label("Ticket")).to_have_value("")


async def test_a_browser_that_knows_no_codes_is_offered_no_camera(browser: Browser, seen: Seen) -> None:
    async with visiting(browser, seen.known) as tab:
        await tab.add_init_script("delete globalThis.BarcodeDetector")
        await tab.goto(f"{seen.address}/federation")
        await expect(tab.get_by_label("Ticket")).to_be_visible()
        await expect(tab.get_by_role("button", name="Scan it with the camera")).to_be_hidden()
