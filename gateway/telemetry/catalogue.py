"""Every metric there is, with its labels. Each label is a closed set: no stranger can make a new series.

Names follow Prometheus' practices: one prefix, base units, ``_total`` for what only grows, times of day instead of ages.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.bridge.delays import DELIVERY_S
from gateway.bridge.membership_links import UNUSED
from gateway.bridge.tickets import Refusal
from gateway.errors import Reason
from gateway.status import Severity
from gateway.telemetry.events import Level
from gateway.telemetry.health import Name
from gateway.telemetry.labels import (
    CLASSES,
    DIRECTIONS,
    LETTERS,
    METHODS,
    PACKET_TYPES,
    REFUSED,
    ROUTES,
    STATUSES,
    STEPS,
    TRANSPORT_EVENTS,
    TRANSPORTS,
    WIDE,
)
from gateway.telemetry.progress import Part
from gateway.wire.federation import KINDS

PREFIX: Final = "meshgate_"
REQUEST_S: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
"""Upper bounds of the histogram of answered requests, seconds."""


class Kind(StrEnum):
    """What a number means."""

    COUNTER = "counter"  # only grows, from 0 at the start
    GAUGE = "gauge"  # goes up and down
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric."""

    name: str  # without the prefix
    kind: Kind
    help: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # each with its closed set; an empty one is set by the machine
    bounds: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as it is scraped."""
        return PREFIX + self.name


_ADAPTER: Final[dict[str, tuple[str, ...]]] = {"adapter": ()}
_REASONS: Final = tuple(reason.value for reason in Reason)
_CONDITIONS: Final = tuple(name.value for name in Name)


def _counter(name: str, text: str, **labels: tuple[str, ...]) -> Metric:
    return Metric(name, Kind.COUNTER, text, labels)


def _gauge(name: str, text: str, **labels: tuple[str, ...]) -> Metric:
    return Metric(name, Kind.GAUGE, text, labels)


METRICS: Final = (
    _gauge("build_info", "The versions that run; always 1.", version=(), python=()),
    _gauge("ready", "Whether every part does its work (1) or a condition of severity error holds (0)."),
    _gauge(
        "condition",
        "Whether a condition holds, of whatever it holds.",
        condition=_CONDITIONS,
        severity=tuple(severity.value for severity in Severity),
    ),
    _counter("conditions_total", "How often a condition began.", condition=_CONDITIONS),
    _gauge(
        "part_idle_seconds",
        "How long a part of the gateway has finished nothing of what it was given; the watchdog goes by it.",
        part=tuple(part.value for part in Part),
    ),
    # Bluetooth
    _gauge("ble_adapter_up", "Whether an adapter works.", **_ADAPTER),
    _counter("ble_adapter_recoveries_total", "Steps of the recovery ladder that were taken.", **_ADAPTER, step=STEPS),
    _gauge("ble_connections", "Linked devices.", **_ADAPTER, role=("central", "peripheral")),
    _gauge("ble_last_advertisement_timestamp_seconds", "When an adapter last heard an advertisement.", **_ADAPTER),
    # The mesh
    _gauge("mesh_peers", "Known peers, by how they are reached.", link=("direct", "relayed", "remote")),
    _gauge("mesh_links", "Links with phones and other neighbours."),
    _counter("mesh_packets_total", "Packets on local links, each link counted.", direction=DIRECTIONS, type=PACKET_TYPES),
    _counter("mesh_bytes_total", "Bytes of those packets.", direction=DIRECTIONS),
    _counter("mesh_packets_relayed_total", "Packets of others passed on to neighbours."),
    _counter("mesh_relays_cancelled_total", "Packets not passed on because a neighbour was quicker."),
    _counter("mesh_relays_demoted_total", "Packets passed on last because their link brought too many."),
    _counter("mesh_emergencies_demoted_total", "Urgent posts that went as ordinary ones because their sender had too many."),
    _counter("mesh_packets_dropped_total", "Packets of the mesh that were refused or could not be sent.", reason=_REASONS),
    _gauge("mesh_reassemblies", "Packets whose fragments are being collected."),
    _gauge("mesh_history_packets", "Public packets kept for those who missed them."),
    _gauge("noise_sessions", "Noise sessions of the gateway itself."),
    _counter(
        "noise_handshakes_total",
        "Noise handshakes of the gateway itself.",
        role=("initiator", "responder"),
        result=("started", "established", "timed_out", "crowded_out"),
    ),
    _counter("noise_refused_total", "Noise messages that were refused.", reason=("handshake", "rate", "replayed", "undecryptable")),
    # The bridge
    _gauge("bridge_sites", "Sites that are linked."),
    _counter(
        "bridge_messages_total",
        "What was done with what crosses: packets in open mode, signed events in consent mode.",
        source=("island", "site", "relay"),
        target=("island", "site", "relay"),
        verdict=(
            *("crossed", "passed_on", "deposited", "arrived", "put_down", "left_to_others", "already_here"),
            *("published", "unpublished", "unanswered", "rejected"),
        ),
    ),
    _counter("bridge_packets_dropped_total", "What did not cross, and why.", reason=_REASONS),
    _gauge("bridge_queue_messages", "What waits.", target=("site", "link", "radio", "deposit", "relay")),
    _gauge("bridge_queue_bytes", "Bytes of what waits.", target=("site", "link")),
    _gauge(
        "bridge_queue_oldest_timestamp_seconds",
        "When the oldest of what a site has not acknowledged was taken; absent while nothing waits.",
        target=("site",),
    ),
    Metric(
        "bridge_delivery_seconds",
        Kind.HISTOGRAM,
        "Time until a site acknowledged what it was sent.",
        {"target": ("site",)},
        DELIVERY_S,
    ),
    _counter("link_frames_shed_total", "Frames given up because a link stayed busy.", **{"class": CLASSES}),
    _counter("bridge_frames_refused_total", "Frames not taken for a site because too much waits for it already."),
    # The operator's rules and the air; what they keep away is among `bridge_packets_dropped_total`
    _gauge("policy_rules", "Rules of the operator's in force."),
    _counter("air_seconds_total", "Air time granted to packets that came to be put on the air.", source=("island", "site")),
    _counter("air_packets_total", "Packets that asked for air time.", source=("island", "site"), verdict=("admitted", "refused")),
    # Mail
    _gauge("mail_letters", "Letters held for people who are away."),
    _gauge("mail_bytes", "Bytes of those letters."),
    _counter("mail_events_total", "What was done with letters.", event=LETTERS),
    _counter("mail_refused_total", "Letters that were not taken, and why.", reason=_REASONS),
    # Transports
    _gauge("transport_up", "Whether a transport works.", transport=TRANSPORTS),
    _gauge("transport_peers", "Links of a transport that are up.", transport=TRANSPORTS),
    _gauge("transport_breaker_open", "Whether a link of a transport is left alone because it failed.", transport=WIDE),
    _counter("transport_bytes_total", "Bytes of frames moved between sites.", transport=("libp2p", "websocket"), direction=DIRECTIONS),
    _counter("transport_reconnects_total", "Links that came up again under the name they had.", transport=TRANSPORTS),
    _counter("transport_failures_total", "Times a transport ended and was started again.", transport=TRANSPORTS),
    _counter("transport_events_total", "What a transport counts of itself.", transport=TRANSPORTS, event=TRANSPORT_EVENTS),
    # The federation; absent without a way to other gateways
    _gauge("federation_members", "Members beside this gateway."),
    _gauge(
        "federation_links",
        "Other gateways: members by whether they are linked, and those whose answer to our ticket is awaited.",
        state=("linked", "away", "joining"),
    ),
    _counter(
        "federation_tickets_refused_total",
        "Tickets and codes that were shown here and not taken.",
        reason=tuple(refusal.value for refusal in Refusal),
    ),
    _counter("federation_messages_total", "Messages about the federation.", direction=DIRECTIONS, kind=tuple(KINDS.values())),
    _counter("federation_messages_refused_total", "Messages about the federation that were not looked at.", reason=UNUSED),
    # MQTT; absent while it is not used
    _gauge("mqtt_up", "Whether a broker is connected."),
    _counter("mqtt_connections_total", "Times a broker was connected."),
    _counter("mqtt_publishes_total", "What became of messages for the broker.", result=("published", "dropped", "refused")),
    _gauge("mqtt_queue_messages", "Messages the broker has not acknowledged."),
    _counter("mqtt_commands_total", "What became of commands.", outcome=("done", "failed", "refused", "ignored")),
    # The page; absent while it is switched off
    _gauge("page_sessions", "Sessions of people who are logged in."),
    _gauge("page_connections", "Open connections of the page, those that have said nothing yet included."),
    _counter("page_refused_total", "Connections and requests the page has refused, and why.", reason=REFUSED),
    # The API and the metrics themselves
    _counter("http_requests_total", "Requests that were answered.", method=METHODS, route=ROUTES, status=STATUSES),
    Metric("http_request_seconds", Kind.HISTOGRAM, "Time to answer a request.", {"route": ROUTES}, REQUEST_S),
    _counter("http_connections_refused_total", "Connections closed and requests refused because there were too many."),
    _counter("http_malformed_total", "What came to the addresses for metrics and was no HTTP."),
    # The store
    _gauge("store_messages", "Messages on their way that the store keeps."),
    _gauge("store_bytes", "Bytes of the database."),
    _gauge("store_records_waiting", "Records that are not on the disk yet."),
    _counter("store_records_dropped_total", "Records given up because the database could not be written or was too busy."),
    _counter("store_decisions_unrecorded_total", "Decisions beyond what is recorded in a second."),
    # The gateway and its machine
    _gauge("config_last_reload_successful", "Whether the last reload was taken (1) or refused (0)."),
    _gauge("config_last_reload_success_timestamp_seconds", "When settings were last taken, the start included."),
    _gauge("clock_synchronized", "Whether the time of day of this machine is believed."),
    _gauge("host_temperature_celsius", "Temperature of the processor; absent where the machine does not tell."),
    _gauge("host_undervoltage", "Whether the supply is too weak; absent where the machine does not tell."),
    _gauge("host_disk_bytes", "Size of the disk with the gateway's state."),
    _gauge("host_disk_free_bytes", "Room on that disk."),
    _counter("log_entries_total", "Entries of the log.", level=tuple(level.word for level in Level)),
    _counter("log_entries_left_out_total", "Entries left out because they were too many."),
)
"""In the order in which they are scraped and documented."""

BY_NAME: Final = {metric.name: metric for metric in METRICS}

FROM_LIBRARY: Final = {
    "process_": "of the gateway's process: memory, processor time, open files, start (Linux)",
    "meshgate_libp2p_process_": "the same of the child process that speaks libp2p, while it runs",
    "python_gc_": "of Python's garbage collector",
    "python_info": "of the Python that runs",
}
"""What prometheus-client adds, by the beginning of the name."""
