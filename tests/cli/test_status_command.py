"""What ``meshgate status`` prints for a person; the running gateway is asked in tests/app."""

import msgspec
import pytest

from gateway.bridge.engine import BridgeMode
from gateway.bridge.open import OPEN_NOTICE
from gateway.cli.status import _print
from gateway.status import (
    AirSummary,
    GatewayStatus,
    MailSummary,
    PeerSummary,
    PolicySummary,
    Problem,
    QueuesSummary,
    QueueSummary,
    RouteSummary,
    Severity,
)
from tests.admin.documents import RADIO, document


def printed(status: GatewayStatus, capsys: pytest.CaptureFixture) -> list[str]:
    _print(status)
    return capsys.readouterr().out.splitlines()


def test_problems_come_first_with_what_to_do(capsys: pytest.CaptureFixture) -> None:
    problems = (
        Problem("There is no adapter.", "Plug one in.", "radio_unavailable", "", Severity.ERROR, 7.4),
        Problem("The bridge is closed.", "Set bridge.cell.", "bridge_without_cell", "", Severity.WARNING, 200.0),
        Problem("1 gateway linked; another cannot be reached.", "", "transport_degraded", "libp2p", Severity.NOTICE, 90_000.0),
    )
    lines = printed(msgspec.structs.replace(document(RADIO, troubles=[("There is no adapter.", "")]), problems=problems), capsys)
    assert lines[:4] == [
        "There is no adapter.",
        "  ! There is no adapter. Plug one in. (for 7 s)",
        "  ? The bridge is closed. Set bridge.cell. (for 3 min)",
        "  - 1 gateway linked; another cannot be reached. (for 25 h)",
    ]


def test_transports_and_the_bridge_follow(capsys: pytest.CaptureFixture) -> None:
    lines = printed(document(RADIO), capsys)
    assert [line.split() for line in lines[2:4]] == [["TRANSPORT", "STATE", "LINKS"], ["radio", "up", "2", "2", "links."]]
    assert lines[lines.index("Bridge open: 0 packets out, 0 in, 0 passed on.") + 1] == OPEN_NOTICE


def test_a_bridge_that_is_off_says_so(capsys: pytest.CaptureFixture) -> None:
    status = document()
    off = msgspec.structs.replace(status, bridge=msgspec.structs.replace(status.bridge, mode=BridgeMode.OFF))
    assert "The bridge is off: nothing crosses to other sites." in printed(off, capsys)


def test_a_consent_bridge_says_what_it_has_done_or_that_it_is_closed(capsys: pytest.CaptureFixture) -> None:
    status = document()
    counters = {"deposited": 4, "arrived": 7, "put_down": 5}
    consent = msgspec.structs.replace(status.bridge.consent, cell="u4pruy", counters=counters, people=3)
    bridge = msgspec.structs.replace(status.bridge, mode=BridgeMode.CONSENT, consent=consent)
    sentence = "Bridge consent, cell u4pruy: 4 messages out, 7 in, 5 on the radio; people on other islands: 3."
    assert sentence in printed(msgspec.structs.replace(status, bridge=bridge), capsys)
    closed = msgspec.structs.replace(bridge, is_closed=True)
    assert "The bridge is closed: bridge.cell does not say where it stands." in printed(
        msgspec.structs.replace(status, bridge=closed), capsys
    )


@pytest.mark.parametrize(("shed", "lines"), [(0, []), (1, ["1 frame was given up"]), (2, ["2 frames were given up"])])
def test_frames_given_up_are_told_of(capsys: pytest.CaptureFixture, shed: int, lines: list[str]) -> None:
    output = printed(msgspec.structs.replace(document(), shed_frames=shed), capsys)
    assert [line.partition(" because")[0] for line in output if "given up" in line] == lines


def test_what_was_given_up_is_told_by_class_and_busy_links_with_what_they_carry(capsys: pytest.CaptureFixture) -> None:
    known, unknown = QueueSummary("ble:17", 12_340, 3_210.0), QueueSummary("ble:18", 500)
    status = msgspec.structs.replace(document(), queues=QueuesSummary((known, unknown), {"voice": 1, "bulk": 2}))
    output = printed(status, capsys)
    assert "3 frames were given up because a link stayed busy: 1 voice, 2 bulk." in output
    assert "Link ble:17: 12.3 kB waiting, it carries 3.2 kB/s." in output
    assert "Link ble:18: 0.5 kB waiting, what it carries is not known yet." in output


def test_every_peer_is_listed_with_where_it_is(capsys: pytest.CaptureFixture) -> None:
    peers = [
        PeerSummary("0011223344556677", name, direct=local, local=local, remote=remote, last_heard_s=3.4)
        for name, local, remote in (("Ada", True, False), ("Bela", True, True), ("Chen", False, True), ("Dina", False, False))
    ]
    status = document()
    lines = printed(msgspec.structs.replace(status, mesh=msgspec.structs.replace(status.mesh, peers=tuple(peers))), capsys)
    assert [line.split("  ", 1)[1].split() for line in lines[-4:]] == [
        ["Ada", "near", "3", "s", "ago"],
        ["Bela", "near", "3", "s", "ago"],
        ["Chen", "other", "island", "3", "s", "ago"],
        ["Dina", "gone", "3", "s", "ago"],
    ]


def test_the_way_to_each_site_is_told_with_its_reason(capsys: pytest.CaptureFixture) -> None:
    status = document()
    routes = (
        RouteSummary("12D3KooWhut", "libp2p:12D3KooWhut", ("websocket:12D3KooWhut",), "it is well, and preferred", 0),
        RouteSummary("12D3KooWhall", "", (), "there is no link left", 7),
    )
    lines = printed(msgspec.structs.replace(status, bridge=msgspec.structs.replace(status.bridge, routes=routes)), capsys)
    assert "To 12D3KooWhut over libp2p, websocket in reserve: it is well, and preferred." in lines
    assert "To 12D3KooWhall over nothing: there is no link left." in lines


def test_mail_is_told_of_once_there_has_been_some_with_what_became_of_the_rest(capsys: pytest.CaptureFixture) -> None:
    assert not [line for line in printed(document(), capsys) if "etters" in line]
    counters = {"taken": 5, "delivered": 2, "copied": 1, "given_to_sites": 1}
    mail = MailSummary(waiting=2, waiting_bytes=900, counters=counters, refused={"quota_peer": 3}, dead={"expired": 1})
    output = printed(msgspec.structs.replace(document(), mail=mail), capsys)
    assert "Mail for people who are away: 2 letters waiting, 2 delivered, 1 copies given to other couriers, 1 to other sites." in output
    assert "Letters that were not delivered: 1 because it is too old." in output
    assert "Letters that were not taken: 3 because too much of one person is waiting already." in output


def test_rules_and_air_time_have_a_line_each_once_there_is_something_to_say(capsys: pytest.CaptureFixture) -> None:
    status = document()
    assert not [line for line in printed(status, capsys) if line.startswith(("Rules", "Air time"))]
    account = AirSummary("12D3KooWhut", 9_000.0, 10_000.0, 0.0, 4_200.0, 40, 1_200, 3)
    own = AirSummary("", 9_000.0, 10_000.0, 0.0, 800.0, 9, 0, 2)
    relays = msgspec.structs.replace(own, site="nostr")
    rules = PolicySummary("rules.toml", 1, "allow")
    bridge = msgspec.structs.replace(status.bridge, policy=rules, air=(account, own), drops={"policy": 1_000, "policy_limit": 7})
    lines = printed(msgspec.structs.replace(status, bridge=bridge), capsys)
    assert "Rules: rules.toml, 1 rule; they kept 1,007 packets from crossing." in lines
    assert "Air time: 5.0 s for what crossed, most of it for site 12D3KooWhut; 1,200 packets refused for want of it." in lines
    only_own = msgspec.structs.replace(bridge, air=(own,), policy=PolicySummary("rules.toml", 0, "deny"))
    lines = printed(msgspec.structs.replace(status, bridge=only_own), capsys)
    assert "Rules: rules.toml, 0 rules; they kept 1,007 packets from crossing." in lines
    assert "Air time: 0.8 s for what crossed, most of it for our own island; nothing refused for want of it." in lines
    lines = printed(msgspec.structs.replace(status, bridge=msgspec.structs.replace(bridge, air=(relays,))), capsys)
    assert "Air time: 0.8 s for what crossed, most of it for the Nostr relays; nothing refused for want of it." in lines
