"""The peripheral role on one adapter: be found, and stay so."""

import asyncio

from hw.bluez.adapters import Adapter
from hw.bluez.errors import BluezError
from hw.bluez.ladder import Ladder
from hw.bluez.peripheral import PeripheralEvents, Profile
from hw.bluez.steps import Sign, Symptom
from transports.backoff import Backoff
from transports.ble.edge import CHARACTERISTIC, SERVICE, Advertiser, Radio
from transports.ble.failures import ELSEWHERE
from transports.ble.ground import Ground
from transports.limits import BLE_RESTART_CAP_S


class Presence:
    """Keeps one run of the peripheral role going.

    Args:
        ground: what all adapters share.
        adapter: which one.
        radio: its edge.
        ladder: told what goes wrong and well.
        events: gets the devices that dial us and their frames.

    """

    def __init__(self, ground: Ground, adapter: Adapter, radio: Radio, ladder: Ladder, events: PeripheralEvents) -> None:
        self._ground = ground
        self._adapter = adapter
        self._radio = radio
        self._ladder = ladder
        self._events = events
        self._backoff = Backoff(ground.rng, first=0.5, cap=BLE_RESTART_CAP_S)
        self._running: Advertiser | None = None
        self.counters: dict[str, int] = {}

    @property
    def is_shown(self) -> bool:
        """Whether BlueZ has accepted what we offer."""
        return self._running is not None and self._running.ready.is_set()

    async def run(self) -> None:
        """Register and serve, again and again, until cancelled."""
        profile = Profile(SERVICE, CHARACTERISTIC, self._ground.config.tag)
        self._ground.shown[self._adapter.name] = self._adapter.address
        try:
            while True:
                self._running = self._radio.peripheral(profile, self._events)
                await self._serve(self._running)
                self._keep_counts()
                await asyncio.sleep(self._backoff.next())
        finally:
            self._ground.shown.pop(self._adapter.name, None)
            self._keep_counts()

    def count(self) -> dict[str, int]:
        """What was counted in all runs together."""
        running = self._running.counters if self._running is not None else {}
        return {name: self.counters.get(name, 0) + running.get(name, 0) for name in {*self.counters, *running}}

    async def _serve(self, running: Advertiser) -> None:
        accepted = asyncio.create_task(self._greet(running))
        try:
            await running.run()
        except BluezError as error:
            if error.name not in ELSEWHERE:
                self._ladder.note(Symptom.ADVERTISING_FAILED, self._ground.now())
        finally:
            accepted.cancel()
            await asyncio.gather(accepted, return_exceptions=True)

    async def _greet(self, running: Advertiser) -> None:
        await running.ready.wait()
        self._backoff.reset()
        self._ladder.well(self._ground.now(), Sign.REGISTERED)

    def _keep_counts(self) -> None:
        self.counters, self._running = self.count(), None
