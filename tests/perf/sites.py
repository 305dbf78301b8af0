"""The bridge: what was heard goes to another site, what another site sent goes on the air."""

from collections.abc import Callable
from random import Random

from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.limits import MAX_ENVELOPE
from gateway.mesh.effects import SendFrame
from gateway.mesh.engine import Mesh
from gateway.mesh.identity import Identity
from gateway.mesh.peers import Verify
from gateway.mesh.settings import MeshSettings
from gateway.wire.signing import verify
from tests.perf.frames import EPOCH_MS, OFFSET, Phone, messages, phones
from tests.perf.measure import Bench
from tests.perf.relay import LINKS, Events, arrivals, believe
from transports.link import Capability, FrameReceived, LinkId, LinkUp

COUNT = 300
FAR = LinkId("site:far")


def gateway(name: str, check: Verify) -> GatewayEngine:
    """A gateway with six local links and one other site, which has greeted."""
    engine, other = _engine(name, check), _engine("other", check)
    for link in LINKS:
        engine.handle(LinkUp(link, 517, Capability.LOCAL), 0.0)
    up = LinkUp(FAR, MAX_ENVELOPE, Capability.WIDE_AREA)
    engine.handle(up, 0.0)
    for greeting in to_far(other, [(up, 0.0)]):
        engine.handle(FrameReceived(FAR, greeting), 0.1)
    return engine


def _engine(name: str, check: Verify) -> GatewayEngine:
    rng = Random(name)
    mesh = Mesh(Identity.generate(rng.randbytes), rng, MeshSettings(jitter=False, sync=False), verify=check)
    engine = GatewayEngine(mesh, BridgeMode.OPEN)
    engine.handle(OFFSET, 0.0)
    return engine


def north(check: Verify, residents: list[Phone]) -> GatewayEngine:
    """The island where the phones are."""
    engine = gateway("north", check)
    for link, phone in zip(LINKS, residents, strict=True):
        engine.handle(FrameReceived(link, phone.announce(EPOCH_MS)), 0.5)
    return engine


def to_far(engine: GatewayEngine, events: Events) -> list[bytes]:
    """What the engine sends to the other site when this comes in."""
    effects = [effect for event, now in events for effect in engine.handle(event, now)]
    return [effect.frame for effect in effects if isinstance(effect, SendFrame) and FAR in effect.links]


def measure(bench: Bench) -> None:
    """Both directions, with and without the signature check."""
    residents = phones(6)
    heard = arrivals(messages(residents, COUNT))
    introductions = [(FrameReceived(link, phone.announce(EPOCH_MS)), 0.5) for link, phone in zip(LINKS, residents, strict=True)]
    announced = to_far(gateway("north", verify), introductions)
    crossing = to_far(north(verify, residents), heard)
    if len(crossing) != COUNT or len(announced) != len(residents):
        raise RuntimeError(f"{len(crossing)} of {COUNT} crossed")
    arriving = [(FrameReceived(FAR, envelope), now) for envelope, (_, now) in zip(crossing, heard, strict=True)]

    def south(check: Verify) -> GatewayEngine:
        engine = gateway("south", check)
        for envelope in announced:
            engine.handle(FrameReceived(FAR, envelope), 0.6)
        return engine

    for check, name in ((believe, "no crypto"), (verify, "Ed25519 verified")):
        bench.timed_fresh(f"heard -> envelope to a site, and relayed, {name}", _maker(north, check, residents), _run(heard), inner=COUNT)
    for check, name in ((believe, "no crypto"), (verify, "Ed25519 verified")):
        bench.timed_fresh(f"envelope from a site -> on the air, {name}", _maker(south, check), _run(arriving), inner=COUNT)
    engine = south(verify)
    sent = [effect for event, now in arriving for effect in engine.handle(event, now) if isinstance(effect, SendFrame)]
    if len(sent) != COUNT or engine.open.crossed_in != COUNT + len(announced):
        raise RuntimeError(f"{engine.open.crossed_in} of {COUNT} came in")


def _maker(make: Callable[..., GatewayEngine], *args: object) -> Callable[[], GatewayEngine]:
    return lambda: make(*args)


def _run(events: Events) -> Callable[[GatewayEngine], None]:
    def run(engine: GatewayEngine) -> None:
        for event, now in events:
            engine.handle(event, now)

    return run
