"""What Prometheus reads: its form, its names, its price."""

import os
import re
from collections.abc import Iterable

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from gateway.bridge.delays import Delays
from gateway.telemetry.catalogue import FROM_LIBRARY, METRICS, Kind
from gateway.telemetry.exposition import Exposition
from gateway.telemetry.figures import Figure
from gateway.telemetry.limits import METRICS_CACHE_S
from tests.telemetry.tools import needs_promtool, promtool

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


def one_of_each() -> Iterable[Figure]:
    """A number for every metric, with the first value each label may have."""
    for metric in METRICS:
        labels = tuple(allowed[0] if allowed else "hci0" for allowed in metric.labels.values())
        value: float | Delays = 1
        if metric.kind is Kind.HISTOGRAM:
            value = Delays(metric.bounds)
            value.add(0.2)
            value.add(1_000.0)
        yield metric.name, labels, value


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def exposition(read=one_of_each, clock: Clock | None = None) -> Exposition:
    return Exposition(read, clock or Clock(), os.getpid)


@needs_promtool
def test_promtool_finds_no_fault_with_any_name() -> None:
    assert promtool("check", "metrics", given=exposition().page().body.decode()) == ""


def test_every_metric_is_on_the_page_under_its_name_with_its_labels_and_its_help() -> None:
    families = {family.name: family for family in read_text(exposition().page().body.decode())}
    for metric in METRICS:
        family = families[metric.full_name.removesuffix("_total") if metric.kind is Kind.COUNTER else metric.full_name]
        assert (family.type, family.documentation) == (metric.kind.value, metric.help)
        assert set(family.samples[0].labels) - {"le"} == set(metric.labels)


def test_nothing_is_on_the_page_that_is_not_documented() -> None:
    ours = {metric.full_name for metric in METRICS}
    for family in read_text(exposition().page().body.decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert name in ours or any(name.startswith(prefix) for prefix in FROM_LIBRARY), name


@pytest.mark.parametrize(
    ("accept", "kind"), [("", "text/plain"), ("text/plain", "text/plain"), (OPENMETRICS, "application/openmetrics-text")]
)
def test_the_asker_chooses_the_form(accept: str, kind: str) -> None:
    page = exposition().page(accept)
    assert page.content_type.startswith(kind)
    assert page.body.endswith(b"# EOF\n") is (kind != "text/plain")
    read = read_openmetrics if kind != "text/plain" else read_text
    assert {"meshgate_ready", "process_resident_memory_bytes", "meshgate_libp2p_process_cpu_seconds"} <= {
        family.name for family in read(page.body.decode())
    }


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_no_series_tells_when_it_was_created(accept: str) -> None:
    assert b"_created" not in exposition().page(accept).body


def test_a_histogram_is_cumulative_and_ends_with_everything() -> None:
    page = exposition().page().body.decode()
    found = re.findall(r'meshgate_bridge_delivery_seconds_bucket\{le="([^"]+)",target="site"\} (\S+)', page)
    assert found[0] == ("0.05", "0.0")
    assert ("0.25", "1.0") in found
    assert found[-1] == ("+Inf", "2.0")
    assert 'meshgate_bridge_delivery_seconds_sum{target="site"} 1000.2' in page


def test_one_answer_serves_all_who_ask_within_a_second() -> None:
    clock, asked = Clock(), []

    def read() -> Iterable[Figure]:
        asked.append(clock.now)
        return [("ready", (), len(asked))]

    shown = exposition(read, clock)
    pages = [shown.page() for _ in range(1_000)]
    assert asked == [50.0]
    assert len({page.body for page in pages}) == 1
    clock.now += METRICS_CACHE_S
    assert b"meshgate_ready 2.0" in shown.page().body


def test_an_asker_with_a_new_version_in_every_header_fills_no_memory() -> None:
    shown = exposition()
    for minor in range(50):
        shown.page(f"application/openmetrics-text;version=1.{minor}.0")
    assert len(shown._pages) <= 6


def test_without_a_child_there_are_no_numbers_of_one() -> None:
    page = Exposition(one_of_each, Clock(), lambda: None).page().body
    assert b"meshgate_libp2p_process" not in page


def test_a_child_that_has_just_died_is_no_fault() -> None:
    page = Exposition(one_of_each, Clock(), lambda: 2**22 + 1).page().body
    assert b"meshgate_ready" in page


def test_durations_are_counted_by_their_upper_bound() -> None:
    delays = Delays((0.1, 1.0))
    for seconds in (0.0, 0.1, 0.5, 1.0, 7.0, -0.5):
        delays.add(seconds)
    assert (delays.counts, delays.total_s) == ([3, 2, 1], pytest.approx(8.6))
