"""The page of the demo's first gateway: opened with the code the demo prints, and its first choices written."""

import asyncio
import html
import re

import aiohttp
import pytest

from tests.app.processes import meshgate
from tests.app.test_page import GOOD, send

pytestmark = pytest.mark.timeout(90)


async def test_whoever_starts_the_demo_comes_into_its_page_with_what_it_prints() -> None:
    async with meshgate("demo", "--transport", "websocket", "--seconds", 600, "--json") as demo:
        assert demo.stderr is not None
        found = None
        while found is None:
            line = (await demo.stderr.readline()).decode()
            assert line, "the demo ended"
            found = re.search(r"The page of North: (http://127\.0\.0\.1:\d+)/ \(setup code (\S+)\)", line)
        drained = asyncio.create_task(demo.stderr.read())
        url, code = found[1], found[2]
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            assert await send(session, f"{url}/setup", code=code, name="ada", passphrase=GOOD) == (303, "/login")
            assert await send(session, f"{url}/login", name="ada", passphrase=GOOD) == (303, "/welcome")
            async with session.get(f"{url}/welcome") as shown:
                seal = re.search(r'name="form" value="(\w+)"', await shown.text())
            assert seal is not None
            chosen = {"form": seal[1], "do": "look", "nickname": "Hut", "place": "48.2, 16.37", "mode": "consent"}
            async with session.post(f"{url}/welcome", data=chosen, headers={"Origin": url}) as preview:
                text = await preview.text()
            form = text[text.index('value="save"') :].partition("</form>")[0]
            hidden = {name: html.unescape(value) for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)}
            assert hidden["place"] == "u2edhw"
            async with session.post(f"{url}/welcome", data={"do": "save", **hidden}, headers={"Origin": url}) as saved:
                assert saved.status == 200, await saved.text()
            async with session.post(f"{url}/welcome", data={"form": seal[1], "do": "restart"}, headers={"Origin": url}) as refused:
                assert refused.status == 409
                assert "belongs to a demonstration" in await refused.text()
            async with session.get(f"{url}/api/v1/config") as config:
                values = {one["key"]: one["value"] for one in (await config.json())["settings"]}
        assert (values["gateway.nickname"], values["bridge.cell"], values["bridge.mode"]) == ("Hut", "u2edhw", "consent")
        demo.terminate()
        await asyncio.sleep(0)
        demo.terminate()
        await drained
