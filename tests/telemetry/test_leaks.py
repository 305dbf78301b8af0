"""Whatever passes a gateway, it tells nobody: no nickname, text, ID of a person, key or ticket is in anything it emits.

What may be said: who this gateway itself is; to its operator, over the control socket, which other gateways there are, how
it is configured, and in one list who is near. Packet IDs are the thread through all logs; they change with every packet.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway import app
from gateway.bridge.engine import BridgeMode
from gateway.telemetry.events import Entry, Event, Level
from tests.telemetry.gossip import WEST, Town
from tests.telemetry.spilled import Secrets, base58
from tests.telemetry.world import VirtualTimeOfDay
from tests.testing.virtual_loop import run

SEED = 5
DAY_S = 86_400.0
KEY = bytes.fromhex("00f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f")
NAME = 'Ünï "cödé"'


def play(
    directory: Path,
    patch: pytest.MonkeyPatch,
    seconds: float,
    pause: float,
    *overrides: str,
    mode: BridgeMode = BridgeMode.OPEN,
    at_last: Callable[[Town], object] = lambda _town: None,
) -> Town:
    patch.setattr(app, "TimeOfDay", VirtualTimeOfDay)

    async def scene() -> Town:
        town = Town(directory, SEED, *overrides, mode=mode)
        async with town.open():
            await town.live(seconds, pause)
            at_last(town)
            town.numbers = town.west.samples()
        return town

    print(f"seed {SEED}")
    return run(scene())


CROSSED = {
    BridgeMode.OPEN: (("island", "site", "crossed"), ("site", "island", "crossed")),
    BridgeMode.CONSENT: (("island", "site", "deposited"), ("site", "island", "put_down")),
}


def check(town: Town) -> None:
    """Much happened, all of it was looked at, and nobody was told of."""
    hits = town.hits()
    numbers = town.numbers
    assert numbers["mail_events_total"]["taken",] > 0
    assert all(numbers["bridge_messages_total"][way] > 0 for way in CROSSED[town.west.gateway.engine.mode])
    assert numbers["mesh_packets_dropped_total"]["signature",] > 0
    assert numbers["federation_members"][()] > 0
    assert numbers["federation_tickets_refused_total"]["replayed",] > 0
    assert {"event/peer_seen", "event/peer_lost", "event/sos", "state", "health", "info"} <= {
        message.topic.split("/", 2)[2] for message in town.broker.heard
    }
    kinds = {entry["event"] for entry in town.west.entries}
    assert {"message", "federation", "mqtt", "condition_raised", "transport_failed"} <= kinds
    assert len(town.west.entries) > town.spoken
    assert {*town.asked(), "table decision", "table shape", "bundle doctor.json", "systemd"} <= town.emitted.keys()
    assert all(len(b"".join(town.emitted[f"table {name}"])) > 1_000 for name in ("decision", "shape"))
    print(f"{town.spoken} texts, {town.letters} letters; {sum(len(piece) for pieces in town.emitted.values() for piece in pieces)} bytes")
    assert not {(hit.where, hit.what, hit.around) for hit in hits}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("mode", CROSSED)
def test_twenty_minutes_of_talk_leave_no_trace(mode: BridgeMode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(play(tmp_path, monkeypatch, 1_200.0, 12.0, mode=mode))


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(("mode", "seconds"), [(BridgeMode.OPEN, DAY_S), (BridgeMode.CONSENT, DAY_S / 6)])
def test_a_day_of_talk_leaves_no_trace(mode: BridgeMode, seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(play(tmp_path, monkeypatch, seconds, 120.0, mode=mode))


@pytest.mark.timeout(60)
def test_what_the_operator_opts_in_to_is_found_where_it_is_published_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = play(tmp_path, monkeypatch, 120.0, 4.0, 'mqtt.messages=["mesh"]', "mqtt.peers=ids")
    hits = town.hits()
    assert {hit.where for hit in hits} == {"mqtt", "mqtt retained"}
    assert {"text", "peer ID"} <= {hit.what for hit in hits if hit.where == "mqtt"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("what", "careless"),
    [
        ("nickname", lambda _phone: Entry(Level.INFO, Event.RADIO, f"{WEST[1]} is near.")),
        ("peer ID", lambda phone: Entry(Level.INFO, Event.RADIO, "Linked.", {"link": f"link{phone.hex()}x"})),
    ],
    ids=("a sentence", "a field"),
)
def test_one_careless_entry_of_the_log_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, careless: Callable[[bytes], Entry]
) -> None:
    def blurt(town: Town) -> None:
        town.west.gateway._log.tell(careless(town.west.island.phones[WEST[0]].peer_id))

    town = play(tmp_path, monkeypatch, 20.0, 10.0, at_last=blurt)
    hits = town.hits()
    assert {hit.where for hit in hits} == {"log"}
    assert what in {hit.what for hit in hits}


@pytest.mark.parametrize(
    "spelled",
    [
        KEY,
        KEY.hex().encode(),
        KEY.hex().upper().encode(),
        b"peer " + KEY.hex()[:8].encode() + b"...",
        base64.b64encode(KEY),
        base64.urlsafe_b64encode(KEY).rstrip(b"="),
        *(base64.b64encode(b"x" * before + KEY + b"yz") for before in range(1, 4)),
        base58(KEY),
    ],
)
def test_a_key_is_found_however_it_is_spelled(spelled: bytes) -> None:
    secrets = Secrets()
    secrets.key("key", KEY)
    assert list(secrets.found("here", b'{"a":"' + spelled + b'"}'))


@pytest.mark.parametrize(
    "spelled",
    [
        NAME.encode(),
        json.dumps(NAME).encode(),
        json.dumps(NAME, ensure_ascii=False).encode(),
        NAME.encode().hex().encode(),
        base64.b64encode(b"from " + NAME.encode() + b": hello"),
    ],
)
def test_a_name_is_found_however_it_is_spelled(spelled: bytes) -> None:
    secrets = Secrets()
    secrets.word("name", NAME)
    assert list(secrets.found("here", b"said " + spelled))


def test_what_is_no_secret_is_not_found() -> None:
    secrets = Secrets()
    secrets.key("key", KEY)
    secrets.word("name", NAME)
    assert not list(secrets.found("here", b"f" + KEY.hex()[:8].encode() + b" unicode"))
