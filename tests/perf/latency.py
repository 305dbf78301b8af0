"""What a gateway adds to a text, and what one hostile neighbour can do to the others."""

import select
import time
import zlib
from dataclasses import replace

from gateway.wire.packet import Packet, encode
from gateway.wire.types import MessageType
from tests.perf.frames import Phone, phones
from tests.perf.islands import gateways, introduce
from tests.perf.measure import Bench, Budget
from tests.perf.pumps import FORK, End
from tests.perf.sockets import MTU

PHONES = 6
ROUNDS = 3
MOST_ROUNDS = 15  # while the budget is missed: the p99 of a busy machine is that of its scheduler
TEXTS = 200  # of one round
PAUSE_S = 0.003  # between two texts: an idle path, and no link's verification budget is used up
LATENCY = Budget(1_200, "Y")
SURVIVED = Budget(2_000, "/s", at_most=False)
DELAY_S = 0.05  # seconds that an honest text may be delayed under attack
BOMB_SIZE = 400_000  # bytes; the most that fits a frame of one radio packet
RATES = (None, 20_000, 5_000, 2_000)  # duplicates a second tried; None is as many as the socket takes


def measure(bench: Bench) -> None:
    """Texts of known phones, one at a time, between real processes."""
    for names, what in ((["north"], "one gateway"), (["north", "south"], "two gateways joined by a site link")):
        with gateways(names, PHONES) as ends:
            talkers = phones(PHONES)
            out = ends[names[-1]]
            introduce(talkers, ends[names[0]], out[-1])
            best = yard = middle = float("inf")
            for number in range(MOST_ROUNDS):
                yard = min(yard, *(bench.yard() for _ in range(10)))
                taken = sorted(delays(talkers, ends[names[0]], out, TEXTS))
                best = min(best, taken[int(len(taken) * 0.99)])
                middle = min(middle, taken[len(taken) // 2])
                if number + 1 >= ROUNDS and LATENCY.holds(best / yard):
                    break
        bench.add_time(f"latency added to a text by {what}, median", middle, yard, rate=False)
        bench.add_time(f"latency added to a text by {what}, p99", best, yard, LATENCY, rate=False)


def measure_flood(bench: Bench) -> None:
    """One link sends the same frame again and again, the others talk."""
    for rate in RATES:
        survived, worst = _flood(again(), rate, bench.quick)
        if worst <= DELAY_S:
            break
    bench.add("duplicates from one hostile link, others delayed < 50 ms", survived, "/s", SURVIVED)
    bench.add("    the longest delay of a text meanwhile", worst * 1000, "ms")
    bomb = _bomb()
    survived, worst = _flood(bomb, None, bench.quick)
    bench.add(f"{len(bomb)}-byte frames that inflate to {BOMB_SIZE:,} bytes, from one hostile link", survived, "/s")
    bench.add("    the longest delay of a text meanwhile", worst * 1000, "ms")


def delays(talkers: list[Phone], into: list[End], out: list[End], count: int) -> list[float]:
    """Seconds from the moment a text enters one link to the moment it has left another."""
    seconds = []
    for number in range(count):
        sender = number % (PHONES - 1)
        frame = talkers[sender].message(int(time.time() * 1000), b"%d: where are you?" % number)
        target = out[-1]
        started = time.perf_counter()
        into[sender].send(frame)
        while target.recv(MTU)[3:] != frame[3:]:
            pass
        seconds.append(time.perf_counter() - started)
        time.sleep(PAUSE_S)
        _empty({*into, *out})
    return seconds


def _empty(ends: set[End]) -> None:
    """Read away what has arrived, so that no link is ever full."""
    while ready := select.select(ends, (), (), 0)[0]:
        for end in ready:
            end.recv(MTU)


def again() -> bytes:
    """A frame that is a duplicate from the second time on."""
    return phones(1)[0].message(int(time.time() * 1000), b"again")


def _bomb() -> bytes:
    """A frame that is small on the air and costs a lot to identify."""
    encoder = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = encoder.compress(bytes(BOMB_SIZE)) + encoder.flush()
    packet = Packet(MessageType.MESSAGE, 7, int(time.time() * 1000), b"attacker", bytes(BOMB_SIZE), version=2)
    return encode(replace(packet, wire_payload=BOMB_SIZE.to_bytes(4) + stream))


def flood(ends: list[End], frame: bytes, rate: int | None, texts: int) -> tuple[float, float]:
    """How often the last of the phones got rid of `frame` a second, and the longest delay of a text of the others in seconds."""
    *honest, hostile = ends
    talkers = phones(len(honest))
    introduce(talkers, honest, honest[-1])
    sent = FORK.RawValue("L", 0)
    attacker = FORK.Process(target=_repeat, args=(hostile, frame, rate, sent))
    attacker.start()
    try:
        while not sent.value:
            time.sleep(PAUSE_S)
        before, started = sent.value, time.perf_counter()
        worst = max(delays(talkers, honest, honest, texts))
        return (sent.value - before) / (time.perf_counter() - started), worst
    finally:
        attacker.kill()
        attacker.join()


def _flood(frame: bytes, rate: int | None, quick: bool) -> tuple[float, float]:
    with gateways(["north"], PHONES + 1) as ends:
        return flood(ends["north"], frame, rate, TEXTS // 2 if quick else TEXTS)


def _repeat(sock: End, frame: bytes, rate: int | None, sent) -> None:
    """The attacker, a process of its own: waits whenever the socket is full."""
    started = time.perf_counter()
    while True:
        sock.send(frame)
        sent.value += 1
        if rate is not None and sent.value % 32 == 0:
            time.sleep(max(0.0, started + sent.value / rate - time.perf_counter()))
