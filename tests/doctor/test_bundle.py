"""Nothing that names a person, a place or a key gets into the support archive; gateways here live in virtual time (virtual_loop)."""

import asyncio
import base64
import json
import os
import tarfile
from pathlib import Path

import msgspec
import pytest

from gateway.config import load
from gateway.doctor.bundle import documents, write_bundle
from gateway.doctor.finding import fail
from gateway.doctor.redact import redact
from gateway.status import PeerSummary, RouteSummary
from tests.runtime.gateways import Site, play

SITE = "12D3KooWBtfsk3rTBqgALqPDKN7pgxow3GvKiRdFyoK2L4mZ6LZQ"
OVERRIDES = [
    "gateway.nickname=Grandmas Attic",
    "bridge.cell=u4pruy",
    "bridge.geohash_channels=['u4pru']",
    f"transports.libp2p.members=['{SITE}']",
    f"transports.libp2p.peers=['/dns4/gate.secret.example/tcp/4001/p2p/{SITE}']",
    "radio.adapters=['AA:BB:CC:DD:EE:FF=both']",
]
NAMES = ("Zacharias Q", 'Ünï "cödé"', "x")  # what phones call themselves


def packed(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        return {entry.name: archive.extractfile(entry).read().decode() for entry in archive}


def variants(secret: bytes) -> list[str]:
    return [secret.hex(), secret.hex().upper(), base64.b64encode(secret).decode(), base64.urlsafe_b64encode(secret).decode().rstrip("=")]


def test_no_name_id_place_text_or_key_is_in_the_archive(tmp_path: Path) -> None:
    state = tmp_path / "home/elfriede/meshgate"
    found: dict[str, str] = {}
    secret: list[str] = []

    async def scene() -> None:
        site = Site(state)
        running = asyncio.create_task(site.run_for(60))
        await asyncio.sleep(50)
        status = site.gateway.status()
        await running
        assert status.mesh.peers
        people = [PeerSummary(os.urandom(8).hex(), name, direct=True, local=True, remote=False, last_heard_s=1.0) for name in NAMES]
        mesh = msgspec.structs.replace(status.mesh, peers=(*status.mesh.peers, *people))
        route = RouteSummary(SITE, "libp2p:1", (), f"{SITE} at 192.0.2.77 is well", 0)
        status = msgspec.structs.replace(status, mesh=mesh, bridge=msgspec.structs.replace(status.bridge, routes=(route,)))
        loaded = load(None, {}, [*OVERRIDES, f"gateway.state_dir={state}"])
        words = f"{SITE} with {people[0].nickname} near 192.0.2.77, AA:BB:CC:DD:EE:FF, wss://gate.secret.example:8443#{SITE}, {state}"
        findings = [fail("radio.adapters", words, f"Ask {people[1].nickname} of {people[1].peer_id}.")]
        identity = site.gateway.identity
        secret.extend((status.peer_id, *(peer.peer_id for peer in status.mesh.peers), *(one.nickname for one in people[:2])))
        secret.extend(variants(identity.noise_private) + variants(identity.signing_private) + variants(identity.noise_public))
        found.update(documents(loaded, findings, status, "5.66"))

    play(scene)
    path = tmp_path / "support.tar.gz"
    write_bundle(path, found)
    text = "\n".join(packed(path).values())
    secret += [SITE, "Grandmas", "u4pru", "gate.secret", "AA:BB:CC", "192.0.2.77", "elfriede", "Ada", "Bela", "identity.key"]
    assert not [one for one in secret if one in text]
    assert "12D3KooW" not in text


def test_what_helps_is_there(tmp_path: Path) -> None:
    loaded = load(None, {}, OVERRIDES)
    found = documents(loaded, [fail("clock", "The clock was never set.", "Set it.")], None, "5.66")
    assert found.keys() == {"README.txt", "doctor.json", "versions.json", "config.json", "service.json"}
    assert json.loads(found["doctor.json"])[0]["sentence"] == "The clock was never set."
    config = json.loads(found["config.json"])
    assert config["bridge.mode"] == {"value": "consent", "from": "default"}
    assert config["transports.libp2p.members"]["value"] == {"set": 1}
    assert json.loads(found["versions.json"])["bluez"] == "5.66"


def test_the_archive_is_its_owners_and_takes_nobodys_place(tmp_path: Path) -> None:
    path = tmp_path / "support.tar.gz"
    write_bundle(path, {"a.json": "{}"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert packed(path) == {"meshgate-support/a.json": "{}"}
    with pytest.raises(FileExistsError):
        write_bundle(path, {})


@pytest.mark.parametrize(
    "word",
    [
        SITE,
        "16Uiu2HAmVdd2KcYaWWxaGXFCdSYaMoBQqKTZF7ESrwBtfVxcx2D5",
        "00:1a:7d:da:71:13",
        "dev_00_1A_7D_DA_71_13"[4:],
        "192.168.178.21",
        "fe80::21a:7dff:feda:7113",
        "2001:db8:0:1:2:3:4:5",
        "9669c6c39f881461",
        "k3y" * 15,
        "MESHGATE:043G20000006P0YYFG000000DC1YS3000000000000015V2HFNN1A7D6C7SHFQTYHXV37MH5SP1V2XRA",
        "wss://gate.example:8443#x",
    ],
)
def test_whatever_looks_like_an_id_an_address_or_a_key_goes(word: str) -> None:
    assert word not in redact(f"seen {word}, twice ({word})", ())


@pytest.mark.parametrize("text", ["BlueZ 5.66 runs.", "hci0 is switched on.", "07:32 on 2026-11-23", "Port 4001 is free."])
def test_what_helps_stays(text: str) -> None:
    assert redact(text, ()) == text


def test_names_go_in_any_case_and_the_longest_first() -> None:
    assert redact("Ada Lovelace, ADA and adamant", {"ada", "Ada Lovelace"}) == "…, … and …mant"
