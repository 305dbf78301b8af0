"""One snapshot of the whole gateway, in the words and figures every surface shows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from gateway.bridge.consent import ConsentBridge
from gateway.bridge.credits import CreditRow
from gateway.bridge.engine import BridgeMode, GatewayEngine
from gateway.bridge.open import OPEN_NOTICE
from gateway.bridge.policy import Policy
from gateway.bridge.trunks import Trunks
from gateway.mesh.postoffice import PostOffice
from gateway.mesh.queue import Queue, Shed
from transports.link import LinkId, TransportState, TransportStatus


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
    relays: int  # Nostr relays linked
    unpublished: int  # deposits no relay has taken yet
    counters: Mapping[str, int]


class RouteSummary(msgspec.Struct, frozen=True):
    """How one site is reached."""

    site: str  # the identity its links have proved
    using: str  # name of the link, empty while none can be used
    spare: tuple[str, ...]  # other links that are up
    why: str  # why it is this one
    waiting_bytes: int


class PolicySummary(msgspec.Struct, frozen=True):
    """The operator's rules in force."""

    source: str = "built in"
    rules: int = 0
    default: str = "allow"


class AirSummary(msgspec.Struct, frozen=True):
    """The account of air time of one site; milliseconds."""

    site: str  # the identity its links have proved; empty: our own island
    level_ms: float  # saved up
    bulk_ms: float  # saved up for large packets; negative: owed
    headroom_ms: float  # earned by carrying for third sites
    spent_ms: float
    admitted: int  # packets
    refused: int
    senders: int  # with an account of their own there


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
    policy: PolicySummary = PolicySummary()
    air: tuple[AirSummary, ...] = ()  # who spent most comes first
    is_switched_off: bool = False  # by a command, whatever the configuration says
    notice: str = ""  # what everybody has to be told of an open bridge, a sentence; empty while it is not open


class TransportSummary(msgspec.Struct, frozen=True):
    """One transport."""

    state: TransportState
    sentence: str
    remedy: str
    links: int
    addresses: tuple[str, ...]
    counters: Mapping[str, int]


class MailSummary(msgspec.Struct, frozen=True):
    """Courier mail held for people who are away."""

    waiting: int = 0
    waiting_bytes: int = 0
    counters: Mapping[str, int] = {}  # since the start: taken, handed over, delivered, copied to other couriers …
    refused: Mapping[str, int] = {}  # since the start, by reason
    dead: Mapping[str, int] = {}  # ended without being delivered and still remembered, by reason


class QueueSummary(msgspec.Struct, frozen=True):
    """One link that is busy, or was."""

    link: str
    waiting_bytes: int
    bytes_per_s: float | None = None  # what it was seen to carry while it was busy


class QueuesSummary(msgspec.Struct, frozen=True):
    """What waits for links that are busy, and what was given up because it waited in vain."""

    busy: tuple[QueueSummary, ...] = ()
    shed: Mapping[str, int] = {}  # frames, by class of service; only classes that lost some


class StoreSummary(msgspec.Struct, frozen=True):
    """What is kept for after a restart."""

    waiting: int = 0  # records that are not on the disk yet
    dropped: int = 0  # records given up while the database could not be written
    unrecorded: int = 0  # decisions beyond what is recorded in a second


_NO_STORE = StoreSummary()
_NO_QUEUES = QueuesSummary()


class Severity(StrEnum):
    """How much something matters, the gravest last."""

    NOTICE = "notice"  # worth knowing; everything does its work
    WARNING = "warning"  # something does less than it should
    ERROR = "error"  # something does not do its work

    @property
    def rank(self) -> int:
        """The graver the higher, from 0."""
        return tuple(Severity).index(self)


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
    """A condition that holds, as every surface shows it; see `gateway.telemetry.health`."""

    sentence: str
    remedy: str
    name: str = ""  # of `gateway.telemetry.health.Name`
    subject: str = ""  # which transport, adapter or part; empty where there is only one
    severity: Severity = Severity.ERROR
    lasting_s: float = 0.0


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
    problems: tuple[Problem, ...]  # the gravest first
    store: StoreSummary = _NO_STORE
    mail: MailSummary = MailSummary()
    queues: QueuesSummary = _NO_QUEUES
    mqtt: MqttSummary | None = None  # None: not used

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong: a notice is no fault."""
        return all(problem.severity is Severity.NOTICE for problem in self.problems)


def describe(
    engine: GatewayEngine,
    transports: Sequence[TransportStatus],
    problems: Sequence[Problem],
    queues: QueuesSummary,
    uptime: float,
    now: float,
    trunks: Trunks | None = None,
    store: StoreSummary = _NO_STORE,
) -> GatewayStatus:
    """Put the snapshot together.

    Args:
        engine: the gateway's engine.
        transports: what each transport says of itself.
        problems: what is wrong, the gravest first.
        queues: what waits for busy links, see `describe_queues`.
        uptime: seconds since the start.
        now: seconds, the engine's clock.
        trunks: what joins several links to one site, if it is there.
        store: how the database is doing.

    """
    drops = Counter({reason.value: count for reason, count in engine.drops.items()})
    waiting, shed = sum(one.waiting_bytes for one in queues.busy), sum(queues.shed.values())
    if trunks is not None:
        drops.update({reason.value: count for reason, count in trunks.drops.items()})
        waiting += trunks.waiting_bytes
        shed += trunks.counters["refused"]
    mesh = engine.mesh.status(now)
    peers = tuple(
        PeerSummary(peer.peer_id, peer.nickname, peer.direct, peer.local, peer.remote, round(peer.last_heard_s, 1)) for peer in mesh.peers
    )
    return GatewayStatus(
        sentence=sentence(sum(peer.local for peer in peers), len(engine.sites), waiting, problems),
        peer_id=mesh.peer_id,
        uptime_s=round(uptime, 1),
        mesh=MeshSummary(mesh.links, peers, mesh.counters, mesh.drops),
        bridge=BridgeSummary(
            mode=engine.mode,
            is_closed=engine.is_closed,
            sites=len(engine.sites),
            crossed_out=engine.open.crossed_out,
            crossed_in=engine.open.crossed_in,
            passed_on=engine.open.passed_on,
            drops={reason: count for reason, count in drops.items() if count},
            consent=_consent(engine.consent, now),
            routes=tuple(
                RouteSummary(one.site, one.using or "", one.spare, one.why, one.waiting_bytes)
                for one in (trunks.routes() if trunks is not None else ())
            ),
            counters=trunks.counters if trunks is not None else {},
            policy=_policy(engine.gate.policy),
            air=_air(engine.gate.credits.status(now)),
            is_switched_off=engine.is_switched_off,
            notice=OPEN_NOTICE if engine.mode is BridgeMode.OPEN else "",
        ),
        transports={
            one.name: TransportSummary(one.state, one.sentence, one.remedy, one.links, one.addresses, dict(one.counters))
            for one in transports
        },
        waiting_bytes=waiting,
        shed_frames=shed,
        problems=tuple(problems),
        store=store,
        mail=_mail(engine.mesh.office),
        queues=queues,
    )


def describe_queues(queues: Mapping[LinkId, Queue], shed: Shed) -> QueuesSummary:
    """Put together what the pump knows of busy links."""
    return QueuesSummary(
        busy=tuple(
            QueueSummary(link, queue.bytes, None if queue.rate is None else round(queue.rate, 1))
            for link, queue in queues.items()
            if queue.bytes or queue.rate is not None
        ),
        shed={priority.name.lower(): count for priority, count in shed.items() if count},
    )


def _policy(policy: Policy) -> PolicySummary:
    return PolicySummary(policy.source, len(policy.rules), policy.default.value)


def _air(rows: Sequence[CreditRow]) -> tuple[AirSummary, ...]:
    senders = Counter(row.site for row in rows if row.origin is not None)
    sites = sorted((row for row in rows if row.origin is None), key=lambda row: -row.spent_ms)
    return tuple(
        AirSummary(
            site=row.site.decode(),
            level_ms=round(row.level_ms, 1),
            bulk_ms=round(row.bulk_ms, 1),
            headroom_ms=round(row.headroom_ms, 1),
            spent_ms=round(row.spent_ms, 1),
            admitted=row.admitted,
            refused=row.refused,
            senders=senders[row.site],
        )
        for row in sites
    )


def _mail(office: PostOffice | None) -> MailSummary:
    if office is None:
        return MailSummary()
    kept = [len(letter.payload) for letter in office.bag if letter.stored_by is None]  # of the others nobody is told yet
    return MailSummary(
        waiting=len(kept),
        waiting_bytes=sum(kept),
        counters=dict(office.counts),
        refused={reason.value: count for reason, count in office.refused.items()},
        dead={reason.value: count for reason, count in office.dead.items()},
    )


def _consent(bridge: ConsentBridge, now: float) -> ConsentSummary:
    carriers = bridge.carriers
    return ConsentSummary(
        cell=carriers.place.cell,
        channels=tuple(sorted(carriers.place.channels)),
        people=carriers.people(now),
        waiting=carriers.waiting,
        unsent=len(bridge.unsent),
        relays=len(bridge.uplink),
        unpublished=bridge.uplink.waiting,
        counters=dict(carriers.counts),
    )


def sentence(phones: int, sites: int, waiting: int, problems: Sequence[Problem]) -> str:
    """Say in one true sentence or two how things are; what is wrong comes first, and a notice is not wrong."""
    if problems and problems[0].severity is not Severity.NOTICE:
        return problems[0].sentence
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
