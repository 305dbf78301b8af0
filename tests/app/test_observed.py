"""A real gateway as systemd and Prometheus see it."""

import asyncio
import json
import os
import re
import signal
import socket
import time
from pathlib import Path
from typing import Self

import aiohttp
import pytest

from gateway.admin.client import get_metrics
from gateway.telemetry.catalogue import METRICS
from tests.app.processes import free_port, meshgate, until, write_site, write_two_sites
from tests.telemetry.tools import PROMTOOL, promtool

pytestmark = pytest.mark.timeout(90)

SITE = re.compile(r"12D3KooW\w+")


def observed(config: Path, *lines: str) -> int:
    """Let a gateway listen for Prometheus; returns the port."""
    port = free_port()
    config.write_text(config.read_text() + "\n".join(["", "[metrics]", f'listen = ["127.0.0.1:{port}"]', *lines, ""]))
    return port


async def scrape(port: int, path: str = "/metrics") -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()


def value(page: str, series: str) -> float:
    """One number of a page; the labels are given as they stand there."""
    (line,) = [line for line in page.splitlines() if line.startswith(f"{series} ")]
    return float(line.rpartition(" ")[2])


async def shown(config: Path, series: str) -> str:
    """Ask on the control socket until a series is there: one answer serves everybody for a second."""
    async with asyncio.timeout(20):
        while series not in (page := await get_metrics(config.parent / "control.sock")):
            pass
    return page


class Systemd:
    """Stands for systemd."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.socket.close()

    @property
    def env(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": "4000000"}

    async def told(self, what: str) -> str:
        """Wait for a datagram that begins so."""
        while True:
            said = (await asyncio.get_running_loop().sock_recv(self.socket, 4096)).decode()
            if said.startswith(what):
                return said


async def test_systemd_and_prometheus_see_a_gateway_from_its_start_to_its_end(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    port = observed(config)
    with Systemd(tmp_path / "notify") as manager:
        async with meshgate("run", "--simulate", 2, "--config", config, env=manager.env) as gateway:
            await manager.told("READY=1")
            await until(config, lambda seen: len(seen["mesh"]["peers"]) == 2)
            assert (await scrape(port, "/healthz")) == (200, "ok\n")
            assert (await scrape(port, "/readyz"))[0] == 200
            status, page = await scrape(port)
            assert status == 200
            assert value(page, 'meshgate_mesh_peers{link="direct"}') + value(page, 'meshgate_mesh_peers{link="relayed"}') == 2
            assert value(page, "meshgate_ready") == 1
            assert value(page, "process_resident_memory_bytes") > 1_000_000
            if PROMTOOL is not None:
                promtool("check", "metrics", given=page)
            page = await shown(config, 'meshgate_http_requests_total{method="GET",route="/metrics",status="2xx"}')
            assert 'meshgate_http_request_seconds_count{route="/api/v1/status"}' in page
            assert "phones near" in await manager.told("STATUS=")
            await manager.told("WATCHDOG=1")

            config.write_text(config.read_text().replace('mode = "open"', 'mode = "ajar"'))
            gateway.send_signal(signal.SIGHUP)
            await manager.told("RELOADING=1")
            await manager.told("READY=1")
            refused = await until(config, lambda seen: bool(seen["problems"]))
            (problem,) = refused["problems"]
            assert (problem["name"], problem["severity"]) == ("reload_refused", "warning")
            assert "ajar" in problem["sentence"]
            config.write_text(config.read_text().replace('mode = "ajar"', 'mode = "open"'))
            gateway.send_signal(signal.SIGHUP)
            await until(config, lambda seen: not seen["problems"])

            began = time.monotonic()
            gateway.send_signal(signal.SIGTERM)
            await manager.told("STOPPING=1")
            _, err = await gateway.communicate()
            assert gateway.returncode == 0
            assert time.monotonic() - began < 10
    entries = [json.loads(line) for line in err.splitlines()]
    events = [entry["event"] for entry in entries]
    assert [event for event in events if event != "radio"] == [
        *["gateway_starting"] * (events.index("gateway_ready")),
        "gateway_ready",
        "reload_refused",
        "reloaded",
        "gateway_stopping",
        "gateway_stopped",
    ]
    assert all({"time", "level", "event", "sentence"} <= set(entry) for entry in entries)


async def test_two_linked_gateways_count_what_goes_between_them_and_their_children_too(tmp_path: Path) -> None:
    north, south = write_two_sites(tmp_path)
    async with meshgate("run", "--simulate", 1, "--config", north) as gateway, meshgate("run", "--simulate", 1, "--config", south):
        await until(north, lambda seen: seen["bridge"]["sites"] == 1 and any(peer["remote"] for peer in seen["mesh"]["peers"]))
        page = await get_metrics(north.parent / "control.sock")
        for direction in ("in", "out"):
            assert value(page, f'meshgate_transport_bytes_total{{direction="{direction}",transport="libp2p"}}') > 0
        assert value(page, 'meshgate_transport_up{transport="libp2p"}') == 1
        assert value(page, 'meshgate_transport_events_total{event="links_up",transport="libp2p"}') == 1
        assert value(page, "meshgate_libp2p_process_resident_memory_bytes") > 10_000_000
        assert value(page, 'meshgate_bridge_delivery_seconds_count{target="site"}') >= 0
        assert not SITE.search(page)
        known = {metric.full_name for metric in METRICS}
        shown = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE meshgate_") and "_process_" not in line}
        assert shown <= known
        gateway.send_signal(signal.SIGTERM)
        _, err = await gateway.communicate()
    own = next(json.loads(line)["sentence"] for line in err.splitlines() if b"Other sites know" in line)
    (own_id,) = SITE.findall(own)
    assert set(SITE.findall(err.decode())) == {own_id}  # of the other site only a pseudonym
    assert "site~" in err.decode() or "libp2p" in err.decode()


async def test_a_gateway_whose_stderr_is_the_journal_writes_no_text(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    read_end, write_end = os.pipe()
    where = os.fstat(write_end)
    process = await asyncio.create_subprocess_exec(
        *("python3", "-c", "import os,sys; os.execv(sys.argv[1], sys.argv[1:])"),
        *(_meshgate(), "run", "--simulate", "0", "--config", str(config)),
        stderr=write_end,
        env=os.environ | {"JOURNAL_STREAM": f"{where.st_dev}:{where.st_ino}"},
    )
    os.close(write_end)
    await until(config, lambda _: True)
    process.send_signal(signal.SIGTERM)
    await process.wait()
    with os.fdopen(read_end, "rb") as pipe:
        assert pipe.read() == b""  # whatever takes the datagrams here or does not, no line was written


def _meshgate() -> str:
    import sys  # noqa: PLC0415

    return str(Path(sys.executable).parent / "meshgate")


async def test_metrics_for_other_machines_without_a_token_stop_the_start(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    config.write_text(config.read_text() + '\n[metrics]\nlisten = ["0.0.0.0:9477"]\n')
    async with meshgate("run", "--simulate", 0, "--config", config) as gateway:
        _, err = await gateway.communicate()
    assert gateway.returncode == 1
    assert "can be reached by other machines" in err.decode()


async def test_a_person_is_shown_the_numbers_too(tmp_path: Path) -> None:
    config = write_site(tmp_path / "hut")
    async with meshgate("run", "--simulate", 1, "--config", config):
        await until(config, lambda seen: bool(seen["mesh"]["peers"]))
        async with meshgate("metrics", "show", "--config", config) as process:
            out, _ = await process.communicate()
        assert process.returncode == 0
        assert b"# TYPE meshgate_mesh_packets_total counter" in out
    async with meshgate("metrics", "show", "--config", config) as process:
        _, err = await process.communicate()
    assert process.returncode == 5
    assert b"No gateway answers" in err
