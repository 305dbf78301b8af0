"""A phone on the air around the booted box, and one on an island elsewhere: real bluetoothd, our service, libp2p, and back."""

from pathlib import Path

import pytest

from tests.image.boot.appliance import Appliance
from tests.image.boot.boards import SOON_S
from tests.image.boot.elsewhere import PHONE, joined, until
from tests.image.boot.machine import say

pytestmark = [pytest.mark.image, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("role", ["central", "peripheral"])
async def test_what_a_phone_near_the_box_says_is_heard_elsewhere_and_the_answer_comes_back(
    appliance: Appliance, tmp_path: Path, role: str
) -> None:
    name = f"Ada the {role}"
    async with joined(appliance, tmp_path / "far") as far:
        await far.air.phone("add", name=name, platform="ios", role=role)

        async def is_acquainted() -> bool:
            return PHONE in await far.knows(name)

        await until(is_acquainted, "the phone near the box knows the far one", 2 * SOON_S)
        await far.air.phone("say", name=name, text="from the box", expected=[])
        await until(lambda: any(text.startswith("from the box") for text in far.heard()), "the far phone hears it")
        far.says("back to the box")

        async def is_answered() -> bool:
            return "back to the box" in await far.told(name)

        await until(is_answered, "the answer comes back")
        say(f"{name}: {(await far.air.phone('status', name=name))['links']}")
        await far.air.phone("remove", name=name)
