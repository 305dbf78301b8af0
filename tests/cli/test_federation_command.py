"""``meshgate federation`` at the terminal: what it asks for, what it refuses, and that a secret stays one."""

import argparse
import json
import time

import pytest

from gateway.admin.federation import (
    FederationDocument,
    InvitationDocument,
    InviteDocument,
    MemberDocument,
    RemoteStatus,
    ShutOutDocument,
)
from gateway.cli.federation import _duration, _moment, _uses
from gateway.cli.federation_view import print_federation, print_invitation
from tests.cli.support import meshgate
from tests.config.support import ALICE, BOB

TICKET = "MESHGATE:043G20000006P0YYFG"
MADE = InviteDocument(TICKET, "J6Q7M-CQAQ7-V7DVK-W861H-YD9WZ", 1_800_000_000, "", ("link", "status"), 2, 0, ("/ip4/192.0.2.7/tcp/4001",))


def refusal(*arguments, stdin=""):
    done = meshgate("federation", *arguments, "--json", stdin=stdin)
    return done.returncode, json.loads(done.stdout)["error"]["code"], done


@pytest.mark.parametrize("verb", [("invite",), ("join", "-"), ("list",), ("revoke", "hut"), ("leave",)])
def test_without_a_gateway_every_verb_says_so(tmp_path, verb):
    code, word, done = refusal(*verb, "--set", f"control.socket={tmp_path}/control.sock", stdin=TICKET)
    assert (code, word) == (5, "unreachable")
    assert TICKET not in done.stdout + done.stderr


def test_a_ticket_that_is_nothing_is_a_mistake_of_the_line(tmp_path):
    for arguments in (("join",), ("join", "-")):
        assert refusal(*arguments, "--set", f"control.socket={tmp_path}/control.sock", stdin=" \n")[:2] == (2, "usage")


@pytest.mark.parametrize(
    "line", [("invite", "--valid", "soon"), ("invite", "--uses", "0"), ("invite", "--until", "never"), ("revoke",), ()]
)
def test_what_makes_no_sense_is_refused_before_anybody_is_asked(line):
    assert refusal(*line)[:2] == (2, "usage")


def test_times_are_written_as_people_say_them():
    assert [_duration(text) for text in ("90s", "30m", "12h", "7d")] == [90, 1_800, 43_200, 604_800]
    assert _moment("2d") - time.time() == pytest.approx(172_800, abs=5)
    assert _moment("2033-05-18T03:33:20+00:00") == 2_000_000_000
    assert _uses("16") == 16
    for read, text in ((_duration, "0m"), (_duration, "1w"), (_moment, "1w"), (_moment, ""), (_uses, "17"), (_uses, "²")):
        with pytest.raises(argparse.ArgumentTypeError):
            read(text)


def test_an_invitation_is_printed_with_everything_its_bearer_needs(capsys):
    print_invitation(MADE, with_qr=True)
    printed = capsys.readouterr().out
    assert printed.startswith(f"{TICKET}\n")  # no QR code where this is no terminal
    assert MADE.code in printed
    assert "For 2 gateways; may link, status" in printed
    assert "/ip4/192.0.2.7/tcp/4001" in printed


def test_a_terminal_is_shown_a_qr_code(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_invitation(MADE, with_qr=True)
    with_code = capsys.readouterr().out
    print_invitation(MADE, with_qr=False)
    assert "█" in with_code
    assert "█" not in capsys.readouterr().out


def test_the_list_names_members_invitations_and_who_is_out(capsys):
    status = RemoteStatus(3, 1, 0, 600)
    found = FederationDocument(
        ALICE,
        (
            MemberDocument(BOB, "Hut", ("link", "status"), 0, ALICE, 2, linked=True, software="meshgate 0.1.0", status=status),
            MemberDocument(ALICE[:-1] + "x", "", ("link",), 2_000_000_000, BOB, 3, linked=False, software=""),
        ),
        (BOB,),
        (InvitationDocument(1_000_600, "", ("link",), 2, 1),),
        (ShutOutDocument(BOB, "Hut", ALICE), ShutOutDocument(BOB, "", BOB)),
        "The book cannot be written.",
    )
    print_federation(found, 1_000_000)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"This gateway is {ALICE}.", "The book cannot be written."]
    assert lines[3].split() == ["NAME", "ID", "LINKED", "MAY", "UNTIL", "BY", "SOFTWARE", "PHONES", "SITES", "UP"]
    assert lines[4].split()[0] == "Hut"
    assert lines[4].endswith("3       1      10 min")
    assert lines[5].startswith("-  ")
    assert lines[6:] == [
        f"Waiting for the answer of {BOB}.",
        "An invitation for anybody can be used 1 more time(s), for 10 more minutes.",
        f"Shut out by this gateway: Hut ({BOB}).",
        f"Shut out by {BOB[:16]}…: {BOB}.",
    ]


def test_a_gateway_alone_is_told_how_to_begin(capsys):
    print_federation(FederationDocument(ALICE, (), (), (), ()), 0.0)
    assert "meshgate federation invite" in capsys.readouterr().out
