"""Looking at ports, sites, files and a broker of this machine; all of it on loopback."""

import os
import socket
from pathlib import Path

from gateway.config import load
from gateway.doctor.host_facts import PortState, Rules
from gateway.doctor.reach import exposed, gather_host
from gateway.doctor.repair import repairs
from gateway.limits import MAX_DOCTOR_FILES

SITE = "12D3KooWBtfsk3rTBqgALqPDKN7pgxow3GvKiRdFyoK2L4mZ6LZQ"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def config_of(state: Path, *more: str):
    return load(None, {}, [f"gateway.state_dir={state}", f"control.socket={state}/control.sock", "page.listen=[]", *more]).config


async def test_a_port_somebody_has_is_taken_and_one_of_another_machine_is_elsewhere(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken, free = other.getsockname()[1], free_port()
        listen = [f"/ip4/127.0.0.1/tcp/{taken}", f"/ip4/127.0.0.1/tcp/{free}", "/ip4/192.0.2.1/tcp/4001", "/ip4/127.0.0.1/tcp/0"]
        config = config_of(tmp_path, "transports.libp2p.enabled=true", f"transports.libp2p.listen={listen}")
        ports = (await gather_host(config, None)).ports
    assert [(one.number, one.state) for one in ports] == [(taken, PortState.TAKEN), (free, PortState.FREE), (4001, PortState.ELSEWHERE)]


async def test_a_site_that_answers_has_a_time_and_one_that_does_not_a_reason(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        peers = [f"wss://127.0.0.1:{other.getsockname()[1]}#{SITE}", f"wss://127.0.0.1:{free_port()}#{SITE}"]
        more = ("transports.websocket.enabled=true", "transports.websocket.listen=[]", f"transports.websocket.members=['{SITE}']")
        called = (await gather_host(config_of(tmp_path, *more, f"transports.websocket.peers={peers}"), None)).called
    assert [(one.place, one.seconds is not None, one.why) for one in called] == [(1, True, ""), (2, False, "connection refused")]


async def test_what_is_switched_off_is_not_tried(tmp_path: Path) -> None:
    facts = await gather_host(config_of(tmp_path, "page.enabled=false", "page.listen=['127.0.0.1:8480']"), None)
    assert (facts.ports, facts.called, facts.libp2p_wanted, facts.page) == ((), (), False, None)


def test_an_open_key_counts_always_and_the_rest_where_others_get_in(tmp_path: Path) -> None:
    for name, mode in (("identity.key", 0o644), ("store.db", 0o644), ("libp2p.key", 0o600)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    tmp_path.chmod(0o700)
    assert [path.name for path in exposed(tmp_path)] == ["identity.key"]
    tmp_path.chmod(0o755)
    assert [path.name for path in exposed(tmp_path)] == ["identity.key", "store.db"]
    assert exposed(tmp_path / "missing") == []


def test_a_directory_with_too_many_files_does_not_hold_the_doctor_up(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("gateway.doctor.reach.MAX_DOCTOR_FILES", 3)
    assert MAX_DOCTOR_FILES > 3
    for number in range(5):
        (tmp_path / f"{number}.key").touch(mode=0o644)
        (tmp_path / f"{number}.key").chmod(0o644)
    assert len(exposed(tmp_path)) == 3


async def test_what_is_put_right_is_right_afterwards(tmp_path: Path) -> None:
    key = tmp_path / "identity.key"
    key.touch()
    key.chmod(0o644)
    (one,) = repairs(tmp_path, None, tmp_path / "recover.sock")
    assert "identity.key" in one.sentence
    assert key.stat().st_mode & 0o777 == 0o644  # saying it is not doing it
    assert await one.do() == ""
    assert key.stat().st_mode & 0o777 == 0o600
    assert repairs(tmp_path, None, tmp_path / "recover.sock") == []


async def test_what_cannot_be_put_right_says_why(tmp_path: Path) -> None:
    key = tmp_path / "identity.key"
    key.touch()
    key.chmod(0o644)
    (one,) = repairs(tmp_path, None, tmp_path / "recover.sock")
    os.unlink(key)  # noqa: PTH108 -- somebody else was quicker
    assert await one.do() == "No such file or directory"


async def test_the_port_for_metrics_is_looked_at_like_any_other(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        ports = (await gather_host(config_of(tmp_path, f"metrics.listen=['127.0.0.1:{taken}']"), None)).ports
    assert [(one.transport, one.number, one.state) for one in ports] == [("metrics", taken, PortState.TAKEN)]


async def test_a_token_for_metrics_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    token = tmp_path / "token"
    config = config_of(tmp_path, f"metrics.token_files=['{token}']")
    assert "cannot be read" in (await gather_host(config, None)).metrics_trouble
    token.write_text("0123456789abcdef" * 4)
    token.chmod(0o600)
    assert (await gather_host(config, None)).metrics_trouble == ""


async def test_rules_of_ones_own_are_read_and_none_are_none(tmp_path: Path) -> None:
    config, file = config_of(tmp_path), tmp_path / "policy.toml"
    assert (await gather_host(config, None)).rules == Rules()
    file.write_text('default = "deny"\n[[rule]]\nname = "files"\nkind = ["file"]\nthen = "deny"\n')
    assert (await gather_host(config, None)).rules == Rules(1, file=str(file))
    file.write_text("default = 7\n")
    assert (await gather_host(config, None)).rules.trouble == "The policy cannot be used (1 problem)"


async def test_rules_that_were_named_have_to_be_there(tmp_path: Path) -> None:
    config = config_of(tmp_path, f"policy.file={tmp_path / 'elsewhere.toml'}")
    assert (await gather_host(config, None)).rules.trouble


async def test_the_port_of_the_page_is_looked_at_like_any_other(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        ports = (await gather_host(config_of(tmp_path, f"page.listen=['127.0.0.1:{taken}', '127.0.0.1:{free_port()}']"), None)).ports
    assert [(one.transport, one.state) for one in ports] == [("page", PortState.TAKEN), ("page", PortState.FREE)]
