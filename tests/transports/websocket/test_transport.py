"""What becomes of links when connections break, cross, or cannot be made. Real sockets."""

import asyncio
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.transports.libp2p_rigs import until
from tests.transports.websocket.rigs import pair, running, transport
from transports.conformance import Witness
from transports.limits import WS_TIE_S
from transports.link import Capability, TransportState
from transports.websocket.config import WebSocketConfig
from transports.websocket.links import Links
from transports.websocket.stream import Stream
from transports.websocket.transport import WebSocketTransport

pytestmark = pytest.mark.timeout(60)


def streams(witness: Witness) -> list[Stream]:
    assert isinstance(witness.transport, WebSocketTransport)
    assert witness.transport._links is not None
    return list(witness.transport._links._streams.values())


async def linked(*witnesses: Witness) -> None:
    for witness in witnesses:
        await witness.until(lambda: witness.up, "LinkUp")  # noqa: B023 - awaited here


async def test_a_link_carries_the_name_and_the_proved_identity_of_the_far_gateway(tmp_path: Path) -> None:
    left, right = pair(tmp_path, both_call=False)
    async with running(transport(left), transport(right)) as (one, two):
        await linked(one, two)
        assert one.link.peer == left.members[0]
        assert one.link.link == f"websocket:{left.members[0]}"
        status = one.transport.status()
        assert (status.state, status.sentence) == (TransportState.UP, "1 gateway linked.")
        assert status.addresses == (f"wss://{left.listen[0]}#{right.members[0]}",)
    assert one.transport.status().state is TransportState.DOWN
    assert one.transport.status().counters["links_up"] == 1


async def test_two_gateways_that_call_each_other_at_once_keep_the_call_of_the_smaller_peer_id(tmp_path: Path) -> None:
    for _ in range(3):
        async with running(*map(transport, pair(tmp_path))) as (left, right):
            await linked(left, right)
            await until(lambda: len(streams(left)) == len(streams(right)) == 1 and streams(left)[0].dialled != streams(right)[0].dialled)
            await left.send(b"frame")
            await right.until(lambda: right.frames, "the frame")
            assert (left.downs, right.downs) == (0, 0)


class Nowhere:
    """A connection with nobody."""

    async def receive(self) -> NoReturn:
        raise ConnectionError

    async def send_bytes(self, _data: bytes) -> NoReturn:
        raise ConnectionError

    async def close(self, **_options: object) -> bool:
        return True


def kept(own: str, other: str, dialled: tuple[bool, bool], apart: float = 0.0) -> int:
    """Which of two connections is kept, seen from one end: 0 for the older, 1 for the newer."""
    links = Links(own, "websocket", Capability.WIDE_AREA, 20.0, lambda _event: None)
    best = -1
    for number, ours in enumerate(dialled):
        stream = Stream(number, other, Nowhere(), lambda: None, dialled=ours, stall_s=1.0)
        stream.began += number * apart
        if links.take(stream):
            best = number
    return best


async def test_of_two_connections_made_at_once_both_ends_keep_the_call_of_the_smaller_peer_id() -> None:
    for first in (True, False):
        order = (first, not first)
        assert order[kept("A", "B", order)] is True
        assert order[kept("B", "A", order)] is False


async def test_who_calls_although_it_seems_linked_has_lost_the_older_connection() -> None:
    assert kept("A", "B", (True, True)) == 1
    assert kept("A", "B", (False, False)) == 1
    for first in (True, False):
        assert kept("A", "B", (first, not first), apart=WS_TIE_S) == 1
        assert kept("B", "A", (first, not first), apart=WS_TIE_S) == 1


async def test_a_connection_that_breaks_costs_no_frame_and_no_link(tmp_path: Path) -> None:
    left, right = pair(tmp_path, both_call=False)
    async with running(transport(left), transport(right)) as (one, two):
        await linked(one, two)
        for number in range(400):
            if number % 100 == 50:
                await until(lambda: streams(two))
                streams(two)[0]._abort()
            await one.send(number.to_bytes(4, "big"))
            await two.send(number.to_bytes(4, "big"))
        for witness in (one, two):
            await witness.until(lambda: len(witness.frames) == 400, "every frame")  # noqa: B023 - awaited here
            assert [int.from_bytes(frame) for frame in witness.frames] == list(range(400))
            assert witness.downs == 0
        assert one.transport.status().counters["resumed"] >= 1


async def test_a_gateway_that_was_started_anew_is_a_new_link(tmp_path: Path) -> None:
    left, right = pair(tmp_path, both_call=False)
    async with running(transport(left)) as (one,):
        for ups in (1, 2):
            async with running(transport(right)) as (two,):
                await linked(two)
                await one.until(lambda: one.up, "LinkUp")
                assert one.transport.status().counters["links_up"] == ups
            await one.until(lambda: not one.up, "LinkDown")


async def test_an_address_that_is_taken_is_told_and_the_rest_works(tmp_path: Path) -> None:
    left, right = pair(tmp_path)
    host, _, port = left.listen[0].partition(":")
    with socket.socket() as squatter:
        squatter.bind((host, int(port)))
        squatter.listen()
        async with running(transport(left), transport(right)) as (one, two):
            await linked(one, two)  # the left one calls
            status = one.transport.status()
            assert status.state is TransportState.DEGRADED
            assert status.sentence == f"{left.listen[0]} cannot be listened on: Address already in use. 1 gateway linked."
            assert "transports.websocket.listen" in status.remedy


async def test_who_cannot_be_reached_is_told_with_the_reason(tmp_path: Path) -> None:
    _, right = pair(tmp_path, both_call=False)
    notices: list[tuple[str, str]] = []
    async with running(transport(right, notices)) as (one,):
        await until(lambda: "Connect" in one.transport.status().sentence)
        status = one.transport.status()
        assert status.state is TransportState.DEGRADED
        assert status.sentence.startswith(f"0 gateways linked; {right.members[0]} cannot be reached (Connect")
        assert "lists this gateway as a member" in status.remedy
    assert [level for level, _ in notices if level != "info"] == ["warning"]  # told once, not at every call


def test_a_gateway_does_not_call_itself_where_one_list_serves_a_whole_federation(tmp_path: Path) -> None:
    left, _ = pair(tmp_path)
    own = transport(left).peer_id
    everybody = replace(left, members=(own, *left.members), peers=(*left.peers, f"wss://192.0.2.1#{own}"))
    assert set(transport(everybody)._table.members) == set(left.members)


def authority(folder: Path, config: WebSocketConfig) -> Path:
    """Make an authority, and a certificate of it for the address where a gateway listens."""
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    base = x509.CertificateBuilder().issuer_name(name).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    root = (
        base.subject_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(*([False] * 5), True, True, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    served = ec.generate_private_key(ec.SECP256R1())
    host = ip_address(config.listen[0].partition(":")[0])
    leaf = (
        base.subject_name(x509.Name([]))
        .public_key(served.public_key())
        .serial_number(2)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(host)]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(root.public_bytes(pem))
    config.certificate_path.write_bytes(leaf.public_bytes(pem))
    config.key_path.touch(mode=0o600)
    config.key_path.write_bytes(served.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return folder / "authority.pem"


async def test_a_certificate_of_an_authority_may_be_demanded_beside_the_proof(tmp_path: Path) -> None:
    left, right = pair(tmp_path, both_call=False)
    root = authority(tmp_path, left)
    async with running(transport(left), transport(replace(right, authorities=(root,)))) as (one, two):
        await linked(one, two)


async def test_a_certificate_that_no_authority_signed_is_refused_where_one_is_demanded(tmp_path: Path) -> None:
    left, right = pair(tmp_path, both_call=False)
    other = replace(left, certificate_path=tmp_path / "other.crt", key_path=tmp_path / "other.tls")
    root = authority(tmp_path, other)
    async with running(transport(left), transport(replace(right, authorities=(root,)))) as (one, two):
        await until(lambda: "its certificate is not accepted" in two.transport.status().sentence)
        assert not one.events


async def test_a_stopped_transport_takes_nothing_and_leaves_no_task(tmp_path: Path) -> None:
    left, _ = pair(tmp_path)
    before = asyncio.all_tasks()
    one = transport(left)
    assert not one.send("websocket:nobody", b"frame")  # type: ignore[arg-type]
    async with running(one):
        await until(lambda: one.status().addresses)
    assert not one.send("websocket:nobody", b"frame")  # type: ignore[arg-type]
    one.close("websocket:nobody", "there is none")  # type: ignore[arg-type]
    assert asyncio.all_tasks() <= before
