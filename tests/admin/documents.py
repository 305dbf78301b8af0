"""Status documents for tests."""

from collections.abc import Sequence
from random import Random

from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.status import GatewayStatus, Problem, QueuesSummary, QueueSummary, describe
from transports.link import Capability, LinkId, LinkUp, TransportState, TransportStatus

RADIO = TransportStatus("radio", TransportState.UP, "2 links.", links=2, addresses=("here",), counters={"frames_in": 7})
BROKEN = TransportStatus("libp2p", TransportState.DOWN, "Port 4001 is taken.", "Choose another port.")


def engine() -> GatewayEngine:
    """A gateway's engine with one site linked."""
    rng = Random(7)
    whole = GatewayEngine(Mesh(Identity.generate(rng.randbytes), rng, MeshSettings(nickname="Hut")), BridgeMode.OPEN)
    whole.handle(ClockSet(1_800_000_000.0), 0.0)
    whole.handle(LinkUp(LinkId("libp2p:far"), 1_000_000, Capability.WIDE_AREA, "far"), 0.0)
    return whole


def document(*transports: TransportStatus, troubles: Sequence[tuple[str, str]] = (), waiting: int = 0) -> GatewayStatus:
    """A status with what is wrong as sentences and remedies, all of it errors."""
    queues = QueuesSummary((QueueSummary("radio:1", waiting),) if waiting else (), {"voice": 1, "bulk": 2})
    problems = [Problem(*trouble) for trouble in troubles]
    return describe(engine(), transports or (RADIO,), problems, queues, 12.345, 20.0)
