"""A registry of phones on an air of their own."""

import asyncio

from tests.rig.air import Air
from tests.rig.controllers import Station
from tests.rig.phones import Phones
from tests.testing.virtual_loop import run

PACE = {"advertise_ms": 100.0}


class Stage:
    def __init__(self):
        self.air = Air()
        self.phones = Phones(self.plug, self.air.remove_controller, wall=asyncio.get_running_loop().time)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_exc):
        await self.phones.close()

    def plug(self, name):
        return Station(name, self.air, f"F0:F1:F2:F3:F4:{len(self.air.stations):02X}")

    def radio(self, name):
        return self.phones.phones[name].radio

    async def do(self, verb, **request):
        return await self.phones.handle({"do": verb, **request})

    async def add(self, *names, **options):
        for name in names:
            await self.do("add", name=name, **{"pace": PACE, **options})

    def reach(self, a, b, *, up):
        self.air.set_contact([a], [b], up=up)

    async def links(self, name):
        return [link for link in (await self.do("status", name=name))["links"] if link["up"]]


def on_stage(play):
    async def main():
        async with Stage() as stage:
            await play(stage)

    run(main())
