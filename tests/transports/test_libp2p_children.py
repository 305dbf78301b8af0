"""What happens to links when processes die, hang, or cannot start."""

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from tests.transports.libp2p_rigs import PATIENCE, configs, free_address, running, stranger, transport, until
from transports.conformance import Witness
from transports.libp2p.child import Child
from transports.libp2p.config import Libp2pConfig
from transports.libp2p.identity import load_seed
from transports.libp2p.pipe import Kind, Settings, encode
from transports.libp2p.transport import Libp2pTransport
from transports.link import LinkDown, LinkUp, TransportState

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

SETTINGS = Settings(seed=bytes(32), listen=[], members=[], peers={}, gossip=False, stall_s=1.0)


class Pair:
    """Two linked gateways whose link must never go down, whatever becomes of their children."""

    def __init__(self, left: Witness, right: Witness, right_seed: bytes) -> None:
        self.left = left
        self.right = right
        self.right_seed = right_seed


def child(witness: Witness) -> int:
    assert isinstance(witness.transport, Libp2pTransport)
    assert witness.transport.child_pid is not None
    return witness.transport.child_pid


def count(witness: Witness, name: str) -> int:
    return witness.transport.status().counters.get(name, 0)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def linked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    left, right = configs(tmp_path_factory.mktemp("pair"), stall_s=0.5)
    async with running(transport(left), transport(right)) as (one, two):
        await asyncio.gather(one.until(lambda: one.up, "LinkUp"), two.until(lambda: two.up, "LinkUp"))
        yield Pair(one, two, load_seed(right.identity_path))


@pytest.fixture
def pair(linked: Pair) -> Pair:
    linked.left.clear()
    linked.right.clear()
    return linked


async def test_a_child_that_is_put_to_rest_stays_away_until_it_may_come_back(pair: Pair) -> None:
    left = pair.left.transport
    assert isinstance(left, Libp2pTransport)
    first, restarts = child(pair.left), count(pair.left, "restarts")
    left.rest()
    await until(lambda: count(pair.left, "restarts") == restarts + 1)
    await until(lambda: left.child_pid is None)
    assert not is_running(first)
    assert left.status().state is TransportState.DOWN
    assert "on purpose" in left.status().sentence
    left.resume()
    await until(lambda: left.child_pid is not None)
    await pair.left.send(b"still the same link")
    await pair.right.until(lambda: b"still the same link" in pair.right.frames, "the frame")
    assert pair.left.downs == 0


async def test_killing_either_child_in_mid_stream_loses_and_doubles_nothing(pair: Pair) -> None:
    many, kill_left_at, kill_right_at = 12_000, 2_000, 8_000
    left, right = pair.left, pair.right
    first = child(left), child(right)
    restarts = count(left, "restarts") + count(right, "restarts")

    async def send_all(sender: Witness, when: int) -> None:
        for number in range(many):
            if number == when:
                os.kill(child(sender), signal.SIGKILL)
            await sender.send(number.to_bytes(4, "big") * 50)

    await asyncio.gather(send_all(left, kill_left_at), send_all(right, kill_right_at))
    for witness in (left, right):
        await witness.until(lambda: len(witness.frames) >= many, "the arrival of all frames")  # noqa: B023 - awaited here
        assert [int.from_bytes(frame[:4], "big") for frame in witness.frames] == list(range(many))
        assert witness.downs == 0
    assert count(left, "restarts") + count(right, "restarts") == restarts + 2
    assert not {child(left), child(right)} & set(first)
    assert not any(map(is_running, first))


async def test_a_member_that_takes_nothing_loses_its_connection_but_no_frame(pair: Pair) -> None:
    left, right = pair.left, pair.right
    stalls, frozen = count(left, "stalls"), child(right)
    os.kill(frozen, signal.SIGSTOP)
    try:
        sent = 0
        while left.transport.send(left.link.link, sent.to_bytes(4, "big") + bytes(8_000)):
            sent += 1
        await until(lambda: count(left, "stalls") > stalls)
    finally:
        os.kill(frozen, signal.SIGCONT)
    await right.until(lambda: len(right.frames) >= sent, "the arrival of the frames")
    assert [int.from_bytes(frame[:4], "big") for frame in right.frames] == list(range(sent))
    assert left.downs == right.downs == 0


async def test_a_member_that_calls_anew_is_believed_over_the_connection_it_had(pair: Pair) -> None:
    left, right = pair.left, pair.right
    resumed = count(left, "resumed")
    await until(lambda: left.transport.status().addresses)
    await stranger("VISIT", pair.right_seed.hex(), left.transport.status().addresses[0])
    await until(lambda: count(left, "resumed") > resumed)
    await left.send(b"frame")
    await right.until(lambda: right.frames == [b"frame"], "the frame")
    assert left.downs == right.downs == 0


async def test_a_gateway_that_dies_takes_its_child_along_and_its_successor_gets_a_new_link(tmp_path: Path) -> None:
    left, right = configs(tmp_path)
    command = (
        sys.executable,
        str(Path(__file__).with_name("far_gateway.py")),
        str(right.identity_path),
        *right.listen,
        *right.members,
        *right.peers,
    )
    async with running(transport(left)) as (witness,):
        for expected in ([LinkUp], [LinkUp, LinkDown, LinkUp]):
            far = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            try:
                assert far.stdout is not None
                pid = int(await asyncio.wait_for(far.stdout.readline(), PATIENCE))
                await witness.until(
                    lambda: [type(event) for event in witness.events if isinstance(event, LinkUp | LinkDown)] == expected,  # noqa: B023 - awaited here
                    "the link",
                )
                await witness.send(b"echo")
                await witness.until(lambda: witness.frames == [b"echo"], "the echo")
                witness.frames.clear()
            finally:
                far.kill()
                await far.wait()
            await until(lambda: not is_running(pid))  # noqa: B023 - awaited here


async def test_an_address_in_use_is_told_with_its_remedy(tmp_path: Path) -> None:
    notices: list[tuple[str, str]] = []
    address = free_address()
    _, _, host, _, port = address.split("/")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as libp2p itself would
        other.bind((host, int(port)))
        other.listen()
        async with running(transport(Libp2pConfig(tmp_path / "key", (address,)), notices)) as (witness,):
            assert witness.transport.status().state is TransportState.STARTING
            await until(lambda: witness.transport.status().state is TransportState.DOWN)
            status = witness.transport.status()
    assert status.sentence == f"Another program already listens on port {port} of {host}."
    assert "choose another port" in status.remedy
    assert status.addresses == ()
    assert notices == [("error", f"{status.sentence} {status.remedy}")]


async def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    async with running(transport(Libp2pConfig(tmp_path / "key", ("/ip4/192.0.2.1/tcp/4001",)))) as (witness,):
        await until(lambda: witness.transport.status().state is TransportState.DOWN)
        assert witness.transport.status().sentence == "192.0.2.1 is not an address of this machine."


async def test_status_says_who_is_missing_and_where_this_gateway_can_be_reached(tmp_path: Path) -> None:
    left, _ = configs(tmp_path)
    everywhere = "/ip4/0.0.0.0/tcp/"
    notices: list[tuple[str, str]] = []
    async with running(transport(replace(left, listen=(f"{everywhere}0", "/ip6/::1/tcp/0")), notices)) as (witness,):
        await until(lambda: count(witness, "dial_failures"))
        status = witness.transport.status()
    assert [level for level, sentence in notices if "cannot be reached" in sentence] == ["warning"]
    assert any(level == "debug" and sentence.startswith("libp2p.") for level, sentence in notices)
    assert status.state is TransportState.DEGRADED
    assert left.members[0] in status.sentence
    assert any(address.startswith("/ip6/::1/tcp/") for address in status.addresses)
    assert not any(address.startswith(everywhere) for address in status.addresses)


async def test_a_child_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transports.libp2p.child._COMMAND", (sys.executable, "-c", "import signal; signal.pause()"))
    monkeypatch.setattr("transports.libp2p.child.HEARTBEAT_S", 0.05)
    monkeypatch.setattr("transports.libp2p.child.CHILD_START_S", 0.1)
    hung = Child(SETTINGS, lambda _message: None, lambda: None)
    assert await hung.run() == "The libp2p process hangs and was ended."
    assert hung.pid is None


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("/nowhere/python",), "cannot be started: No such file or directory."),
        ((sys.executable, "-c", "raise SystemExit('RuntimeError: no room')"), "(exit status 1): RuntimeError: no room."),
    ],
)
async def test_a_child_that_cannot_work_is_told_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.setattr("transports.libp2p.child._COMMAND", command)
    assert (await Child(SETTINGS, lambda _message: None, lambda: None).run()).endswith(sentence)


async def test_a_mistake_of_whoever_takes_the_events_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = encode(Kind.READY, "12D3KooW", [])
    command = f"import socket, sys; end = socket.socket(fileno=int(sys.argv[1])); end.sendall({ready!r}); end.recv(9**6); end.recv(1)"
    monkeypatch.setattr("transports.libp2p.child._COMMAND", (sys.executable, "-c", command))

    def mistaken(_level: str, _sentence: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as error:
        await Libp2pTransport(Libp2pConfig(tmp_path / "key"), random.Random(), mistaken).run(lambda _event: None)
    assert error.group_contains(ZeroDivisionError)


async def test_a_child_on_a_machine_that_knows_no_name_server_is_imported_all_the_same() -> None:
    without = (
        "import dns.resolver as d\n"
        "def gone(*_): raise d.NoResolverConfiguration('cannot open /etc/resolv.conf')\n"
        "d.BaseResolver.read_resolv_conf = gone\n"
        "import transports.libp2p.node\n"
        "from multiaddr.resolvers import DNSResolver\n"
        "DNSResolver()\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-W", "ignore", "-c", without, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()
