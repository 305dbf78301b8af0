"""The mesh engine: one frame in, what it wants done out."""

from random import Random

import bitchat_protocol

from gateway.mesh.engine import Mesh
from gateway.mesh.events import MeshEvent, Tick
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
Events = list[tuple[MeshEvent, float]]


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


def arrivals(frames: list[bytes]) -> Events:
    """The frames over the six links in turn, each with its moment."""
    return [(FrameReceived(LINKS[index % 6], frame), 1.0 + index * SPACING_S) for index, frame in enumerate(frames)]


def with_ticks(engine: Mesh, events: Events) -> Events:
    """Hand over every frame, and a `Tick` whenever the engine wants one; returns all of it, to be played again."""
    played: Events = []
    for event, now in events:
        while (due := engine.next_wakeup()) is not None and due <= now:
            played.append((Tick(), due))
            engine.handle(*played[-1])
        played.append((event, now))
        engine.handle(event, now)
    return played


def run(engine: Mesh, events: Events) -> None:
    """Hand over events and nothing else."""
    handle = engine.handle
    for event, now in events:
        handle(event, now)


def measure(bench: Bench) -> None:
    """Six neighbours, 286-byte signed public messages."""
    senders = phones(6)
    frames = messages(senders, COUNT)
    plain = arrivals(frames)
    ticking = with_ticks(mesh(believe, senders, jitter=True), plain)
    again = [(FrameReceived(LINKS[(index + 1) % 6], frame), 20.0) for index, frame in enumerate(frames)]

    def filled() -> Mesh:
        engine = mesh(believe, senders, jitter=False)
        run(engine, plain)
        return engine

    bench.timed_fresh("duplicate: the whole of Mesh.handle", filled, lambda engine: run(engine, again), inner=COUNT)

    def relay(what: str, check: Verify, known: list[Phone], *, jitter: bool = False, budget: Budget | None = None) -> float:
        events = ticking if jitter else plain
        engine = mesh(check, known, jitter=jitter)
        run(engine, events)
        if engine.relayed < 0.9 * COUNT:  # the last ones may still wait out their jitter
            raise RuntimeError(f"{what}: only {engine.relayed} of {COUNT} relayed")
        return bench.timed_fresh(
            what, lambda: mesh(check, known, jitter=jitter), lambda engine: run(engine, events), inner=COUNT, budget=budget
        )

    bare = relay("relay, sender unknown, no jitter", verify, [], budget=RELAY)
    relay("relay, sender unknown, jitter and its Tick", verify, [], jitter=True, budget=RELAY)
    relay("the same, sender known and text kept, no crypto, no jitter", believe, senders)
    relay("the same, sender known and text kept, no crypto, jitter and its Tick", believe, senders, jitter=True)
    whole = relay("the same, Ed25519 verified, no jitter", verify, senders)

    def peer() -> None:
        for frame in frames:
            bitchat_protocol.decode(frame)

    theirs = bench.timed("bitchat-protocol: decode alone", peer, inner=COUNT)
    bench.add("relay, sender unknown, in decodes of bitchat-protocol", bare / theirs, "x")
    bench.add("relay, Ed25519 verified, in decodes of bitchat-protocol", whole / theirs, "x")
