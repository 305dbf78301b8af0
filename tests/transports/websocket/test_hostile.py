"""Strangers, and members with bad manners, against a gateway that must not notice. Real sockets."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from tests.transports.libp2p_rigs import until
from tests.transports.websocket.rigs import free_place, pair, running, transport
from tests.transports.websocket.visitor import Visit, ends, raw, visit
from transports.conformance import Witness
from transports.libp2p.blob import Hello as LinkHello
from transports.libp2p.blob import Welcome as LinkWelcome
from transports.libp2p.blob import decode_blob, encode_hello, encode_ready, encode_welcome
from transports.libp2p.framing import Deframer, framed
from transports.libp2p.identity import peer_id_of
from transports.limits import LINK_WINDOW_BYTES, MAX_BLOB, WS_MESSAGE, WS_PENDING, WS_PENDING_PER_HOST
from transports.websocket.address import PATH, Address, parse_listen
from transports.websocket.certificate import calling_context
from transports.websocket.errors import Refusal
from transports.websocket.protocol import ADMITTED, MAX_HELLO
from transports.websocket.transport import WebSocketTransport

pytestmark = pytest.mark.timeout(60)

HELLO_S = 0.5  # seconds; long enough for an honest hello on a busy machine, and the tests wait for it to pass


class Victim:
    """A gateway that is linked with another, and what must not change while a third misbehaves."""

    def __init__(self, left: Witness, right: Witness, member: bytes) -> None:
        self.left, self.right, self.member = left, right, member
        assert isinstance(right.transport, WebSocketTransport)
        self.target = right.transport
        place, _, self.peer_id = self.target.status().addresses[0].removeprefix("wss://").partition("#")
        self.place = parse_listen(place)
        self.sent = 0

    def count(self, name: str) -> int:
        return self.target.status().counters.get(name, 0)

    @property
    def waiting(self) -> int:
        assert self.target._door is not None
        return self.target._door.waiting

    async def must_be_unharmed(self) -> None:
        self.sent += 1
        frame = self.sent.to_bytes(4, "big")
        await self.left.send(frame)
        await self.right.until(lambda: frame in self.right.frames, "the frame")
        assert self.left.downs == 0
        await until(lambda: self.waiting == 0)


@pytest.fixture
async def victim(tmp_path: Path) -> AsyncIterator[Victim]:
    member = os.urandom(32)
    left, right = pair(tmp_path, both_call=False, stall_s=0.5)
    # The victim is called by the other, so it needs a place; the one that is called by nobody else is the victim.
    left, right = replace(left, members=(*left.members, peer_id_of(member))), replace(right)
    async with running(transport(right), transport(left)) as (caller, called):
        await caller.until(lambda: caller.up, "LinkUp")
        await called.until(lambda: called.up, "LinkUp")
        yield Victim(caller, called, member)


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Victim]:
    """The same, but a hello may take only a moment."""
    left, right = pair(tmp_path, both_call=False)
    async with running(transport(right), transport(replace(left, hello_s=HELLO_S))) as (caller, called):
        await caller.until(lambda: caller.up, "LinkUp")
        await called.until(lambda: called.up, "LinkUp")
        yield Victim(caller, called, b"")


async def test_a_stranger_who_proves_its_key_is_told_that_it_is_no_member(victim: Victim) -> None:
    async with visit(victim.place) as stranger:
        message = await stranger.prove(os.urandom(32), victim.peer_id)
        assert message[:2] == bytes((5, Refusal.NOT_MEMBER))
        assert await stranger.hear() == b""
    assert victim.count("refused_not_member") == 1
    assert victim.count("links_up") == 1
    await victim.must_be_unharmed()


async def test_a_stranger_learns_nothing_without_the_peer_id_of_the_gateway(victim: Victim) -> None:
    async with visit(victim.place) as stranger:
        await stranger.say(stranger.caller(os.urandom(32), peer_id_of(os.urandom(32))).hello())
        assert await stranger.refusal() is Refusal.OTHER_GATEWAY
    async with raw(victim.place, tls=calling_context()) as (_, writer):
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert victim.peer_id.encode() not in shown
    await victim.must_be_unharmed()


async def test_a_forged_signature_is_refused(victim: Victim) -> None:
    async with visit(victim.place) as forger:
        caller = forger.caller(victim.member, victim.peer_id)
        await forger.say(caller.hello())
        proof = caller.answered(await forger.hear())
        await forger.say(proof[:-1] + bytes([proof[-1] ^ 1]))
        assert await forger.refusal() is Refusal.SIGNATURE
    assert victim.count("refused_signature") == 1
    await victim.must_be_unharmed()


async def test_a_recorded_hello_of_a_member_is_refused(victim: Victim) -> None:
    async with visit(victim.place) as member:
        caller = member.caller(victim.member, victim.peer_id)
        hello = caller.hello()
        await member.say(hello)
        proof = caller.answered(await member.hear())
        await member.say(proof)
        assert await member.hear() == ADMITTED
    async with visit(victim.place) as thief:
        await thief.say(hello)
        await thief.hear()
        await thief.say(proof)
        assert await thief.refusal() is Refusal.SIGNATURE
    await victim.must_be_unharmed()


async def test_the_gateways_own_answer_reflected_as_a_proof_is_refused(victim: Victim) -> None:
    async with visit(victim.place) as mirror:
        await mirror.say(mirror.caller(victim.member, victim.peer_id).hello())
        answer = await mirror.hear()
        await mirror.say(b"\x03" + answer[33:])
        assert await mirror.refusal() is Refusal.SIGNATURE
    await victim.must_be_unharmed()


@pytest.mark.parametrize(
    "message", [b"", b"\x01", b"\x01" + bytes(95), b"\x03" + bytes(64), b"\x04", bytes(MAX_HELLO + 1), bytes(WS_MESSAGE - 100)]
)
async def test_a_hello_that_is_none_is_refused(victim: Victim, message: bytes) -> None:
    async with visit(victim.place) as visitor:
        await visitor.say(message)
        assert await visitor.refusal() is Refusal.MALFORMED
    assert victim.count("refused_malformed") == 1
    await victim.must_be_unharmed()


async def test_text_in_place_of_a_hello_is_refused(victim: Victim) -> None:
    async with visit(victim.place) as visitor:
        await visitor.socket.send_str("hello")
        assert await visitor.refusal() is Refusal.MALFORMED
    await victim.must_be_unharmed()


async def test_a_giant_message_ends_the_connection_before_it_is_in_memory(victim: Victim) -> None:
    async with visit(victim.place) as visitor:
        await visitor.say(bytes(WS_MESSAGE + 1))
        while await visitor.hear():
            pass
        assert visitor.socket.close_code in {aiohttp.WSCloseCode.MESSAGE_TOO_BIG, aiohttp.WSCloseCode.ABNORMAL_CLOSURE}
    await victim.must_be_unharmed()


async def test_compression_is_not_agreed_to(victim: Victim) -> None:
    async with visit(victim.place, compress=15) as visitor:
        assert visitor.socket.compress == 0


async def test_a_man_in_the_middle_with_a_certificate_of_his_own_gets_nobody_linked(tmp_path: Path) -> None:
    left, right = pair(tmp_path / "gateways", both_call=False)
    stand = free_place()
    right = replace(right, peers=(f"wss://{stand}#{right.members[0]}",))
    eve = transport(pair(tmp_path / "eve")[0])._certificate
    async with running(transport(left), transport(right)) as (called, caller):
        await until(lambda: called.transport.status().addresses)
        there = parse_listen(left.listen[0])

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async with raw(there, tls=calling_context()) as (back, forth):
                await asyncio.gather(_pass_on(reader, forth), _pass_on(back, writer))

        host, _, port = stand.partition(":")
        between = await asyncio.start_server(relay, host, int(port), ssl=eve.context)
        async with between:
            await until(lambda: caller.transport.status().counters.get("refused_signature", 0) >= 2)
        assert "somebody stands between" in caller.transport.status().sentence
        assert not caller.events
        assert not called.events


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await ends_or_more(reader):
        writer.write(data)
    writer.transport.abort()


async def ends_or_more(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(4_096)
    except ConnectionError:
        return b""


async def test_a_gateway_that_is_called_under_the_wrong_id_is_not_linked_with(tmp_path: Path) -> None:
    left, right = pair(tmp_path, both_call=False)
    wrong = peer_id_of(os.urandom(32))
    right = replace(right, members=(wrong,), peers=(right.peers[0].partition("#")[0] + "#" + wrong,))
    async with running(transport(left), transport(right)) as (called, caller):
        await until(lambda: caller.transport.status().counters.get("refused_by_them", 0))
        assert "another gateway answers at this address" in caller.transport.status().sentence
        assert not caller.events
        assert not called.events


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    left, right = pair(tmp_path, both_call=False)
    certificate = transport(left)._certificate
    host, _, port = left.listen[0].partition(":")
    asked: list[str] = []

    async def answer(request: aiohttp.web.BaseRequest) -> aiohttp.web.Response:
        asked.append(request.path)
        return aiohttp.web.Response(status=302, headers={"Location": f"https://{left.listen[0]}/elsewhere"})

    server = aiohttp.web.Server(answer)
    listening = await asyncio.get_running_loop().create_server(server, host, int(port), ssl=certificate.context)
    async with listening, running(transport(right)) as (caller,):
        await until(lambda: "sends us elsewhere" in caller.transport.status().sentence)
    await server.shutdown(0)
    assert set(asked) == {PATH}


@pytest.mark.parametrize("words", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", os.urandom(3_000), b""])
async def test_what_is_no_tls_is_hung_up_on(hasty: Victim, words: bytes) -> None:
    async with raw(hasty.place) as (reader, writer):
        writer.write(words)
        await ends(reader)
    await until(lambda: hasty.count("refused_tls") == 1)
    await hasty.must_be_unharmed()


async def test_tls_1_2_is_refused(victim: Victim) -> None:
    old = calling_context()
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        async with raw(victim.place, tls=old):
            pass
    await victim.must_be_unharmed()


@pytest.mark.parametrize(
    ("request_line", "headers"),
    [
        ("GET / HTTP/1.1", ""),
        (f"GET {PATH} HTTP/1.1", ""),
        (f"POST {PATH} HTTP/1.1", "Content-Length: 5\r\n"),
        ("GET /../../etc/passwd HTTP/1.1", ""),
        (f"GET {PATH} HTTP/1.1", f"X: {'x' * 10_000}\r\n"),
        (f"GET {PATH} HTTP/1.1", "".join(f"X-{number}: y\r\n" for number in range(200))),
    ],
)
async def test_any_other_request_is_answered_with_an_error_and_hung_up_on(victim: Victim, request_line: str, headers: str) -> None:
    async with raw(victim.place, tls=calling_context()) as (reader, writer):
        writer.write(f"{request_line}\r\nHost: x\r\n{headers}\r\n".encode())
        answer = await ends(reader)
    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    await victim.must_be_unharmed()


async def test_a_caller_that_stops_at_any_step_is_hung_up_on_in_time(hasty: Victim) -> None:
    began = asyncio.get_running_loop().time()
    async with (
        raw(hasty.place) as (no_tls, _),
        raw(hasty.place, tls=calling_context()) as (no_request, _),
        raw(hasty.place, tls=calling_context()) as (half_a_request, writer),
        visit(hasty.place) as no_hello,
        visit(hasty.place) as no_proof,
    ):
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost:".encode())
        await no_proof.say(no_proof.caller(os.urandom(32), hasty.peer_id).hello())
        assert len(await no_proof.hear()) == 97
        await asyncio.gather(ends(no_tls), ends(no_request), ends(half_a_request), no_hello.hear(), no_proof.hear())
    assert asyncio.get_running_loop().time() - began >= HELLO_S
    assert hasty.count("refused_late") == 4
    assert hasty.count("refused_tls") == 1
    await hasty.must_be_unharmed()


async def test_who_says_nothing_takes_one_of_a_few_places_and_more_are_hung_up_on(hasty: Victim) -> None:
    async with _crowd(hasty.place, WS_PENDING, [f"127.0.1.{number}" for number in range(1, 1 + WS_PENDING)]) as crowd:
        await until(lambda: hasty.waiting == WS_PENDING)
        async with raw(hasty.place, source="127.0.2.1") as (reader, _):
            assert await ends(reader) == b""
        assert hasty.count("refused_full") == 1
        await asyncio.gather(*map(ends, crowd))
    await hasty.must_be_unharmed()


async def test_one_stranger_cannot_take_every_place(victim: Victim) -> None:
    async with _crowd(victim.place, WS_PENDING_PER_HOST, ["127.0.1.1"]):
        await until(lambda: victim.waiting == WS_PENDING_PER_HOST)
        async with raw(victim.place, source="127.0.1.1") as (reader, _):
            assert await ends(reader) == b""
        assert victim.count("refused_full") == 1
        async with visit(victim.place, source="127.0.1.2") as member:
            assert await member.prove(victim.member, victim.peer_id) == ADMITTED
    await victim.must_be_unharmed()


async def test_coming_and_going_uses_up_no_place(victim: Victim) -> None:
    for _ in range(2 * WS_PENDING):
        async with raw(victim.place):
            pass
        await until(lambda: victim.waiting < WS_PENDING_PER_HOST)
    await victim.must_be_unharmed()


class _crowd:  # noqa: N801 - reads as a function
    """Many connections that say nothing."""

    def __init__(self, place: Address, count: int, sources: list[str]) -> None:
        self._place, self._sources = place, [sources[number % len(sources)] for number in range(count)]
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> list[asyncio.StreamReader]:
        readers = []
        for source in self._sources:
            reader, writer = await asyncio.open_connection(self._place.host, self._place.port, local_addr=(source, 0))
            readers.append(reader)
            self._writers.append(writer)
        return readers

    async def __aexit__(self, *_: object) -> None:
        for writer in self._writers:
            writer.transport.abort()


class Member:
    """A member that has been let in and speaks the link protocol by hand."""

    def __init__(self, visit: Visit, victim: Victim) -> None:
        self.visit = visit
        self._opens = peer_id_of(victim.member) < victim.peer_id
        self._deframer = Deframer(MAX_BLOB)

    async def blob(self) -> object:
        while True:
            for blob in self._deframer.feed(await self.visit.hear()):
                return decode_blob(blob)

    async def link(self) -> None:
        """Greet, so that the link comes up at the victim."""
        nonce = os.urandom(8)
        if self._opens:
            await self.visit.say(framed(encode_hello(LinkHello(nonce, b"", b"", os.urandom(8), 0))))
            welcome = await self.blob()
            assert isinstance(welcome, LinkWelcome)
            await self.visit.say(framed(encode_ready(welcome.nonce)))
        else:
            hello = await self.blob()
            assert isinstance(hello, LinkHello)
            await self.visit.say(framed(encode_welcome(LinkWelcome(hello.nonce, nonce, resumed=False, mine=os.urandom(8), received=0))))


@pytest.fixture
async def member(victim: Victim) -> AsyncIterator[Member]:
    async with visit(victim.place, buffer=8_192) as visitor:
        assert await visitor.prove(victim.member, victim.peer_id) == ADMITTED
        one = Member(visitor, victim)
        await one.link()
        await victim.right.until(lambda: len(victim.right.up) == 2, "the member's link")
        yield one


async def test_a_member_that_sends_garbage_loses_its_connection(victim: Victim, member: Member) -> None:
    await member.visit.say(framed(b"\x7fgarbage"))
    while await member.visit.hear():
        pass
    assert victim.count("garbage") == 1
    await victim.must_be_unharmed()


async def test_a_member_that_sends_text_loses_its_connection(victim: Victim, member: Member) -> None:
    await member.visit.socket.send_str("text")
    while await member.visit.hear():
        pass
    await victim.must_be_unharmed()


async def test_a_member_that_announces_a_giant_frame_loses_its_connection(victim: Victim, member: Member) -> None:
    await member.visit.say((MAX_BLOB + 1).to_bytes(4, "big"))
    while await member.visit.hear():
        pass
    assert victim.count("garbage") == 1
    await victim.must_be_unharmed()


async def test_a_member_that_floods_with_pings_harms_nobody(victim: Victim, member: Member) -> None:
    for _ in range(2_000):
        await member.visit.socket.ping(b"x" * 125)
    await victim.must_be_unharmed()


async def test_a_member_that_does_not_read_fills_its_window_and_no_more_and_is_dropped(victim: Victim, member: Member) -> None:
    link = next(link for link in victim.right.up if link.endswith(peer_id_of(victim.member)))
    transport_of_member = member.visit.socket._response.connection.transport
    transport_of_member.pause_reading()
    taken = 0
    while victim.target.send(link, bytes(40_000)):
        taken += 1
    assert taken * 40_000 <= LINK_WINDOW_BYTES
    await until(lambda: victim.count("stalled") == 1)
    await victim.must_be_unharmed()


async def test_a_member_whose_place_is_taken_back_is_parted_with(tmp_path: Path) -> None:
    left, right = pair(tmp_path, both_call=False)
    admitted = set(left.members)
    async with running(transport(left, admit=lambda peer_id, _: peer_id in admitted), transport(right)) as (called, caller):
        await called.until(lambda: called.up, "LinkUp")
        admitted.clear()
        await called.until(lambda: called.downs, "LinkDown")
        await until(lambda: called.transport.status().counters.get("refused_not_member", 0))
        await until(lambda: "does not list this one as a member" in caller.transport.status().sentence)
        assert not called.up


async def test_a_ticket_reaches_whoever_admits(tmp_path: Path) -> None:
    left, right = pair(tmp_path, both_call=False)
    shown: list[tuple[str, bytes]] = []
    joined: set[str] = set()

    def admit(peer_id: str, ticket: bytes) -> bool:
        if ticket == b"the ticket":
            shown.append((peer_id, ticket))
            joined.add(peer_id)
        return peer_id in joined

    called, caller = transport(replace(left, members=()), admit=admit), transport(right, ticket_for=lambda _peer_id: b"the ticket")
    async with running(called, caller) as (one, _):
        await one.until(lambda: one.up, "LinkUp")
        assert shown == [(caller.peer_id, b"the ticket")]


async def test_no_more_members_are_linked_than_there_may_be(victim: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transports.websocket.links.MAX_MEMBERS", 1)
    async with visit(victim.place) as visitor:
        assert (await visitor.prove(victim.member, victim.peer_id))[:2] == bytes((5, Refusal.FULL))
    await victim.must_be_unharmed()


async def test_nothing_is_offered_without_tls(tmp_path: Path) -> None:
    left, right = pair(tmp_path, both_call=False)
    async with running(transport(left)) as (called,):
        await until(lambda: called.transport.status().addresses)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientError):
                await session.ws_connect(f"ws://{left.listen[0]}{PATH}")
        assert all(address.startswith("wss://") for address in called.transport.status().addresses)
    assert right.peers[0].startswith("wss://")
