"""A gateway on this machine, with an island of simulated phones: what is far away for those near the box."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.admin.client import join
from gateway.admin.federation import JoinRequest
from gateway.mesh.effects import PublicMessage
from gateway.mesh.events import Say
from tests.app.processes import free_port
from tests.browser.sites import Site, running, site
from tests.image.boot.appliance import Appliance
from tests.image.boot.boards import SOON_S
from tests.image.boot.machine import POLL_S
from tests.rig.air_client import AirClient

NICKNAME: Final = "Far hut"
PHONE: Final = "Jun"
LIBP2P: Final = 4001


@dataclass(frozen=True)
class Elsewhere:
    """The far gateway, joined to the box.

    Args:
        site: it.
        air: around the box.

    """

    site: Site
    air: AirClient

    def says(self, text: str) -> None:
        """Have the far phone say something."""
        self.site.radio.command(PHONE, Say(text))

    def heard(self) -> list[str]:
        """What the far phone was told, in order."""
        return [one.effect.text for one in self.site.radio.island.notices if one.node == PHONE and isinstance(one.effect, PublicMessage)]

    async def told(self, name: str) -> list[str]:
        """What a phone near the box was told."""
        return [entry["text"] for entry in (await self.air.phone("log", name=name))["log"]]

    async def knows(self, name: str) -> set[str]:
        """Whom a phone near the box knows."""
        return set((await self.air.phone("status", name=name))["peers"].values())


async def until(holds: Callable[[], Any], what: str, seconds: float = SOON_S) -> None:
    """Wait until something holds that is found out in whatever way.

    Raises:
        AssertionError: it does not.

    """
    try:
        async with asyncio.timeout(seconds):
            while True:
                found = holds()
                if await found if asyncio.iscoroutine(found) else found:
                    return
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {seconds:.0f} s") from None


def can_be_called(far: Site) -> bool:
    """Whether it has an address: until then it cannot call anybody either."""
    found = far.gateway.status().transports.get("libp2p")
    return found is not None and bool(found.addresses)


@asynccontextmanager
async def joined(appliance: Appliance, directory: Path) -> AsyncIterator[Elsewhere]:
    """Run a far gateway that was let in with a ticket of the box, as long as the context lasts."""
    assert appliance.control is not None
    await asyncio.to_thread(directory.mkdir)
    libp2p = ("transports.libp2p.enabled=true", f'transports.libp2p.listen=["/ip4/127.0.0.1/tcp/{free_port()}"]')
    far = site(directory, NICKNAME, (PHONE,), *libp2p, 'bridge.mode="open"')
    address = f"/ip4/127.0.0.1/tcp/{appliance.machine.ports[LIBP2P]}"
    async with running(far), AirClient(str(appliance.control)) as air:
        invited = await asyncio.to_thread(appliance.visitor.api, "POST", "federation/invite", {"addresses": [address]})
        await until((directory / "control.sock").exists, "the far gateway runs")
        await until(lambda: can_be_called(far), "the far gateway has libp2p")
        answer = await join(directory / "control.sock", JoinRequest(invited["ticket"], patience_s=60.0))
        assert answer.state in {"joined", "waiting"}, answer
        await until(lambda: far.gateway.status().bridge.sites == 1, "the two are linked")
        yield Elsewhere(far, air)
