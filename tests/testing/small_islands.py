"""Islands of flooding phones: fast, and independent of the mesh engine."""

from random import Random

from gateway.testing.island import Island
from gateway.testing.phone import Phone
from tests.testing.flooder import Flooder


def flooding_phone(name: str, rng: Random) -> Phone:
    engine = Flooder(name, beats=True)
    return Phone(name, engine.address, engine)


def flooding_island(names, seed=1, **kwargs) -> Island:
    return Island(seed, list(names), make_phone=flooding_phone, **kwargs)


class Strait:
    """Carries frames between the gateways of two islands, both ways, at once: the simplest gateway pair."""

    def __init__(self, one: Island, other: Island) -> None:
        self.islands = (one, other)
        self.up: dict[Island, set[str]] = {one: set(), other: set()}
        self.seen: set[bytes] = set()
        for island in self.islands:
            island.switch_on()

    def run_until(self, end: float) -> None:
        while due := [when for island in self.islands if (when := island.next_wakeup()) is not None and when <= end]:
            now = min(due)
            for island in self.islands:
                island.advance(now)
            self._carry(now)
        for island in self.islands:
            island.advance(end)

    def _carry(self, now: float) -> None:
        for here, there in (self.islands, self.islands[::-1]):
            for event in here.take_gateway_events():
                frame = getattr(event, "frame", None)
                if frame is None:
                    (self.up[here].add if type(event).__name__ == "LinkUp" else self.up[here].discard)(event.link)
                elif frame[3:] not in self.seen:
                    self.seen.add(frame[3:])
                    for island in (here, there):
                        for link in self.up[island]:
                            island.gateway_send(link, frame[:2] + b"\x06" + frame[3:], now)
