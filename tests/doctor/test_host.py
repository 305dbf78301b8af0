"""What is said of the box and its connections, one thing spoilt at a time."""

from dataclasses import replace

import pytest

from gateway.doctor.finding import Verdict
from gateway.doctor.host import examine_host
from gateway.doctor.host_facts import Called, HostFacts, Login, PageFacts, Port, PortState, Rules, Uplink
from hw.vitals import Disk, Throttled, Vitals

GIB = 1 << 30
CARD = Disk(10 * GIB, 30 * GIB, read_only=False, device="mmcblk0p2", errors=0)
BOARD = Vitals(45.2, Throttled(0), 2 * GIB, 4 * GIB, CARD, has_rtc=True, watchdog="Broadcom BCM2835 Watchdog timer", watchdog_fed=True)
WELL = HostFacts(
    BOARD,
    ports=(Port("libp2p", 4001, PortState.FREE),),
    called=(Called("libp2p", 1, 0.02),),
    brokers=(Login(1),),
    rules=Rules(2),
    page=PageFacts(days_left=400.0),
    libp2p_wanted=True,
    libp2p=Uplink(up=True, links=1, is_public=False),
)


def verdicts(facts: HostFacts) -> dict[str, Verdict]:
    return {one.check: one.verdict for one in examine_host(facts)}


def board(**changes: object) -> HostFacts:
    return replace(WELL, vitals=replace(BOARD, **changes))


def card(**changes: object) -> HostFacts:
    return board(disk=replace(CARD, **changes))


def test_a_box_with_which_all_is_well_has_nothing_to_do() -> None:
    findings = examine_host(WELL)
    assert {one.verdict for one in findings} == {Verdict.OK}
    assert not [one for one in findings if one.remedy]


def page(**changes: object) -> HostFacts:
    return replace(WELL, page=replace(WELL.page, **changes))


OK, WARN, FAIL, UNKNOWN = Verdict
SPOILT = [
    (board(throttled=Throttled.UNDER_VOLTAGE), "board.power", FAIL),
    (board(throttled=Throttled.UNDER_VOLTAGE_SEEN), "board.power", WARN),
    (board(throttled=None), "board.power", UNKNOWN),
    (board(celsius=80.0), "board.temperature", FAIL),
    (board(celsius=70.0), "board.temperature", WARN),
    (board(throttled=Throttled.THROTTLED), "board.temperature", WARN),
    (board(celsius=None), "board.temperature", UNKNOWN),
    (board(memory_available=1 << 20), "board.memory", WARN),
    (board(memory_available=None), "board.memory", UNKNOWN),
    (board(disk=None), "disk.space", UNKNOWN),
    (card(free_bytes=100 << 20), "disk.space", WARN),
    (card(free_bytes=1 << 20), "disk.space", FAIL),
    (card(read_only=True), "disk.health", FAIL),
    (card(errors=2), "disk.health", FAIL),
    (card(worn_percent=90), "disk.health", WARN),
    (card(worn_percent=80), "disk.health", OK),
    (card(errors=None), "disk.health", UNKNOWN),
    (board(watchdog_fed=False), "board.watchdog", WARN),
    (board(watchdog="", watchdog_fed=False), "board.watchdog", UNKNOWN),
    (replace(WELL, exposed=("identity.key",)), "state.files", FAIL),
    (replace(WELL, can_write=False), "state.write", FAIL),
    (replace(WELL, ports=(Port("libp2p", 4001, PortState.TAKEN),)), "port.libp2p", FAIL),
    (replace(WELL, ports=(Port("libp2p", 4001, PortState.TAKEN),), gateway_runs=True), "port.libp2p", OK),
    (replace(WELL, gateway_runs=True), "port.libp2p", FAIL),
    (replace(WELL, ports=(Port("libp2p", 80, PortState.FORBIDDEN),)), "port.libp2p", FAIL),
    (replace(WELL, ports=(Port("libp2p", 4001, PortState.ELSEWHERE),)), "port.libp2p", FAIL),
    (replace(WELL, libp2p=None), "libp2p.reach", UNKNOWN),
    (replace(WELL, libp2p=Uplink(up=False, links=0, is_public=False, sentence="It broke.")), "libp2p.reach", FAIL),
    (replace(WELL, libp2p=Uplink(up=True, links=0, is_public=False)), "libp2p.reach", UNKNOWN),
    (replace(WELL, libp2p=Uplink(up=True, links=0, is_public=True)), "libp2p.reach", OK),
    (replace(WELL, called=(Called("libp2p", 1, None, "connection refused"),)), "peer.libp2p", FAIL),
    (replace(WELL, called=(Called("libp2p", 1, 1.5),)), "peer.libp2p", WARN),
    (replace(WELL, brokers=(Login(1, "It refuses.", "Ask it why."),)), "mqtt.login", FAIL),
    (replace(WELL, brokers=(Login(0, "There is no password.", "Write one."),)), "mqtt.login", FAIL),
    (replace(WELL, ports=(Port("metrics", 9464, PortState.TAKEN),)), "port.metrics", FAIL),
    (replace(WELL, ports=(Port("metrics", 9464, PortState.TAKEN),), gateway_runs=True), "port.metrics", OK),
    (replace(WELL, ports=(Port("page", 8480, PortState.TAKEN),)), "port.page", FAIL),
    (replace(WELL, ports=(Port("page", 8480, PortState.TAKEN),), gateway_runs=True), "port.page", OK),
    (replace(WELL, ports=(Port("page", 8480, PortState.FREE),), gateway_runs=True), "port.page", FAIL),
    (page(unreachable="The address of the page cannot be listened on."), "page.listen", FAIL),
    (page(is_set_up=False), "page.setup", WARN),
    (page(is_set_up=False, reaches_others=True), "page.setup", WARN),
    (page(reaches_others=True), "page.setup", OK),
    (page(is_set_up=None), "page.setup", UNKNOWN),
    (page(is_set_up=None, people_trouble="It is damaged."), "page.setup", FAIL),
    (page(days_left=None), "page.certificate", OK),
    (page(days_left=3_000_000.0), "page.certificate", OK),
    (page(days_left=30.0), "page.certificate", WARN),
    (page(days_left=0.0), "page.certificate", FAIL),
    (page(certificate_trouble="There is no key."), "page.certificate", FAIL),
    (page(reaches_others=True, serves_plain=True), "page.encryption", WARN),
    (replace(WELL, metrics_trouble="The token cannot be read."), "metrics.token", FAIL),
    (replace(WELL, rules=Rules()), "policy.rules", OK),
    (replace(WELL, rules=Rules(trouble="The policy cannot be used (1 problem)", file="policy.toml")), "policy.rules", FAIL),
]


@pytest.mark.parametrize(("facts", "check", "verdict"), SPOILT)
def test_what_is_wrong_is_told_with_what_to_do(facts: HostFacts, check: str, verdict: Verdict) -> None:
    found = [one for one in examine_host(facts) if one.check == check]
    assert [one.verdict for one in found] == [verdict]
    if verdict in {WARN, FAIL}:
        assert found[0].remedy


def test_what_nobody_wants_is_not_looked_at() -> None:
    quiet = HostFacts(BOARD)
    assert not [check for check in verdicts(quiet) if check.startswith("page.")]
    assert not {"libp2p.reach", "mqtt.login", "peer.libp2p", "port.libp2p"} & verdicts(quiet).keys()


def test_each_broker_is_a_line_of_its_own() -> None:
    facts = replace(WELL, brokers=(Login(1), Login(2, "The broker number 2 of mqtt.brokers cannot be reached.", "Start it.")))
    found = [(one.subject, one.verdict) for one in examine_host(facts) if one.check == "mqtt.login"]
    assert found == [("1", OK), ("2", FAIL)]


def test_a_port_for_metrics_names_the_setting_it_comes_from() -> None:
    facts = replace(WELL, ports=(Port("metrics", 80, PortState.FORBIDDEN),))
    (found,) = [one for one in examine_host(facts) if one.check == "port.metrics"]
    assert found.remedy == "Use one above 1023 in metrics.listen."


def test_a_page_others_reach_before_it_is_set_up_is_told_with_what_that_means() -> None:
    said = {
        beyond: next(one for one in examine_host(page(is_set_up=False, reaches_others=beyond)) if one.check == "page.setup")
        for beyond in (False, True)
    }
    assert "Other machines reach the page" in said[True].sentence
    assert "Other machines" not in said[False].sentence
    assert all("meshgate setup-code" in one.remedy for one in said.values())


def test_a_page_that_is_plain_on_this_machine_only_is_well() -> None:
    assert "page.encryption" not in verdicts(page(serves_plain=True))


def test_the_port_of_the_page_is_called_what_its_setting_is() -> None:
    (found,) = [one for one in examine_host(replace(WELL, ports=(Port("page", 80, PortState.FORBIDDEN),))) if one.check == "port.page"]
    assert "page.listen" in found.remedy
    assert "transports" not in found.remedy
