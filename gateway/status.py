"""One snapshot of the whole gateway, in the words and figures every surface shows."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from gateway.bridge.consent import ConsentBridge
from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.bridge.trunks import Trunks
from transports.link import TransportState, TransportStatus


class PeerSummary(msgspec.Struct, frozen=True):
    """One peer of the local mesh or of another island."""

    peer_id: str
    nickname: str
    direct: bool
    local: bool
    remote: bool
    last_heard_s: float


class MeshSummary(msgspec.Struct, frozen=True):
    """The local mesh."""

    links: int
    peers: tuple[PeerSummary, ...]
    counters: Mapping[str, int]
    drops: Mapping[str, int]


class ConsentSummary(msgspec.Struct, frozen=True):
    """What the consent bridge serves and has done."""

    cell: str  # empty: closed
    channels: tuple[str, ...]
    people: int  # of other islands, heard of lately
    waiting: int  # events waiting for their turn on the radio
    unsent: int  # deposits waiting for a site
    counters: Mapping[str, int]


class RouteSummary(msgspec.Struct, frozen=True):
    """How one site is reached."""

    site: str  # the identity its links have proved
    using: str  # name of the link, empty while none can be used
    spare: tuple[str, ...]  # other links that are up
    why: str  # why it is this one
    waiting_bytes: int


class BridgeSummary(msgspec.Struct, frozen=True):
    """What crosses between sites."""

    mode: BridgeMode
    is_closed: bool
    sites: int
    crossed_out: int
    crossed_in: int
    passed_on: int
    drops: Mapping[str, int]
    consent: ConsentSummary
    routes: tuple[RouteSummary, ...] = ()
    counters: Mapping[str, int] = {}
    is_switched_off: bool = False  # by a command, whatever the configuration says


class TransportSummary(msgspec.Struct, frozen=True):
    """One transport."""

    state: TransportState
    sentence: str
    remedy: str
    links: int
    addresses: tuple[str, ...]
    counters: Mapping[str, int]


class StoreSummary(msgspec.Struct, frozen=True):
    """What is kept for after a restart."""

    waiting: int = 0  # records that are not on the disk yet
    dropped: int = 0  # records given up while the database could not be written
    unrecorded: int = 0  # decisions beyond what is recorded in a second


_NO_STORE = StoreSummary()


class MqttSummary(msgspec.Struct, frozen=True):
    """The line to an MQTT broker."""

    connected: bool
    sentence: str
    remedy: str
    broker: str  # its host, empty while none is asked
    version: str  # of MQTT, empty likewise
    publishes_content: bool  # names of peers or texts, which nobody else's broker should have
    counters: Mapping[str, int]


class Problem(msgspec.Struct, frozen=True):
    """Something that is wrong, and what a person can do about it."""

    sentence: str
    remedy: str


class GatewayStatus(msgspec.Struct, frozen=True):
    """Everything, for ``meshgate status --json`` and the API."""

    sentence: str
    peer_id: str
    uptime_s: float
    mesh: MeshSummary
    bridge: BridgeSummary
    transports: Mapping[str, TransportSummary]
    waiting_bytes: int
    shed_frames: int  # given up because a link stayed busy
    problems: tuple[Problem, ...]
    store: StoreSummary = _NO_STORE
    mqtt: MqttSummary | None = None  # None: not used


def describe(
    engine: GatewayEngine,
    transports: Sequence[TransportStatus],
    troubles: Sequence[tuple[str, str]],
    waiting: int,
    shed: int,
    uptime: float,
    now: float,
    trunks: Trunks | None = None,
    store: StoreSummary = _NO_STORE,
) -> GatewayStatus:
    """Put the snapshot together.

    Args:
        engine: the gateway's engine.
        transports: what each transport says of itself.
        troubles: what is wrong beside the transports, and what to do about each.
        waiting: bytes waiting for busy links.
        shed: frames given up because they waited in vain.
        uptime: seconds since the start.
        now: seconds, the engine's clock.
        trunks: what joins several links to one site, if it is there.
        store: how the database is doing.

    """
    drops = Counter({reason.value: count for reason, count in engine.drops.items()})
    if trunks is not None:
        drops.update({reason.value: count for reason, count in trunks.drops.items()})
        waiting += trunks.waiting_bytes
    mesh = engine.mesh.status(now)
    peers = tuple(
        PeerSummary(peer.peer_id, peer.nickname, peer.direct, peer.local, peer.remote, round(peer.last_heard_s, 1)) for peer in mesh.peers
    )
    problems = [Problem(*trouble) for trouble in troubles]
    problems += [Problem(one.sentence, one.remedy) for one in transports if one.state is TransportState.DOWN]
    return GatewayStatus(
        sentence=sentence(sum(peer.local for peer in peers), len(engine.sites), waiting, [problem.sentence for problem in problems]),
        peer_id=mesh.peer_id,
        uptime_s=round(uptime, 1),
        mesh=MeshSummary(mesh.links, peers, mesh.counters, mesh.drops),
        bridge=BridgeSummary(
            mode=engine.mode,
            is_closed=engine.is_closed,
            sites=len(engine.sites),
            crossed_out=engine.crossed_out,
            crossed_in=engine.crossed_in,
            passed_on=engine.passed_on,
            drops={reason: count for reason, count in drops.items() if count},
            consent=_consent(engine.consent, now),
            routes=tuple(
                RouteSummary(one.site, one.using or "", one.spare, one.why, one.waiting_bytes)
                for one in (trunks.routes() if trunks is not None else ())
            ),
            counters=trunks.counters if trunks is not None else {},
            is_switched_off=engine.is_switched_off,
        ),
        transports={
            one.name: TransportSummary(one.state, one.sentence, one.remedy, one.links, one.addresses, dict(one.counters))
            for one in transports
        },
        waiting_bytes=waiting,
        shed_frames=shed,
        problems=tuple(problems),
        store=store,
    )


def _consent(bridge: ConsentBridge, now: float) -> ConsentSummary:
    carriers = bridge.carriers
    return ConsentSummary(
        cell=carriers.place.cell,
        channels=tuple(sorted(carriers.place.channels)),
        people=carriers.people(now),
        waiting=carriers.waiting,
        unsent=len(bridge.unsent),
        counters=dict(carriers.counts),
    )


def sentence(phones: int, sites: int, waiting: int, problems: Sequence[str]) -> str:
    """Say in one true sentence or two how things are; what is wrong comes first."""
    if problems:
        return problems[0]
    near = "No phone is near." if phones == 0 else f"{phones} {_plural('phone', phones)} near."
    linked = "Not linked to any site." if sites == 0 else f"Linked to {sites} {_plural('site', sites)}."
    return f"{near} {linked} {_waiting(waiting)}"


def _waiting(amount: int) -> str:
    if amount == 0:
        return "Nothing is waiting."
    size = f"{amount} {_plural('byte', amount)}" if amount < 1_000 else f"{amount / 1_000:.0f} kB"
    return f"{size} {'is' if amount == 1 else 'are'} waiting for busy links."


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
