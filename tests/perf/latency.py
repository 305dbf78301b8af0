"""What a gateway adds to a text, and what one hostile neighbour can do to the others."""

import select
import socket
import time

from tests.perf.frames import Phone, phones
from tests.perf.islands import gateways, introduce
from tests.perf.measure import Bench, Budget
from tests.perf.pumps import FORK
from tests.perf.sockets import MTU

PHONES = 6
ROUNDS = 5
TEXTS = 300  # of one round; at least 1 % of them are more than two, and no link's verification budget is used up
PAUSE_S = 0.001  # between two texts: an idle path, not a busy one
LATENCY = Budget(1_200, "Y")
SURVIVED = Budget(2_000, "/s", at_most=False)
DELAY_S = 0.05  # seconds that an honest text may be delayed under attack
RATES = (None, 20_000, 5_000, 2_000)  # duplicates a second tried; None is as many as the socket takes


def measure(bench: Bench) -> None:
    """Texts of known phones, one at a time, between real processes."""
    for names, what in ((["north"], "one gateway"), (["north", "south"], "two gateways joined by a site link")):
        with gateways(names, PHONES) as ends:
            talkers = phones(PHONES)
            out = ends[names[-1]]
            introduce(talkers, ends[names[0]], out[-1])
            best = yard = float("inf")
            middle = float("inf")
            for _ in range(2 if bench.quick else ROUNDS):
                yard = min(yard, bench.yard())
                delays = sorted(_delays(talkers, ends[names[0]], out, TEXTS))
                best = min(best, delays[int(len(delays) * 0.99)])
                middle = min(middle, delays[len(delays) // 2])
        bench.add_time(f"latency added to a text by {what}, median", middle, yard, rate=False)
        bench.add_time(f"latency added to a text by {what}, p99", best, yard, LATENCY, rate=False)


def measure_flood(bench: Bench) -> None:
    """One link sends the same frame again and again, the others talk."""
    for rate in RATES:
        survived, worst = max(_flood(rate, bench.quick) for _ in range(2))
        if worst <= DELAY_S:
            break
    bench.add("duplicates from one hostile link, others delayed < 50 ms", survived, "/s", SURVIVED)
    bench.add("    the longest delay of a text meanwhile", worst * 1000, "ms")


def _delays(talkers: list[Phone], into: list[socket.socket], out: list[socket.socket], count: int) -> list[float]:
    """Seconds from the moment a text enters one link to the moment it has left another."""
    delays = []
    for number in range(count):
        sender = number % (PHONES - 1)
        frame = talkers[sender].message(int(time.time() * 1000), b"%d: where are you?" % number)
        target = out[-1]
        started = time.perf_counter()
        into[sender].send(frame)
        while target.recv(MTU)[3:] != frame[3:]:
            pass
        delays.append(time.perf_counter() - started)
        time.sleep(PAUSE_S)
        _empty({*into, *out})
    return delays


def _empty(ends: set[socket.socket]) -> None:
    """Read away what has arrived, so that no link is ever full."""
    while ready := select.select(ends, (), (), 0)[0]:
        for end in ready:
            end.recv(MTU)


def _flood(rate: int | None, quick: bool) -> tuple[float, float]:
    """Duplicates a second, and the longest delay of an honest text in seconds."""
    with gateways(["north"], PHONES + 1) as ends:
        *honest, hostile = ends["north"]
        talkers = phones(PHONES)
        introduce(talkers, honest, honest[-1])
        frame = talkers[0].message(int(time.time() * 1000), b"again")
        sent = FORK.RawValue("L", 0)
        attacker = FORK.Process(target=_repeat, args=(hostile, frame, rate, sent))
        attacker.start()
        try:
            while not sent.value:
                time.sleep(PAUSE_S)
            before, started = sent.value, time.perf_counter()
            worst = max(_delays(talkers, honest, honest, 150 if quick else TEXTS))
            return (sent.value - before) / (time.perf_counter() - started), worst
        finally:
            attacker.kill()
            attacker.join()


def _repeat(sock: socket.socket, frame: bytes, rate: int | None, sent) -> None:
    """The attacker, a process of its own: waits whenever the socket is full."""
    started = time.perf_counter()
    while True:
        sock.send(frame)
        sent.value += 1
        if rate is not None and sent.value % 32 == 0:
            time.sleep(max(0.0, started + sent.value / rate - time.perf_counter()))
