"""What people come to the page for, from beginning to end, with real gateways and by the words on the page."""

import re
import time
from pathlib import Path
from random import Random

import pytest
from playwright.async_api import Browser, Locator, expect
from playwright.async_api import Page as Tab

from gateway.mesh.identity import Identity
from tests.bridge.sites import Author
from tests.browser.boxes import Box, switched_on, write_box
from tests.browser.conftest import Seen
from tests.browser.people import follow, log_in, set_up, visiting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="session")]
TEXT = "meet me at the old mill"
LINKED_MS = 60_000  # until two gateways have each other; the page looks every few seconds


async def move_in(tab: Tab, box: Box) -> None:
    """Set a gateway up and log in."""
    await set_up(tab, box.address, box.code)
    await log_in(tab)


def member(tab: Tab) -> Locator:
    """The first member of the federation, in the table."""
    return tab.get_by_role("table", name="Members").get_by_role("row").nth(1)


async def test_from_the_first_boot_of_two_gateways_to_a_message_on_the_other_island_and_why(browser: Browser, tmp_path: Path) -> None:
    hall, hut = write_box(tmp_path / "hall"), write_box(tmp_path / "hut")
    author, feed = Author(Identity.generate(Random(5).randbytes), int(time.time() * 1000)), tmp_path / "in.hex"
    feed.write_text("".join(f"{frame.hex()}\n" for frame in (author.announce(), author.say(TEXT))))
    async with (
        switched_on(hall, "--simulate", 3, "--feed", feed) as here,
        switched_on(hut, "--simulate", 2) as there,
        visiting(browser) as ada,
        visiting(browser, width=360) as boris,
    ):
        await move_in(ada, here)
        await move_in(boris, there)
        await follow(ada, "Status")
        await expect(ada.get_by_text("4 phones near. Not linked to any site.")).to_be_visible()

        await follow(ada, "Federation")
        await ada.get_by_label("It can be used for").select_option("24 h")
        await ada.get_by_role("button", name="Make an invitation").click()
        ticket = await ada.get_by_role("status").get_by_text(re.compile("^MESHGATE:")).inner_text()
        await follow(boris, "Federation")
        await boris.get_by_label("Ticket", exact=True).fill(ticket)
        await boris.get_by_role("button", name="Join").click()
        await expect(boris.get_by_role("status").get_by_text("Joined")).to_be_visible()
        await follow(ada, "Federation")
        await expect(member(ada).get_by_text("Linked", exact=True)).to_be_visible(timeout=LINKED_MS)
        await expect(member(ada).get_by_role("rowheader")).to_have_text("hut", timeout=LINKED_MS)  # with its next announce

        await follow(boris, "Status")
        await expect(boris.get_by_text(re.compile(r"2 phones near\. Linked to 1 site\."))).to_be_visible(timeout=LINKED_MS)
        await follow(ada, "Messages")
        await ada.get_by_role("link", name="Crossed", exact=True).click()
        crossed = ada.get_by_role("table", name="Messages").get_by_role("row", name=re.compile("^Public message")).first
        await expect(crossed).to_be_visible(timeout=LINKED_MS)
        await crossed.get_by_role("link", name=re.compile("^Why")).click()
        story = ada.get_by_role("region", name="What became of it")
        await expect(story.get_by_text(re.compile("hut|other site|site", re.IGNORECASE)).first).to_be_visible()
        name = await story.get_by_text(re.compile(r"^[0-9a-f]{32}$")).first.inner_text()

        await follow(boris, "Messages")
        await boris.get_by_role("link", name=f"Why? Message {name}").click(timeout=LINKED_MS)
        await expect(boris.get_by_role("region", name="What became of it").get_by_role("listitem").first).to_be_visible()
        assert TEXT not in await ada.content() + await boris.content()  # no page says what people write


async def test_a_site_comes_in_with_the_short_code_and_is_shut_out_again(browser: Browser, tmp_path: Path) -> None:
    hall, hut = write_box(tmp_path / "hall"), write_box(tmp_path / "hut")
    async with (
        switched_on(hall, "--simulate", 0) as here,
        switched_on(hut, "--simulate", 0) as there,
        visiting(browser) as ada,
        visiting(browser) as boris,
    ):
        await move_in(ada, here)
        await move_in(boris, there)
        await follow(ada, "Federation")
        await ada.get_by_role("button", name="Make an invitation").click()
        made = ada.get_by_role("status")
        code = await made.get_by_text(re.compile(r"^[0-9A-Z]{5}(-[0-9A-Z]{5}){4}$")).inner_text()
        address = await made.get_by_text(re.compile("^wss://")).first.inner_text()

        await follow(boris, "Federation")
        guest = await boris.get_by_text(re.compile("^12D3Koo")).first.inner_text()
        await boris.get_by_label("Ticket", exact=True).fill("AAAA-AAAA")
        await boris.get_by_label("Address of the other gateway").fill(address)
        await boris.get_by_role("button", name="Join").click()
        await expect(boris.get_by_role("alert").get_by_text("This was not done")).to_be_visible()
        await boris.get_by_label("Ticket", exact=True).fill(code)
        await boris.get_by_label("Address of the other gateway").fill(address)
        await boris.get_by_role("button", name="Join").click()
        await expect(boris.get_by_role("status").get_by_text(re.compile("Joined|Waiting for an answer"))).to_be_visible()
        await follow(ada, "Federation")
        await expect(member(ada).get_by_text("Linked", exact=True)).to_be_visible(timeout=LINKED_MS)

        await ada.get_by_text("Shut out a gateway, or leave").click()
        await ada.get_by_label("Which gateway").fill(guest[:16])
        await ada.get_by_label("Write revoke to confirm").fill("revoke")
        await ada.get_by_role("button", name="Shut out a gateway").click()
        await expect(ada.get_by_role("status").get_by_text("Done")).to_be_visible()
        await expect(ada.get_by_role("table", name="Shut out").get_by_role("row").nth(1)).to_contain_text(guest[:8])
        await follow(boris, "Federation")
        await expect(boris.get_by_text("Nobody belongs to the federation yet.")).to_be_visible(timeout=LINKED_MS)


async def test_rules_are_tried_on_the_past_and_change_nothing(browser: Browser, seen: Seen) -> None:
    async with visiting(browser, seen.known) as tab:
        await tab.goto(seen.address)
        await follow(tab, "Policy")
        rules = tab.get_by_role("region", name="Rules in force")
        before = await rules.inner_text()
        await tab.get_by_label("Rules, in TOML").fill('default = "deny"\n')
        await tab.get_by_role("button", name="Try them").click()
        told = tab.get_by_role("status")
        await expect(told.get_by_text(re.compile(r"[1-9]\d* messages? would have fared differently in the last 24 h"))).to_be_visible()
        await expect(told.get_by_text("The rules in force have not changed.")).to_be_visible()
        assert await rules.inner_text() == before
        await tab.get_by_label("Rules, in TOML").fill('default = "perhaps"\n')
        await tab.get_by_role("button", name="Try them").click()
        await expect(tab.get_by_role("alert").get_by_text("perhaps")).to_be_visible()
        await expect(tab.get_by_label("Rules, in TOML")).to_have_value('default = "perhaps"\n')


async def test_a_setting_is_changed_and_the_comment_beside_it_stays(browser: Browser, tmp_path: Path) -> None:
    config = write_box(tmp_path / "hall")
    comment = "# agreed with the fire brigade on Sunday"
    config.write_text(config.read_text().replace('mode = "open"', f'mode = "open"  {comment}'))
    async with switched_on(config, "--simulate", 0) as here, visiting(browser) as ada:
        await move_in(ada, here)
        await follow(ada, "Settings")
        await ada.get_by_role("main").get_by_text("bridge", exact=True).first.click()
        await ada.get_by_label("bridge.mode", exact=True).select_option("off")
        await ada.get_by_role("button", name="Preview the change").click()
        told = ada.get_by_role("status")
        await expect(told.get_by_text("One setting would be written")).to_be_visible()
        assert 'mode = "open"' in config.read_text()
        await told.get_by_role("button", name="Save").click()
        await expect(ada.get_by_role("status").get_by_text("Saved")).to_be_visible()
    written = config.read_text()
    assert f'mode = "off"  {comment}' in written
    async with switched_on(config, "--simulate", 0) as again, visiting(browser) as ada:
        await ada.goto(again.address)
        await log_in(ada)
        await expect(ada.get_by_text("Open bridge")).to_have_count(0)


async def test_another_box_becomes_the_gateway_of_a_backup(browser: Browser, tmp_path: Path) -> None:
    hall, fresh = write_box(tmp_path / "hall"), write_box(tmp_path / "spare")
    file = tmp_path / "hall.backup"
    opens = "seven quiet otters swim"
    async with switched_on(hall, "--simulate", 0) as here, visiting(browser, accept_downloads=True) as ada:
        await move_in(ada, here)
        await follow(ada, "Federation")
        name = await ada.get_by_text(re.compile("^12D3Koo")).first.inner_text()
        await follow(ada, "Backup")
        make = ada.get_by_role("region", name="Make a backup")
        await make.get_by_label("Passphrase of the backup").fill(opens)
        await make.get_by_label("The same again").fill(opens)
        await make.get_by_role("button", name="Make a backup").click()
        async with ada.expect_download() as download:
            await ada.get_by_role("link", name="Fetch the backup").click()
        await (await download.value).save_as(file)
    assert name.encode() not in file.read_bytes()
    async with switched_on(fresh, "--simulate", 0) as there, visiting(browser) as ada:
        await move_in(ada, there)
        await follow(ada, "Backup")
        restore = ada.get_by_role("region", name="Restore a backup")
        await restore.get_by_label("Passphrase of the backup").fill(opens)
        await restore.get_by_label("File").set_input_files(file)
        await restore.get_by_role("button", name="Look what is in it").click()
        told = ada.get_by_role("status")
        await expect(told.get_by_role("definition").filter(has_text="hall")).to_be_visible()
        await told.get_by_label("The passphrase once more").fill(opens)
        await told.get_by_label("Write restore to confirm").fill("restore")
        await told.get_by_role("button", name="Restore a backup").click()
        await expect(ada.get_by_role("status").get_by_text("The backup is restored")).to_be_visible()
        assert await there.process.wait() == 75
    async with switched_on(fresh, "--simulate", 0) as again, visiting(browser) as ada:
        assert again.code == ""
        await ada.goto(again.address)
        await log_in(ada)
        await follow(ada, "Federation")
        await expect(ada.get_by_text(name).first).to_be_visible()


async def test_after_a_wipe_the_gateway_knows_nobody_and_asks_to_be_set_up(browser: Browser, tmp_path: Path) -> None:
    config = write_box(tmp_path / "hall")
    async with visiting(browser) as ada:
        async with switched_on(config, "--simulate", 0) as here:
            await move_in(ada, here)
            await follow(ada, "Security")
            await ada.get_by_label("Write wipe to confirm").fill("everything")
            await ada.get_by_role("button", name="Erase everything").click()
            await expect(ada.get_by_role("alert").get_by_text("Nothing was erased")).to_be_visible()
            await ada.get_by_label("Write wipe to confirm").fill("wipe")
            await ada.get_by_role("button", name="Erase everything").click()
            await expect(ada.get_by_text("The gateway ends now and starts again as a new one.")).to_be_visible()
            assert await here.process.wait() == 75
            assert not [one for one in (tmp_path / "hall/state").rglob("*") if one.is_file()]
        async with switched_on(config, "--simulate", 0) as again:
            assert again.code not in {"", here.code}
            await set_up(ada, again.address, again.code)
            await log_in(ada)
            await follow(ada, "Status")
            await expect(ada.get_by_text("Not linked to any site.")).to_be_visible()
