"""One adapter at work, in one role or in both: its links come up, carry frames and go down here."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial

from hw.bluez.adapters import Adapter, Role
from hw.bluez.ladder import Ladder
from hw.bluez.steps import Sign
from transports.ble.arrived import send_away
from transports.ble.dialled import DialledWay, Line
from transports.ble.edge import DialFailure, Heard, Radio, Remote, Subscriber
from transports.ble.ground import Ground
from transports.ble.idlers import Idlers
from transports.ble.links import Link, Way
from transports.ble.presence import Presence
from transports.ble.search import Search
from transports.limits import (
    BLE_CLOSE_TIMEOUT_S,
    BLE_FORGET_S,
    BLE_LINK_SILENCE_S,
    BLE_MAX_FRAME,
    BLE_MAX_WRITE,
    BLE_MIN_MTU,
    BLE_MUTE_S,
    BLE_SWEEP_S,
)
from transports.link import Capability, FrameReceived, LinkDown, LinkUp, Writable

CAPABILITIES = Capability.LOCAL | Capability.BROADCAST | Capability.DIRECTED

_SHORT_S = 10.0  # seconds: a dialled link that ended sooner without a single frame was no good
_TICK_S = 5.0
_AFTERMATH_S = 0.3  # seconds from the end of connections to taking the roles back


class Station:
    """Runs one adapter; `run` ends only when it is cancelled.

    Args:
        ground: what all adapters share.
        adapter: a powered adapter.
        role: what to use it for.
        radio: its edge.
        ladder: told what goes wrong and well.

    """

    def __init__(self, ground: Ground, adapter: Adapter, role: Role, radio: Radio, ladder: Ladder) -> None:
        self.adapter = adapter
        self.role = role
        self.ending = "this gateway stops"  # what its links are told when it is cancelled
        self._ground = ground
        self._radio = radio
        self._ladder = ladder
        self._arrived: dict[Subscriber, Link] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._forgetting: set[str] = set()
        self._idlers = Idlers()
        self._goodbyes: set[asyncio.Task[None]] = set()
        self._writers: dict[Link, asyncio.Task[None]] = {}
        self.search = Search(ground, adapter, radio, ladder, self._dialled, self._forget) if Role.CENTRAL in role else None
        self.presence = Presence(ground, adapter, radio, ladder, self) if Role.PERIPHERAL in role else None

    @property
    def links(self) -> list[Link]:
        """The links of this adapter."""
        return self._ground.table.of(self.adapter.name)

    def devices(self) -> set[str]:
        """The devices that must not be forgotten."""
        return {link.device for link in self.links}

    async def run(self) -> None:
        """Serve until cancelled; then every link of this adapter goes down and is ended."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._sweep())
            if self.presence is not None:
                tasks.create_task(self.presence.run())
            if self.search is not None:
                tasks.create_task(self.search.run())
            tasks.create_task(self._look_after())
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                # Before the roles are taken back: then BlueZ would not know the devices any more.
                for link in self.links:
                    self.drop(link, self.ending)
                self._tasks = None
                await self._finish_goodbyes()

    def close(self, link: Link, why: str) -> None:
        """End a link because the engine wants so, and have nothing to do with the device for a while."""
        self._ground.ban(link)
        self.drop(link, why)

    def drop(self, link: Link, why: str) -> None:
        """End a link; its `LinkDown` is posted at once, the connection ends in the background."""
        if not self._ground.table.remove(link):
            return
        self._ground.counters.frames_in += link.frames_in
        self._ground.counters.frames_out += link.frames_out
        self._ground.counters.refused += link.way.refused
        self._arrived = {subscriber: other for subscriber, other in self._arrived.items() if other is not link}
        writer = self._writers.pop(link, None)
        if writer is not None:
            writer.cancel()
        self._ground.table.leaves(link.address)
        self._ground.candidates(self.adapter.name).forgive(link.since)
        self._goodbye(self._end(link))
        self._ground.post(LinkDown(link.id, why))
        if self.search is not None:
            self.search.look()

    def arrived(self, central: Subscriber) -> None:
        """Take in a device that dialled us."""
        ground, now = self._ground, self._ground.now()
        if central.mtu < BLE_MIN_MTU or ground.is_banned(central.address) or not self._has_place(central, now):
            ground.counters.turned_away += 1
            self._goodbye(send_away(central))
            return
        ground.counters.links_arrived += 1
        tag = ground.tag_of(central.address)
        link = self._new_link(Role.PERIPHERAL, central.device, central.address, tag, central.mtu, central, partial(send_away, central))
        self._arrived[central] = link
        self._up(link)
        if self.search is not None:
            self.search.give_up(central.device)

    def wrote(self, central: Subscriber, frame: bytes) -> None:
        """Take a frame from a device that dialled us."""
        link = self._arrived.get(central)
        if link is not None:
            self._received(link, frame)

    def writable(self, central: Subscriber) -> None:
        """A device that dialled us has room again."""
        link = self._arrived.get(central)
        if link is not None:
            self._ground.post(Writable(link.id))

    def left(self, central: Subscriber, why: str) -> None:
        """A device that dialled us is gone."""
        link = self._arrived.pop(central, None)
        if link is not None:
            self._ground.dropped(link)
            self.drop(link, why)

    def _dialled(self, heard: Heard, remote: Remote, line: Line) -> None:
        """Take in a device that we dialled."""
        mtu = min(remote.mtu, BLE_MAX_WRITE)
        way = DialledWay(remote, self._radio.pace, lambda: self._has_room(link), mtu)
        link = self._new_link(Role.CENTRAL, heard.device, heard.address, heard.tag, mtu, way, way.close)
        link.rssi = heard.rssi
        if self._tasks is None:  # this station is ending
            self._goodbye(way.close())
            return
        self._ground.counters.links_dialled += 1
        self._writers[link] = self._tasks.create_task(self._write(link, way))
        self._up(link)
        line.answer(lambda frame: self._received(link, frame), lambda why: self._lost(link, why))

    def _has_room(self, link: Link) -> None:
        """Tell that a link that we dialled has room again, as long as it is up."""
        if self._ground.table.get(link.id) is link:
            self._ground.post(Writable(link.id))

    async def _write(self, link: Link, way: DialledWay) -> None:
        why = await way.write_all()
        self._writers.pop(link, None)
        self._lost(link, why)

    def _lost(self, link: Link, why: str) -> None:
        """A dialled link ended by itself."""
        now = self._ground.now()
        if self._ground.table.get(link.id) is link:
            if link.is_mute and now - link.since < _SHORT_S:
                self._ground.counters.dial_failures[DialFailure.SHORT] += 1
                self._ground.candidates(self.adapter.name).failed(link.address, DialFailure.SHORT, now)
            else:
                self._ground.dropped(link)
            self.drop(link, why)

    def _new_link(self, role: Role, device: str, address: str, tag: bytes, mtu: int, way: Way, end: Callable[[], Awaitable[None]]) -> Link:
        now, link_id = self._ground.now(), self._ground.table.new_id()
        return Link(link_id, role, self.adapter.name, device, address, tag, min(mtu, BLE_MAX_FRAME), now, now, way, end)

    def _up(self, link: Link) -> None:
        self._ground.table.add(link)
        self._ladder.well(self._ground.now(), Sign.LINK)
        self._ground.post(LinkUp(link.id, link.mtu, CAPABILITIES))

    def _received(self, link: Link, frame: bytes) -> None:
        ground = self._ground
        if not link.is_up:
            return
        if not 0 < len(frame) <= BLE_MAX_FRAME:
            ground.counters.frames_bad += 1
            return
        if not link.frames_in:
            ground.candidates(self.adapter.name).proved(link.address)
        link.frames_in += 1
        link.last_in = ground.now()
        if self.search is not None:
            self.search.traffic_at = link.last_in
        if self._ladder.symptom is not None:
            self._ladder.well(link.last_in, Sign.FRAME)
        ground.post(FrameReceived(link.id, frame))

    def _has_place(self, central: Subscriber, now: float) -> bool:
        """Whether a newcomer may stay; somebody who has never said a word gives way to it."""
        links = [link for link in self.links if link.role is Role.PERIPHERAL]
        if len(links) < self._ground.config.max_peripheral or any(link.device == central.device for link in self.links):
            return True
        mute = [link for link in links if link.is_mute and now - link.since >= BLE_MUTE_S]
        if not mute:
            return False
        self.drop(min(mute, key=lambda link: link.since), "it was silent, and others needed its place")
        return True

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            now = self._ground.now()
            for link in self.links:
                if now - link.last_in >= BLE_LINK_SILENCE_S:
                    self._ground.counters.links_silent += 1
                    self._ground.dropped(link)
                    self.drop(link, "nothing came for a long time")
            for device in self._idlers.late(self._radio.connected(), self._is_used, now):
                self._ground.counters.idlers += 1
                self._goodbye(self._radio.hang_up(device))

    def _is_used(self, device: str) -> bool:
        """Whether a connection with a device is a link or about to be one."""
        return self._ground.table.is_linked(device) or (self.search is not None and self.search.is_dialling(device))

    async def _end(self, link: Link) -> None:
        try:
            await link.end()
        finally:
            self._ground.table.left(link.address)
            self._forget(link.device)

    def _forget(self, device: str) -> None:
        """Make BlueZ forget a device a while after its connection has ended, unless there is a new one by then."""
        if self._tasks is not None and device not in self._forgetting:
            self._forgetting.add(device)
            self._tasks.create_task(self._forget_later(device))

    async def _forget_later(self, device: str) -> None:
        await asyncio.sleep(BLE_FORGET_S)
        self._forgetting.discard(device)
        await self._forget_now(device)

    async def _sweep(self) -> None:
        """Make BlueZ forget whom it remembers and nobody hears, first of all those from before.

        BlueZ 5.66 has lost the services of a device that a gateway before us was connected with, and remembers it for as
        long as it hears it: nobody who looks for the service would ever be told of it. And it must not forget anybody by
        itself (TemporaryTimeout): it counts from the last advertisement, even while the device is connected.
        """
        while True:
            idle = set(self._radio.remembered())
            await asyncio.sleep(BLE_FORGET_S)
            candidates = self._ground.candidates(self.adapter.name)
            for device in idle.intersection(self._radio.remembered()):
                if not candidates.hears(device):
                    await self._forget_now(device)
            await asyncio.sleep(BLE_SWEEP_S)

    async def _forget_now(self, device: str) -> None:
        if not self._ground.table.is_linked(device) and not (self.search is not None and self.search.is_dialling(device)):
            await self._radio.forget(device)

    async def _finish_goodbyes(self) -> None:
        if self._goodbyes:
            _, late = await asyncio.wait(self._goodbyes, timeout=BLE_CLOSE_TIMEOUT_S + 1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            await asyncio.sleep(_AFTERMATH_S)

    def _goodbye(self, farewell: Coroutine[None, None, None]) -> None:
        """Do something that the station waits for before it ends."""
        task = asyncio.get_running_loop().create_task(farewell)
        self._goodbyes.add(task)
        task.add_done_callback(self._goodbyes.discard)
