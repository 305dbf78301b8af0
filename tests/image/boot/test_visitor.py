"""Who visits the machine's page, at a page that runs here: what is said of the machine rests on it."""

import asyncio

import pytest

from tests.admin.door import make_door, opened
from tests.browser.people import NAME
from tests.image.boot.visitor import Visitor


def visitor_at(door):
    return Visitor({443: door.address.port}, secure=443)


async def test_the_setup_code_lets_them_in_and_a_token_speaks_for_them(tmp_path):
    async with opened(make_door(tmp_path, secure=True)) as door:
        visitor = visitor_at(door)
        code = door.entrance.code.issue(door.entrance.now())
        await asyncio.to_thread(visitor.set_up, code)
        assert door.entrance.vault.accounts.user(NAME).role == "admin"
        await asyncio.to_thread(visitor.log_in)
        assert (await asyncio.to_thread(visitor.api, "GET", "session"))["name"]
        with pytest.raises(AssertionError, match="404"):
            await asyncio.to_thread(visitor.api, "GET", "nothing-of-the-kind")
    assert len(visitor.fingerprint) == 64


async def test_a_wrong_code_is_seen(tmp_path):
    async with opened(make_door(tmp_path, secure=True)) as door:
        with pytest.raises(AssertionError):
            await asyncio.to_thread(visitor_at(door).set_up, "AAAA-BBBB-CCCC")


async def test_nobody_there_is_no_answer():
    assert not Visitor({80: 9}).is_there()
