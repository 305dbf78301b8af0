"""What pages say of things whose end they do not see, and of addresses that have to be told over the phone."""

import asyncio

from gateway.admin.route import Call
from tests.admin.visiting import SITE, Visited


async def test_a_wipe_that_has_begun_is_answered_before_the_gateway_is_gone() -> None:
    gone = asyncio.Event()

    async def wipe(_call: Call) -> None:
        await gone.wait()

    visited = Visited(wipe=wipe)
    code, text, _ = await visited.ask("/security", {"do": "wipe", "confirm": "wipe"})
    gone.set()
    assert code == 200
    assert "Everything is being erased" in text


async def test_addresses_beside_a_short_code_say_whose_they_are() -> None:
    _, text, _ = await Visited().ask("/federation", {"do": "invite", "valid_s": "3600"})
    assert f"wss://127.0.0.1:1#{SITE}" in text
