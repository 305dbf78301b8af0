"""Labels are closed sets, and what the transports count is in them."""

import re
from dataclasses import asdict, fields
from pathlib import Path
from random import Random

from gateway.telemetry.catalogue import METRICS
from gateway.telemetry.labels import NOT_EVENTS, TRANSPORT_EVENTS, TRANSPORTS
from gateway.telemetry.meter import Meter
from transports import nostr
from transports.ble.config import BleConfig
from transports.ble.counters import Counters as BleCounters
from transports.ble.transport import BleTransport
from transports.libp2p.effects import Counters
from transports.websocket.errors import Refusal


def test_whatever_the_radio_counts_is_a_known_event() -> None:
    counted = set(BleTransport(BleConfig(), Random(1)).status().counters) | set(BleCounters().flat())
    assert counted <= set(TRANSPORT_EVENTS) | NOT_EVENTS


def test_whatever_links_between_sites_count_is_a_known_event() -> None:
    counted = {one.name for one in fields(Counters)} | set(asdict(Counters()))
    counted |= {f"refused_{refusal.name.lower()}" for refusal in Refusal}
    assert counted <= set(TRANSPORT_EVENTS) | NOT_EVENTS


def test_whatever_relays_count_is_a_known_event() -> None:
    source = "".join(path.read_text() for path in Path(nostr.__file__).parent.glob("*.py"))
    counted = set(re.findall(r"_counts\[\"(\w+)\"\]|_fault\(\"(\w+)\"\)|RelayError\(.*, \"(\w+)\"\)", source))
    names = {name for found in counted for name in found if name} | {"notice", "auth"}
    assert len(names) > 10
    assert names <= set(TRANSPORT_EVENTS)


def test_requests_nobody_planned_for_make_no_new_series() -> None:
    meter = Meter()
    for number in range(1_000):
        meter.add(f"VERB{number}", f"/guess/{number}", 100 + number, 0.001)
    assert len(meter.requests) <= 4
    assert set(meter.seconds) == {"other"}
    assert sum(meter.requests.values()) == 1_000


def test_no_label_could_name_a_person_a_site_or_an_address() -> None:
    open_labels = {label for metric in METRICS for label, allowed in metric.labels.items() if not allowed}
    assert open_labels == {"adapter", "version", "python"}
    assert all(len(allowed) == len(set(allowed)) for metric in METRICS for allowed in metric.labels.values())
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert len(set(TRANSPORTS)) == len(TRANSPORTS)
