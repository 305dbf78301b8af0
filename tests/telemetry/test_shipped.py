"""The dashboard and the alert rules that are shipped know only metrics that exist."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

from gateway.cli.main import main
from gateway.telemetry.catalogue import METRICS, Kind
from gateway.telemetry.health import Name, severity_of
from tests.telemetry.tools import needs_promtool, promtool

SHIPPED = files("gateway.telemetry") / "shipped"
ALERTS = (SHIPPED / "alerts.yml").read_text()
DASHBOARD = json.loads((SHIPPED / "dashboard.json").read_text())
OF_OTHERS = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
OF_THE_CHILD = "meshgate_libp2p_process_"
MATCHER = re.compile(r"(\w+)\s*(=~|!~|!=|=)\s*\"([^\"]*)\"")


def series() -> set[str]:
    names = set(OF_OTHERS)
    for metric in METRICS:
        if metric.kind is Kind.HISTOGRAM:
            names |= {f"{metric.full_name}_{end}" for end in ("bucket", "sum", "count")}
        else:
            names.add(metric.full_name)
    return names


def expressions() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for expr in re.findall(r"^ +expr: (.*)$", ALERTS, re.MULTILINE):
        yield "alert", expr


@pytest.mark.parametrize(("where", "expr"), list(expressions()))
def test_an_expression_asks_for_what_is_there(where: str, expr: str) -> None:
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(by|on) *\([^)]*\)", " ", expr)
    named = set(re.findall(r"\b(?:meshgate|process)_\w+|\bup\b", bare))
    assert named, expr
    unknown = {name for name in named if name not in series() and not name.startswith(OF_THE_CHILD)}
    assert not unknown, (where, unknown)


@pytest.mark.parametrize(("where", "expr"), list(expressions()))
def test_an_expression_asks_for_labels_and_values_that_can_be(where: str, expr: str) -> None:
    by_name = {metric.full_name: metric for metric in METRICS}
    for name, inside in re.findall(r"(meshgate_\w+)\{([^}]*)\}", expr):
        metric = by_name.get(re.sub(r"_(bucket|sum|count)$", "", name), by_name.get(name))
        if metric is None:
            continue
        for label, operator, wanted in MATCHER.findall(inside):
            if label in {"instance", "job"}:
                continue
            allowed = metric.labels[label]
            words = wanted.split("|") if "~" in operator else [wanted]
            assert not allowed or set(words) <= set(allowed), (where, name, label, wanted)


@needs_promtool
def test_promtool_takes_the_rules() -> None:
    assert f"{len(re.findall(r'- alert:', ALERTS))} rules found" in promtool("check", "rules", str(SHIPPED / "alerts.yml"))


@needs_promtool
@pytest.mark.parametrize(
    ("alert", "series_", "at", "labels"),
    [
        ("MeshgateError", 'meshgate_condition{instance="hut",condition="store_unusable",severity="error"} 1x20', "6m", "store_unusable"),
        ("MeshgateWarning", 'meshgate_condition{instance="hut",condition="too_hot",severity="warning"} 1x30', "20m", "too_hot"),
        ("MeshgateBrokerMissesMessages", 'meshgate_mqtt_publishes_total{instance="hut",result="dropped"} 0 0 1x20', "6m", ""),
        ("MeshgateBreakerOpen", 'meshgate_transport_breaker_open{instance="hut",transport="libp2p"} 1x30', "20m", "libp2p"),
    ],
)
def test_an_alert_is_raised_for_what_it_is_for(tmp_path, alert: str, series_: str, at: str, labels: str) -> None:
    name, value = series_.rsplit(" ", 1)
    key = "transport" if "transport" in name else "condition"
    (tmp_path / "alerts.yml").write_text(ALERTS)
    severity = "critical" if alert == "MeshgateError" else "warning"
    (tmp_path / "test.yml").write_text(
        "rule_files: [alerts.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n"
        f"  - series: '{name}'\n    values: '{value}'\n  alert_rule_test:\n  - eval_time: {at}\n    alertname: {alert}\n    exp_alerts:\n"
        f"    - exp_labels: {{severity: {severity}, instance: hut{f', {key}: {labels}' if labels else ''}}}\n"
        f"      exp_annotations: {json.dumps(annotations(alert, {'instance': 'hut', key: labels}))}\n"
    )
    assert "SUCCESS" in promtool("test", "rules", str(tmp_path / "test.yml"))


def annotations(alert: str, labels: dict[str, str]) -> dict[str, str]:
    """What the rule says, filled in."""
    block = ALERTS.partition(f"- alert: {alert}\n")[2].partition("- alert:")[0]
    found = {}
    for name in ("summary", "description"):
        text = re.search(rf"^ +{name}: (.*)$", block, re.MULTILINE)[1].strip('"')
        found[name] = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda label: labels[label[1]], text)
    return found


def test_every_condition_that_matters_is_alerted_of() -> None:
    alerted = set(re.findall(r'meshgate_condition\{severity="(\w+)"\}', ALERTS))
    assert {severity_of(name).value for name in Name} - alerted == {"notice"}


def test_the_dashboard_lays_every_panel_beside_the_others() -> None:
    cells = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        covered = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not covered & cells, panel["title"]
        cells |= covered
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.parametrize(("verb", "file"), [("dashboard", "dashboard.json"), ("alerts", "alerts.yml")])
def test_whoever_has_the_wheel_has_them(verb: str, file: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["metrics", verb]) == 0
    assert capsys.readouterr().out == (SHIPPED / file).read_text()
