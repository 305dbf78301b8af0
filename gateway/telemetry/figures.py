"""Reads every number there is, from the counters where they are kept. Nothing here counts."""

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from gateway.admin.page import Page
from gateway.bridge.delays import Delays
from gateway.bridge.engine import GatewayEngine
from gateway.bridge.gate import Gate
from gateway.bridge.trunks import Trunks
from gateway.mesh.effects import Priority
from gateway.mesh.postoffice import PostOffice
from gateway.mesh.traffic import Traffic
from gateway.runtime.federation import Federation
from gateway.runtime.keeping import Keeping
from gateway.runtime.pump import Pump
from gateway.runtime.reload import Reloads
from gateway.runtime.supervise import Supervised
from gateway.session.counts import SessionCounts
from gateway.telemetry.events import Level
from gateway.telemetry.health import Health, Name, severity_of
from gateway.telemetry.labels import LETTERS, PACKET_TYPES, TRANSPORT_EVENTS, WIDE
from gateway.telemetry.meter import Meter
from gateway.telemetry.mqtt.session import Session
from gateway.telemetry.outward import of_broker, of_federation, of_page
from gateway.telemetry.progress import Part, Progress
from gateway.wire.types import type_name
from hw.vitals import Vitals
from transports.link import TransportState

if TYPE_CHECKING:  # needs the extra `ble`
    from transports.ble.status import AdapterStatus

Figure = tuple[str, tuple[str, ...], float | Delays]
"""Name of a metric without its prefix, the values of its labels in their order, and the number."""

_TYPES: Final = [type_name(kind) for kind in range(256)]
_EVENTS: Final = frozenset(TRANSPORT_EVENTS)
_ANSWERS: Final = (("unanswered", "relay_unanswered"), ("rejected", "relay_rejected"))


@dataclass(slots=True)
class LogCounts:
    """What the log has counted."""

    written: Callable[[], dict[Level, int]] = dict
    left_out: Callable[[], int] = lambda: 0


@dataclass(slots=True)
class Sizes:
    """What the database holds, as it was last asked."""

    messages: int = 0
    bytes: int = 0


@dataclass(slots=True, kw_only=True)
class Parts:
    """Everything of a gateway that has numbers."""

    engine: GatewayEngine
    trunks: Trunks
    transports: Sequence[Supervised]
    keeping: Keeping
    health: Health
    progress: Progress
    reloads: Reloads
    meter: Meter
    pump: Callable[[], Pump | None]
    adapters: "Callable[[], Sequence[AdapterStatus]]"
    clock_known: Callable[[], bool]
    wall: Callable[[float], float | None]  # Unix seconds of a moment of the monotonic clock, None while the time of day is not known
    vitals: Vitals = field(default_factory=Vitals)
    sizes: Sizes = field(default_factory=Sizes)
    logs: LogCounts = field(default_factory=LogCounts)
    federation: Callable[[], Federation | None] = lambda: None
    broker: Callable[[], Session | None] = lambda: None
    page: Callable[[], Page | None] = lambda: None


def figures(parts: Parts, now: float) -> Iterator[Figure]:
    """Read everything; `now` is monotonic seconds."""
    yield "build_info", (version("meshgate"), platform.python_version()), 1
    yield from _health(parts)
    yield from _radio(parts)
    yield from _mesh(parts, now)
    yield from _sessions(parts.engine.mesh.sessions.counts, len(parts.engine.mesh.sessions))
    yield from _bridge(parts)
    yield from _rules(parts.engine.gate)
    yield from _mail(parts.engine.mesh.office)
    yield from _transports(parts)
    yield from of_federation(parts.federation())
    yield from of_broker(parts.broker())
    yield from of_page(parts.page())
    yield from _requests(parts.meter)
    yield from _store(parts)
    yield from _machine(parts)


def _health(parts: Parts) -> Iterator[Figure]:
    health = parts.health
    held = {condition.name for condition in health.conditions}
    yield "ready", (), health.is_ready
    for name in Name:
        yield "condition", (name.value, severity_of(name).value), name in held
        yield "conditions_total", (name.value,), health.raised[name]
    for part in Part:
        yield "part_idle_seconds", (part.value,), parts.progress.waited(part)


def _radio(parts: Parts) -> Iterator[Figure]:
    for adapter in parts.adapters():
        name = adapter.name
        yield "ble_adapter_up", (name,), adapter.state is TransportState.UP
        for step, count in adapter.steps.items():
            yield "ble_adapter_recoveries_total", (name, step.value), count
        dialled = sum(link.dialled for link in adapter.links)
        yield "ble_connections", (name, "central"), dialled
        yield "ble_connections", (name, "peripheral"), len(adapter.links) - dialled
        heard = parts.wall(adapter.heard_at) if adapter.heard_at is not None else None
        if heard is not None:
            yield "ble_last_advertisement_timestamp_seconds", (name,), heard


def _mesh(parts: Parts, now: float) -> Iterator[Figure]:
    mesh = parts.engine.mesh
    status = mesh.status(now)
    direct = sum(peer.direct for peer in status.peers)
    local = sum(peer.local and not peer.direct for peer in status.peers)
    yield "mesh_peers", ("direct",), direct
    yield "mesh_peers", ("relayed",), local
    yield "mesh_peers", ("remote",), sum(peer.remote and not peer.local and not peer.direct for peer in status.peers)
    yield "mesh_links", (), status.links
    yield from _traffic(mesh.traffic)
    counters = status.counters
    yield "mesh_packets_relayed_total", (), counters["relayed"]
    yield "mesh_relays_cancelled_total", (), counters["cancelled"]
    yield "mesh_relays_demoted_total", (), counters["demoted"]
    yield "mesh_emergencies_demoted_total", (), counters["emergencies_demoted"]
    for reason, count in status.drops.items():
        yield "mesh_packets_dropped_total", (reason,), count
    yield "mesh_reassemblies", (), counters["assemblies"]
    yield "mesh_history_packets", (), counters["history"]


def _traffic(traffic: Traffic) -> Iterator[Figure]:
    for direction, counts, size in (("in", traffic.heard, traffic.heard_bytes), ("out", traffic.said, traffic.said_bytes)):
        sums = dict.fromkeys(PACKET_TYPES, 0)
        for kind, count in enumerate(counts):
            if count:
                sums[_TYPES[kind]] += count
        for name, count in sums.items():
            yield "mesh_packets_total", (direction, name), count
        yield "mesh_bytes_total", (direction,), size


def _sessions(counts: SessionCounts, up: int) -> Iterator[Figure]:
    yield "noise_sessions", (), up
    rows = (
        ("started", counts.started, counts.answered),
        ("established", counts.established_started, counts.established - counts.established_started),
        ("timed_out", counts.timed_out_started, counts.timed_out - counts.timed_out_started),
        ("crowded_out", counts.crowded_out_started, counts.crowded_out - counts.crowded_out_started),
    )
    for result, ours, theirs in rows:
        yield "noise_handshakes_total", ("initiator", result), ours
        yield "noise_handshakes_total", ("responder", result), theirs
    yield "noise_refused_total", ("handshake",), counts.refused
    yield "noise_refused_total", ("rate",), counts.rate_limited
    yield "noise_refused_total", ("replayed",), counts.replayed
    yield "noise_refused_total", ("undecryptable",), counts.undecryptable


def _bridge(parts: Parts) -> Iterator[Figure]:
    engine, trunks, pump = parts.engine, parts.trunks, parts.pump()
    yield "bridge_sites", (), len(engine.sites)
    carriers = engine.consent.carriers
    done = carriers.counts
    yield "bridge_messages_total", ("island", "site", "crossed"), engine.open.crossed_out
    yield "bridge_messages_total", ("site", "island", "crossed"), engine.open.crossed_in
    yield "bridge_messages_total", ("site", "site", "passed_on"), engine.open.passed_on
    yield "bridge_messages_total", ("island", "site", "deposited"), done["deposited"]
    for verdict in ("arrived", "put_down", "left_to_others", "already_here"):
        yield "bridge_messages_total", ("site", "island", verdict), done[verdict]
    yield "bridge_messages_total", ("relay", "island", "arrived"), done["relayed"]
    for verdict, counted in (("published", "published"), ("unpublished", "unpublished"), *_ANSWERS):
        yield "bridge_messages_total", ("island", "relay", verdict), done[counted]
    for reason, count in engine.drops.items():
        if count or trunks.drops[reason]:
            yield "bridge_packets_dropped_total", (reason.value,), count + trunks.drops[reason]
    frames, size, oldest = trunks.unacknowledged
    yield "bridge_queue_messages", ("site",), frames
    yield "bridge_queue_messages", ("link",), pump.waiting_frames if pump is not None else 0
    yield "bridge_queue_messages", ("radio",), carriers.waiting
    yield "bridge_queue_messages", ("deposit",), len(engine.consent.unsent)
    yield "bridge_queue_messages", ("relay",), engine.consent.uplink.waiting
    yield "bridge_queue_bytes", ("site",), size
    yield "bridge_queue_bytes", ("link",), pump.waiting_bytes if pump is not None else 0
    since = parts.wall(oldest) if oldest is not None else None
    if since is not None:
        yield "bridge_queue_oldest_timestamp_seconds", ("site",), since
    yield "bridge_delivery_seconds", ("site",), trunks.delays
    for priority in Priority:
        yield "link_frames_shed_total", (priority.name.lower(),), pump.shed[priority] if pump is not None else 0
    yield "bridge_frames_refused_total", (), trunks.counters["refused"]


def _rules(gate: Gate) -> Iterator[Figure]:
    yield "policy_rules", (), len(gate.policy.rules)
    for source, spent in (("island", gate.credits.own), ("site", gate.credits.others)):
        yield "air_seconds_total", (source,), spent.ms / 1000
        yield "air_packets_total", (source, "admitted"), spent.admitted
        yield "air_packets_total", (source, "refused"), spent.refused


def _mail(office: PostOffice | None) -> Iterator[Figure]:
    if office is None:
        return
    held = [len(letter.payload) for letter in office.bag]
    yield "mail_letters", (), len(held)
    yield "mail_bytes", (), sum(held)
    for done in LETTERS:
        yield "mail_events_total", (done,), office.counts[done]
    for reason, count in office.refused.items():
        yield "mail_refused_total", (reason.value,), count


def _transports(parts: Parts) -> Iterator[Figure]:
    failed = {link.partition(":")[0] for link in parts.trunks.failed}
    for one in parts.transports:
        status, name = one.status(), one.transport.name
        yield "transport_up", (name,), status.state in (TransportState.UP, TransportState.DEGRADED)
        yield "transport_peers", (name,), status.links
        if name in WIDE:
            yield "transport_breaker_open", (name,), name in failed
        yield "transport_reconnects_total", (name,), one.reconnects
        yield "transport_failures_total", (name,), one.failures
        for event, count in status.counters.items():
            if event in _EVENTS:
                yield "transport_events_total", (name, event), count
            elif event in {"bytes_in", "bytes_out"} and name in {"libp2p", "websocket"}:
                yield "transport_bytes_total", (name, event.removeprefix("bytes_")), count


def _requests(meter: Meter) -> Iterator[Figure]:
    for labels, count in meter.requests.items():
        yield "http_requests_total", labels, count
    for route, delays in meter.seconds.items():
        yield "http_request_seconds", (route,), delays
    yield "http_connections_refused_total", (), meter.refused
    yield "http_malformed_total", (), meter.malformed


def _store(parts: Parts) -> Iterator[Figure]:
    summary = parts.keeping.summary()
    yield "store_messages", (), parts.sizes.messages
    yield "store_bytes", (), parts.sizes.bytes
    yield "store_records_waiting", (), summary.waiting
    yield "store_records_dropped_total", (), summary.dropped
    yield "store_decisions_unrecorded_total", (), summary.unrecorded


def _machine(parts: Parts) -> Iterator[Figure]:
    yield "config_last_reload_successful", (), parts.reloads.successful
    if parts.reloads.taken_at is not None and (taken := parts.wall(parts.reloads.taken_at)) is not None:
        yield "config_last_reload_success_timestamp_seconds", (), taken
    yield "clock_synchronized", (), parts.clock_known()
    vitals = parts.vitals
    if vitals.celsius is not None:
        yield "host_temperature_celsius", (), vitals.celsius
    if vitals.undervoltage is not None:
        yield "host_undervoltage", (), vitals.undervoltage
    if vitals.disk is not None:
        yield "host_disk_bytes", (), vitals.disk.total_bytes
        yield "host_disk_free_bytes", (), vitals.disk.free_bytes
    for level, count in parts.logs.written().items():
        yield "log_entries_total", (level.word,), count
    yield "log_entries_left_out_total", (), parts.logs.left_out()
