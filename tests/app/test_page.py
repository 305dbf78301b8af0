"""The page of a real gateway process: set up with the code from its log, and gone with a wipe."""

import asyncio
import json
import re
import ssl
import urllib.parse
from pathlib import Path

import aiohttp
import pytest
import tomlkit

from gateway.admin import client
from gateway.admin.wipe import WORD, WipeRequest
from tests.app.processes import free_port, meshgate, until, write_site

pytestmark = pytest.mark.timeout(60)

GOOD = "correct horse battery staple"


def with_page(directory: Path) -> tuple[Path, str]:
    """Write a gateway with a page; returns its configuration and where the page is."""
    config, port = write_site(directory), free_port()
    document = tomlkit.parse(config.read_text())
    document["page"] = {"listen": [f"127.0.0.1:{port}"]}
    config.write_text(tomlkit.dumps(document))
    return config, f"https://127.0.0.1:{port}"


async def send(session: aiohttp.ClientSession, url: str, **fields: str) -> tuple[int, str]:
    """Load a form and send it, as a browser does."""
    async with session.get(url) as shown:
        seal = re.search(r'name="form" value="(\w+)"', await shown.text())
    assert seal is not None
    origin = url.rpartition("/")[0]
    data = urllib.parse.urlencode({"form": seal[1], **fields})
    headers = {"Origin": origin, "Content-Type": "application/x-www-form-urlencoded"}
    async with session.post(url, data=data, headers=headers, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", "")


async def test_the_code_in_the_log_sets_the_page_up_the_certificate_is_the_one_in_the_log_and_a_wipe_ends_it_all(tmp_path: Path) -> None:
    config, url = with_page(tmp_path / "meshgate")
    state = tmp_path / "meshgate" / "state"
    async with meshgate("run", "--simulate", 0, "--config", config, "--log-format", "json") as gateway:
        await until(config, lambda _: True)
        assert gateway.stderr is not None
        told = ""
        while "The setup code is" not in told:
            told += json.loads(await gateway.stderr.readline())["sentence"] + "\n"
        code, fingerprint = re.search(r"code is (\S+)", told), re.search(r"certificate: (\S+)", told)
        assert code is not None
        assert fingerprint is not None
        drained = asyncio.create_task(gateway.stderr.read())
        pinned = aiohttp.Fingerprint(bytes.fromhex(fingerprint[1].replace(":", "")))
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=pinned), cookie_jar=jar) as session:
            assert await send(session, f"{url}/setup", code=code[1], name="ada", passphrase=GOOD) == (303, "/login")
            assert await send(session, f"{url}/login", name="ada", passphrase=GOOD) == (303, "/welcome")
            assert (await send(session, f"{url}/welcome", do="restart"))[0] == 409  # it has only just started
            async with session.get(f"{url}/api/v1/session") as who:
                assert (await who.json())["role"] == "admin"
        socket = config.parent / "control.sock"
        again = await client.make_setup_code(socket)
        assert (again.fingerprint, again.addresses) == (fingerprint[1], (f"{url.replace('https', 'http')}/",))
        assert {"access.json", "page.crt", "page.key"} <= {path.name for path in state.iterdir()}
        assert not (await client.wipe(socket, WipeRequest(WORD))).failed
        await drained
    assert not {"access.json", "page.crt", "page.key"} & {path.name for path in state.iterdir()}


async def test_a_restart_asks_for_the_passphrase_and_for_no_code(tmp_path: Path) -> None:
    config, url = with_page(tmp_path / "hut")
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    fingerprints, told = set(), ""
    for first in (True, False):
        async with meshgate("run", "--simulate", 0, "--config", config) as gateway:
            await until(config, lambda _: True)
            made = await client.make_setup_code(config.parent / "control.sock")
            fingerprints.add(made.fingerprint)
            connector = aiohttp.TCPConnector(ssl=trusting)
            async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
                if first:
                    assert (await send(session, f"{url}/setup", code=made.code, name="ada", passphrase=GOOD))[0] == 303
                assert (await send(session, f"{url}/login", name="ada", passphrase=GOOD))[0] == 303
            gateway.terminate()
            told = (await gateway.communicate())[1].decode()
    assert len(fingerprints) == 1
    assert "setup code" not in told
