"""Turns the numbers into what Prometheus reads, in its own format or in OpenMetrics, as the asker prefers."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from gateway.bridge.delays import Delays
from gateway.telemetry.catalogue import METRICS, PREFIX, Kind, Metric
from gateway.telemetry.figures import Figure
from gateway.telemetry.limits import METRICS_CACHE_S


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to a scrape."""

    body: bytes
    content_type: str


class Exposition:
    """Makes the page that is scraped.

    Args:
        read: reads every number of the gateway.
        now: monotonic seconds; an answer serves everybody for `METRICS_CACHE_S`.
        child: process ID of the libp2p child, None while there is none.
        process: whether to add the numbers of the process and of Python.

    """

    def __init__(
        self, read: Callable[[], Iterable[Figure]], now: Callable[[], float], child: Callable[[], int | None], *, process: bool = True
    ) -> None:
        self._now = now
        self._pages: dict[str, tuple[float, Page]] = {}
        self._registry = CollectorRegistry()
        self._registry.register(_Gateway(read))
        if process:
            ProcessCollector(registry=self._registry)
            PlatformCollector(registry=self._registry)
            GCCollector(registry=self._registry)
        self._registry.register(_Child(child))

    def page(self, accept: str = "") -> Page:
        """Return the page in the form that an ``Accept`` header asks for."""
        encode, content_type = choose_encoder(accept)
        now = self._now()
        known = self._pages.get(content_type)
        if known is not None and 0 <= now - known[0] < METRICS_CACHE_S:
            return known[1]
        page = Page(encode(self._registry), content_type)
        if len(self._pages) > _MOST_FORMS:
            self._pages.clear()
        self._pages[content_type] = now, page
        return page


_MOST_FORMS = 4  # an asker may write any version into its header


class _Gateway(Collector):
    """The gateway's own numbers."""

    def __init__(self, read: Callable[[], Iterable[Figure]]) -> None:
        self._read = read

    def describe(self) -> Iterator[Family]:
        """Return no names: they would have to be read first."""
        return iter(())

    def collect(self) -> Iterator[Family]:
        """Return every number, sorted by metric."""
        families = {metric.name: _family(metric) for metric in METRICS}
        kinds = {metric.name: metric.kind for metric in METRICS}
        for name, labels, value in self._read():
            family = families[name]
            if kinds[name] is Kind.HISTOGRAM and isinstance(value, Delays) and isinstance(family, HistogramMetricFamily):
                family.add_metric(labels, _buckets(value), value.total_s)
            elif isinstance(family, CounterMetricFamily | GaugeMetricFamily) and not isinstance(value, Delays):
                family.add_metric(labels, float(value))
        return (family for family in families.values() if family.samples)


class _Child(Collector):
    """The process of the libp2p child."""

    def __init__(self, child: Callable[[], int | None]) -> None:
        self._child = child
        self._process = ProcessCollector(namespace=f"{PREFIX}libp2p", pid=lambda: child() or 0, registry=None)

    def describe(self) -> Iterator[Family]:
        """Return no names: there may be no such process."""
        return iter(())

    def collect(self) -> Iterable[Family]:
        """Return its numbers while it runs."""
        return self._process.collect() if self._child() is not None else ()


def _family(metric: Metric) -> Family:
    labels = list(metric.labels)
    name = metric.full_name
    match metric.kind:
        case Kind.COUNTER:
            return CounterMetricFamily(name, metric.help, labels=labels)
        case Kind.GAUGE:
            return GaugeMetricFamily(name, metric.help, labels=labels)
        case Kind.HISTOGRAM:
            return HistogramMetricFamily(name, metric.help, labels=labels)


def _buckets(delays: Delays) -> list[tuple[str, float]]:
    counted, buckets = 0, []
    for bound, count in zip((*map(str, delays.bounds), "+Inf"), delays.counts, strict=True):
        counted += count
        buckets.append((bound, float(counted)))
    return buckets
