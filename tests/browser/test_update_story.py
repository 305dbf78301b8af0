"""Another version from the page, from a file in the browser to what came of it, over the gateway's own restart.

Whoever puts versions in place is the real one, but for systemd and the making of a version, which have stand-ins.
"""

import os
import re
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from aiohttp import web
from playwright.async_api import Browser, expect

from gateway.admin.access.roles import Role
from gateway.admin.inbox import Inbox
from gateway.admin.update import Updates
from gateway.admin.versions import Versions
from gateway.update import staging
from gateway.update.client import begin
from gateway.update.installation import Clock, Installation
from gateway.update.keys import public_of
from gateway.update.progress import ProgressFile
from gateway.update.protocol import Request
from gateway.update.server import Server
from gateway.update.trial import Look
from hw.recover.admission import Allowed
from tests.admin.visiting import Visited
from tests.app.processes import free_port
from tests.browser.people import visiting
from tests.browser.test_accessibility import violations
from tests.update.box import NEW, Box, make
from tests.update.bundles import MACHINE, SEED, bundle_at

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]
LIVE_MS = 20_000  # a page looks every five seconds


class Appliance:
    """A box with version 0.1.0 on it, whose trials last until somebody lets them go on."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(staging, "MACHINE", MACHINE)
        monkeypatch.setattr(staging, "PYTHON", "cp311")
        monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
        self.box, self.root, self.port = Box(root), root, free_port()
        self.goes_on = threading.Event()
        (root / "keys").mkdir()
        (root / "keys/release.pub").write_text(public_of(SEED).hex())
        (root / "stick").mkdir()
        clock = Clock(lambda: self.box.time, self._sleep, lambda: self.box.time)
        installation = Installation(self.box.tree, self.box.service, self.box.system, clock, make=make)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(root / "sock"))
        self._listener.listen()
        self._server = Server(
            self._listener,
            Allowed(os.getuid()),
            installation,
            root / "keys",
            lambda _line: None,
            progress=ProgressFile(root / "progress.json"),
        )
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            self._server.attend(connection)

    def _sleep(self, seconds: float) -> None:
        self.goes_on.wait()
        self.box.time += seconds

    def close(self) -> None:
        self.goes_on.set()
        self._thread.join(10)
        self._listener.close()

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[str]:
        """One process of the gateway, which knows nothing of one before it; yields where its page is."""

        def ask(request: Request, file: BinaryIO | None) -> str:
            return begin(request, file, self.root / "sock")

        inbox = Inbox(self.root / "state/.bundles")
        inbox.clear()
        versions = Versions(lambda *_: None, inbox, self.box.tree, self.root / "keys", (self.root / "stick",), ask)
        updates = Updates(self.root / "mark", self.box.tree, self.root / "progress.json")
        app = web.Application()
        app.add_routes(Visited(Role.ADMIN, **updates.answers(), **versions.answers()).pages.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True).start()
            yield f"http://127.0.0.1:{self.port}"
        finally:
            inbox.forget()
            await runner.cleanup()


@pytest.fixture
def appliance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found = Appliance(tmp_path, monkeypatch)
    yield found
    found.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
async def test_a_bundle_from_the_browser_is_tried_over_a_restart_and_stays(
    browser: Browser, appliance: Appliance, tmp_path: Path, *, scripts: bool
) -> None:
    bundle = bundle_at(tmp_path / "new.meshgate", version=NEW)
    async with visiting(browser, java_script_enabled=scripts) as ada:
        async with appliance.gateway() as address:
            await ada.goto(f"{address}/update")
            await ada.get_by_label("Bundle", exact=True).set_input_files(bundle)
            await ada.get_by_role("button", name="Send the bundle").click()
            await expect(ada.get_by_text(f"Put {NEW} in place?")).to_be_visible()
            await ada.get_by_role("button", name=f"Put {NEW} in place").click()
            await expect(ada.get_by_text("It has begun")).to_be_visible()
            await ada.get_by_role("status").get_by_role("link", name="Look how far it is").click()
            under_way = ada.get_by_role("region", name=f"{NEW} is being put in place")
            await expect(under_way.get_by_text(f"{NEW} is on trial")).to_be_visible(timeout=LIVE_MS)
            await expect(ada.get_by_role("button", name="Look for bundles")).to_have_count(0)
        if scripts:
            await expect(ada.locator("#pulse")).to_have_text(
                re.compile("not answer|old|no connection|lost", re.IGNORECASE), timeout=LIVE_MS
            )
        async with appliance.gateway() as address:
            if not scripts:
                await ada.goto(f"{address}/update")
            await expect(under_way.get_by_text(f"{NEW} is on trial")).to_be_visible()
            await expect(under_way.get_by_role("progressbar")).to_be_visible()
            if scripts:
                assert await violations(ada) == []
            appliance.goes_on.set()
            if not scripts:
                appliance.close()
                await ada.get_by_role("link", name="Look how far it is").click()
            last = ada.get_by_role("region", name="Last update")
            await expect(last.get_by_text(f"{NEW} was put in place")).to_be_visible(timeout=LIVE_MS)
            await expect(ada.get_by_role("button", name="Go back to 0.1.0")).to_be_visible()
    assert appliance.box.tree.good == NEW


async def test_a_bundle_from_a_stick_that_is_no_good_goes_back_and_the_page_says_why(browser: Browser, appliance: Appliance) -> None:
    bundle_at(appliance.root / "stick/new.meshgate", version=NEW)
    bundle_at(appliance.root / "stick/other.meshgate", version="0.3.0", seed=bytes(32))
    appliance.box.service.behaviour[NEW] = lambda _age: Look(failed=True, restarts=5)
    appliance.goes_on.set()
    async with appliance.gateway() as address, visiting(browser, width=360) as ada:
        await ada.goto(f"{address}/update")
        await ada.get_by_role("button", name="Look for bundles").click()
        told = ada.get_by_role("status")
        await expect(told.get_by_text("2 bundles are there")).to_be_visible()
        await expect(told.get_by_text("signed by a key this box does not trust")).to_be_visible()
        assert await violations(ada) == []
        await told.get_by_role("button", name=f"Choose {NEW}").click()
        await expect(ada.get_by_text(f"Put {NEW} in place?")).to_be_visible()
        assert await violations(ada) == []
        await ada.get_by_role("button", name=f"Put {NEW} in place").click()
        await ada.get_by_role("status").get_by_role("link", name="Look how far it is").click()
        last = ada.get_by_role("region", name="Last update")
        await expect(last.get_by_text(f"{NEW} was no good, and the version before came back")).to_be_visible(timeout=LIVE_MS)
        await expect(last.get_by_text("systemd gave it up")).to_be_visible()
        assert await violations(ada) == []
        assert await ada.evaluate("document.documentElement.scrollWidth") <= 360  # nothing stands out at the side of a phone
    assert appliance.box.tree.current == "0.1.0"
