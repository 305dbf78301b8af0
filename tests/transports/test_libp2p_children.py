"""What happens to links when processes die, hang, or cannot start."""

import asyncio
import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.transports.libp2p_rigs import PATIENCE, configs, free_address, running, transport, until
from transports.conformance import Witness
from transports.libp2p.config import Libp2pConfig
from transports.libp2p.transport import Libp2pTransport
from transports.link import TransportState

pytestmark = pytest.mark.timeout(60)


def child(witness: Witness) -> int:
    assert isinstance(witness.transport, Libp2pTransport)
    assert witness.transport.child_pid is not None
    return witness.transport.child_pid


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


async def test_killing_either_child_in_mid_stream_loses_and_doubles_nothing(tmp_path: Path) -> None:
    many, kill_left_at, kill_right_at = 12_000, 2_000, 8_000
    async with running(*map(transport, configs(tmp_path))) as (left, right):
        await asyncio.gather(left.until(lambda: left.up, "LinkUp"), right.until(lambda: right.up, "LinkUp"))
        first = child(left), child(right)

        async def send_all(sender: Witness, victim: Witness, when: int) -> None:
            for number in range(many):
                if number == when:
                    os.kill(child(victim), signal.SIGKILL)
                await sender.send(number.to_bytes(4, "big") * 50)

        await asyncio.gather(send_all(left, left, kill_left_at), send_all(right, right, kill_right_at))
        for witness in (left, right):
            await witness.until(lambda: len(witness.frames) >= many, "the arrival of all frames")  # noqa: B023 - awaited here
            assert [int.from_bytes(frame[:4], "big") for frame in witness.frames] == list(range(many))
            assert witness.downs == 0
            assert witness.transport.status().counters["restarts"] == 1
        assert not {child(left), child(right)} & set(first)
        assert not any(map(is_running, first))
        assert left.transport.status().counters["resumed"] >= 1


async def test_a_gateway_that_dies_takes_its_child_along_and_its_successor_gets_a_new_link(tmp_path: Path) -> None:
    left, right = configs(tmp_path)
    command = (sys.executable, str(Path(__file__).with_name("far_gateway.py")), str(right.identity_path), right.listen[0], right.members[0])
    async with running(transport(left)) as (witness,):
        for expected in (["LinkUp"], ["LinkUp", "LinkDown", "LinkUp"]):
            far = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            try:
                assert far.stdout is not None
                pid = int(await asyncio.wait_for(far.stdout.readline(), PATIENCE))
                await witness.until(
                    lambda: [type(event).__name__ for event in witness.events if event.link and "Link" in type(event).__name__] == expected,  # noqa: B023 - awaited here
                    "the link",
                )
                await witness.send(b"echo")
                await witness.until(lambda: witness.frames == [b"echo"], "the echo")
                witness.frames.clear()
            finally:
                far.kill()
                await far.wait()
            await until(lambda: not is_running(pid))  # noqa: B023 - awaited here


async def test_a_member_that_takes_nothing_loses_its_connection_but_no_frame(tmp_path: Path) -> None:
    async with running(*map(transport, configs(tmp_path, stall_s=0.5))) as (left, right):
        await asyncio.gather(left.until(lambda: left.up, "LinkUp"), right.until(lambda: right.up, "LinkUp"))
        frozen = child(right)
        os.kill(frozen, signal.SIGSTOP)
        try:
            sent = 0
            while left.transport.send(left.link.link, sent.to_bytes(4, "big") + bytes(8_000)):
                sent += 1
            await until(lambda: left.transport.status().counters["stalls"])
        finally:
            os.kill(frozen, signal.SIGCONT)
        await right.until(lambda: len(right.frames) >= sent, "the arrival of the frames")
        assert [int.from_bytes(frame[:4], "big") for frame in right.frames] == list(range(sent))
        assert left.downs == right.downs == 0


async def test_an_address_in_use_is_told_once_with_its_remedy(tmp_path: Path) -> None:
    notices: list[tuple[str, str]] = []
    address = free_address()
    _, _, host, _, port = address.split("/")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as libp2p itself would
        other.bind((host, int(port)))
        other.listen()
        async with running(transport(Libp2pConfig(tmp_path / "key", (address,)), notices)) as (witness,):
            assert witness.transport.status().state is TransportState.STARTING
            await until(lambda: witness.transport.status().counters["restarts"] >= 2)
            status = witness.transport.status()
    assert (status.state, status.addresses) == (TransportState.DOWN, ())
    assert status.sentence == f"Another program already listens on port {port} of {host}."
    assert "choose another port" in status.remedy
    assert [level for level, _ in notices].count("error") == 1


async def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    async with running(transport(Libp2pConfig(tmp_path / "key", ("/ip4/192.0.2.1/tcp/4001",)))) as (witness,):
        await until(lambda: witness.transport.status().state is TransportState.DOWN)
        assert witness.transport.status().sentence == "192.0.2.1 is not an address of this machine."


async def test_status_says_who_is_missing_and_what_to_do(tmp_path: Path) -> None:
    left, _ = configs(tmp_path)
    everywhere = "/ip4/0.0.0.0/tcp/"
    async with running(transport(replace(left, listen=(f"{everywhere}0", "/ip6/::1/tcp/0")))) as (witness,):
        assert witness.transport.status().state is TransportState.STARTING
        await until(lambda: witness.transport.status().counters.get("dial_failures"))
        status = witness.transport.status()
        assert status.state is TransportState.DEGRADED
        assert left.members[0] in status.sentence
        assert "lists this gateway as a member" in status.remedy
        assert any(address.startswith("/ip6/::1/tcp/") for address in status.addresses)
        assert not any(address.startswith(everywhere) for address in status.addresses)
    assert witness.transport.status().state is TransportState.DOWN
