"""The mesh engine: one frame in, what it wants done out."""

from collections.abc import Callable
from random import Random

import bitchat_protocol

from gateway.mesh.engine import Mesh
from gateway.mesh.events import Tick
from gateway.mesh.identity import Identity
from gateway.mesh.peers import Verify
from gateway.mesh.settings import MeshSettings
from gateway.wire.packet import Header
from gateway.wire.signing import verify
from tests.perf.frames import EPOCH_MS, OFFSET, SPACING_S, Phone, messages, phones
from tests.perf.measure import Bench, Budget
from transports.link import Capability, FrameReceived, LinkId, LinkUp

COUNT = 300
LINKS = tuple(LinkId(f"radio:{number}") for number in range(6))
RELAY = Budget(5, "Y")


def believe(_frame: bytes, _key: bytes, _header: Header) -> bool:
    """A signature check that costs nothing."""
    return True


def mesh(check: Verify, known: list[Phone], *, jitter: bool) -> Mesh:
    """An engine with six bound neighbours, who are `known`, or with none known at all."""
    rng = Random("gateway")
    engine = Mesh(Identity.generate(rng.randbytes), rng, MeshSettings(jitter=jitter, sync=False), verify=check)
    engine.handle(OFFSET, 0.0)
    for link in LINKS:
        engine.handle(LinkUp(link, 517, Capability.LOCAL), 0.0)
    for link, phone in zip(LINKS, known, strict=False):
        engine.handle(FrameReceived(link, phone.announce(EPOCH_MS)), 0.5)
    return engine


def arrivals(frames: list[bytes]) -> list[tuple[FrameReceived, float]]:
    """The frames over the six links in turn, each with its moment."""
    return [(FrameReceived(LINKS[index % 6], frame), 1.0 + index * SPACING_S) for index, frame in enumerate(frames)]


def run(engine: Mesh, events: list[tuple[FrameReceived, float]]) -> None:
    """Hand over every frame; the timer never fires."""
    handle = engine.handle
    for event, now in events:
        handle(event, now)


def run_on_time(engine: Mesh, events: list[tuple[FrameReceived, float]]) -> None:
    """Hand over every frame, and a `Tick` whenever the engine wants one."""
    tick = Tick()
    for event, now in events:
        while (due := engine.next_wakeup()) is not None and due <= now:
            engine.handle(tick, due)
        engine.handle(event, now)


def measure(bench: Bench) -> None:
    """Six neighbours, 286-byte signed public messages."""
    senders = phones(6)
    frames = messages(senders, COUNT)
    events = arrivals(frames)

    def filled() -> Mesh:
        engine = mesh(believe, senders, jitter=False)
        run(engine, events)
        return engine

    def relaying(check: Verify, known: list[Phone], *, jitter: bool = False) -> Callable[[], Mesh]:
        def prepare() -> Mesh:
            engine = mesh(check, known, jitter=jitter)
            probe = arrivals(messages(senders, 1, 40))[0]
            engine.handle(*probe)
            return engine

        return prepare

    again = [(FrameReceived(LINKS[(index + 1) % 6], frame), 20.0) for index, frame in enumerate(frames)]
    bench.timed_fresh("duplicate: the whole of Mesh.handle", filled, lambda engine: run(engine, again), inner=COUNT)

    def row(
        what: str, prepare: Callable[[], Mesh], how: Callable[[Mesh, list[tuple[FrameReceived, float]]], None], budget: Budget | None
    ) -> float:
        def call(engine: Mesh) -> None:
            how(engine, events)

        seconds = bench.timed_fresh(what, prepare, call, inner=COUNT, budget=budget)
        check = prepare()
        how(check, events)
        if check.relayed < 0.9 * COUNT:  # the last ones may still wait out their jitter
            raise RuntimeError(f"{what}: only {check.relayed} of {COUNT} relayed")
        return seconds

    row("relay, sender unknown, no jitter", relaying(believe, []), run, RELAY)
    row("relay, sender known, no crypto, no jitter", relaying(believe, senders), run, RELAY)
    row("relay, sender known, no crypto, jitter and its Tick", relaying(believe, senders, jitter=True), run_on_time, RELAY)
    whole = row("relay, Ed25519 verified", relaying(verify, senders), run, None)

    def peer() -> None:
        for frame in frames:
            bitchat_protocol.decode(frame)

    theirs = bench.timed("bitchat-protocol: decode alone", peer, inner=COUNT)
    bench.add("verified relay, in decodes of bitchat-protocol", whole / theirs, "x")
