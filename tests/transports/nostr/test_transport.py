"""Links to real relays on loopback, kind ones and others."""

import asyncio
import json
import random
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.testing.bridging import Author
from gateway.wire.nostr import encode_event
from tests.transports.libp2p_rigs import until
from tests.transports.nostr.relays import TestRelay, as_json, serving
from transports import limits
from transports.conformance import ConformanceError, Witness
from transports.link import Capability, FrameReceived, LinkDown, LinkId, LinkUp, TransportState
from transports.nostr import relay as relay_module
from transports.nostr.config import NostrConfig
from transports.nostr.protocol import Answer, Filter, Word, decode_frame, event_frame
from transports.nostr.report import DISCLOSED
from transports.nostr.transport import NostrTransport

NOW = 1_800_000_000
CELL = "u4pruy"
ASKED = (Filter((20_000, 20_001), "r", (CELL, "u4pruz"), 900, 200),)
ADA = Author(bytes(31) + b"\x01", "ada")
pytestmark = pytest.mark.timeout(30)


def message(text: str, cell: str = CELL):
    return ADA.message(cell, bytes(8), NOW * 1000, text, bytes(32))


def frame(text: str) -> bytes:
    return event_frame(encode_event(message(text)))


def transport(*urls: str, **options: object) -> NostrTransport:
    return NostrTransport(NostrConfig(urls, ASKED), random.Random(3), options.pop("wall", lambda: NOW), **options)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between calls are short."""
    monkeypatch.setattr(relay_module, "NOSTR_BACKOFF_FIRST_S", 0.01)
    monkeypatch.setattr(relay_module, "NOSTR_BACKOFF_CAP_S", 0.05)
    monkeypatch.setattr(relay_module, "NOSTR_CLOCK_S", 0.01)


@asynccontextmanager
async def running(*urls: str, **options: object) -> AsyncIterator[Witness]:
    """A transport that runs with its witness; stopped and checked at the end."""
    witness = Witness(transport(*urls, **options), 8.0)
    witness.start()
    try:
        yield witness
    finally:
        await witness.stop()
    witness.check()


@asynccontextmanager
async def linked(relay: TestRelay, **options: object) -> AsyncIterator[Witness]:
    async with serving(relay), running(relay.url, **options) as witness:
        await witness.until(lambda: witness.up, "LinkUp")
        yield witness


def counts(witness: Witness) -> dict[str, int]:
    return dict(witness.transport.status().counters)


class TestAKindRelay:
    async def test_the_link_comes_up_once_the_relay_has_answered(self) -> None:
        relay = TestRelay()
        async with linked(relay) as witness:
            up = witness.link
            assert (up.link, up.mtu, up.capabilities) == (f"nostr:{relay.url[5:]}", limits.NOSTR_FRAME, Capability.RELAY)
            (said,) = relay.said
            assert said[0] == "REQ"
            assert said[2:] == [{"kinds": [20_000, 20_001], "#r": [CELL, "u4pruz"], "since": NOW - 900, "limit": 200}]
            status = witness.transport.status()
            assert (status.state, status.links) == (TransportState.UP, 1)
            assert status.sentence == f"1 of 1 relay linked. {DISCLOSED}"
        assert witness.transport.status().state is TransportState.DOWN

    async def test_what_is_published_is_answered_and_spread(self) -> None:
        relay = TestRelay()
        async with serving(relay), running(relay.url) as one, running(relay.url) as two:
            await one.until(lambda: one.up, "LinkUp")
            await two.until(lambda: two.up, "LinkUp")
            await one.send(frame("hello"))
            await two.until(lambda: two.frames, "the event")
            assert two.frames == [frame("hello")]
            await one.until(lambda: len(one.frames) == 2, "the event and the answer")
            assert {decode_frame(each) for each in one.frames} == {
                encode_event(message("hello")),
                Answer(message("hello").event_id, True, Word.OTHER),
            }

    async def test_stored_events_come_first_and_in_order(self) -> None:
        relay = TestRelay()
        relay.events = [as_json(message(f"{number}")) for number in range(150)]
        async with linked(relay) as witness:
            await witness.until(lambda: len(witness.frames) == 150, "150 stored events")
            assert witness.frames == [frame(f"{number}") for number in range(150)]

    async def test_nothing_tells_who_calls_but_the_address(self) -> None:
        relay = TestRelay()
        async with linked(relay):
            (headers,) = relay.headers
        wanted = {"Host", "Upgrade", "Connection", "Sec-WebSocket-Version", "Sec-WebSocket-Key", "Accept", "Accept-Encoding"}
        assert headers.keys() <= wanted

    async def test_a_relay_that_goes_away_is_called_again(self) -> None:
        relay = TestRelay()
        async with linked(relay) as witness:
            (calling,) = relay.subscriptions
            await calling.close()
            await witness.until(lambda: witness.downs, "LinkDown")
            await witness.until(lambda: witness.up, "LinkUp again")
            assert relay.calls == 2
            names = [said[1] for said in relay.said]
            assert len(set(names)) == 2, "a subscription is never called the same twice"

    async def test_a_closed_link_goes_down_and_comes_up_again(self) -> None:
        relay = TestRelay()
        async with linked(relay) as witness:
            link = witness.link.link
            witness.transport.close(link, "the test wants it so")
            await witness.until(lambda: witness.downs, "LinkDown")
            assert LinkDown(link, "the test wants it so") in witness.events
            await witness.until(lambda: witness.up, "LinkUp again")
            witness.transport.close(LinkId("nostr:nowhere"), "there is none")

    async def test_one_relay_that_is_away_does_not_stop_the_others(self) -> None:
        relay = TestRelay()
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            away = f"ws://127.0.0.1:{nobody.getsockname()[1]}"
            async with serving(relay), running(away, relay.url) as witness:
                await witness.until(lambda: witness.up, "LinkUp")
                await until(lambda: counts(witness).get("unreached"))
                status = witness.transport.status()
                assert status.state is TransportState.DEGRADED
                assert status.sentence.startswith(f"1 of 2 relays linked; {away[5:]} is not: ")
                assert DISCLOSED in status.sentence

    async def test_nobody_is_asked_before_the_time_of_day_is_known(self) -> None:
        relay, time = TestRelay(), [None]
        async with serving(relay), running(relay.url, wall=lambda: time[0]) as witness:
            status = witness.transport.status()
            assert "time of day" in status.sentence or not witness.transport._relays
            assert relay.calls == 0
            time[0] = NOW
            await witness.until(lambda: witness.up, "LinkUp")
            assert relay.said[0][2]["since"] == NOW - 900


class TestSending:
    async def test_a_full_queue_says_so_and_says_when_there_is_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(relay_module, "NOSTR_SEND_RATE", 400.0)
        relay = TestRelay()
        async with linked(relay) as witness:
            link, accepted = witness.link.link, 0
            while witness.transport.send(link, frame(f"{accepted}")):
                accepted += 1
            assert accepted == limits.NOSTR_QUEUE
            await witness.until(lambda: witness.writables, "Writable")
            await witness.send(frame("the last"))
            await relay.until(lambda: len(relay.published()) == accepted + 1)
            assert relay.published() == [message(f"{number}").event_id for number in range(accepted)] + [message("the last").event_id]

    async def test_publishing_keeps_a_pace(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(relay_module, "NOSTR_SEND_RATE", 0.001)
        monkeypatch.setattr(relay_module, "NOSTR_SEND_BURST", 3.0)
        relay = TestRelay()
        async with linked(relay) as witness:
            for number in range(8):
                assert witness.transport.send(witness.link.link, frame(f"{number}"))
            await relay.until(lambda: len(relay.published()) == 3)
            await witness.until(lambda: len(witness.frames) == 6, "the answers and the events")
            assert len(relay.published()) == 3

    async def test_a_frame_above_the_mtu_is_a_mistake_and_an_unknown_link_is_none(self) -> None:
        async with linked(TestRelay()) as witness:
            with pytest.raises(ValueError, match="mtu"):
                witness.transport.send(witness.link.link, bytes(witness.link.mtu + 1))
            assert not witness.transport.send(LinkId("nostr:nowhere"), b"frame")
        assert not witness.transport.send(LinkId("nostr:nowhere"), b"frame")

    async def test_what_was_not_written_is_forgotten_with_the_link(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(relay_module, "NOSTR_SEND_RATE", 0.001)
        monkeypatch.setattr(relay_module, "NOSTR_SEND_BURST", 1.0)
        relay = TestRelay()
        async with linked(relay) as witness:
            for number in range(4):
                witness.transport.send(witness.link.link, frame(f"{number}"))
            await relay.until(relay.published)
            await next(iter(relay.subscriptions)).close()
            await witness.until(lambda: witness.downs, "LinkDown")
            await witness.until(lambda: witness.up, "LinkUp again")
            assert witness.transport.send(witness.link.link, frame("new"))
            await relay.until(lambda: len(relay.published()) == 2)
            assert relay.published()[1] == message("new").event_id


class TestAnUnkindRelay:
    """Each is counted, hung up on where that is due, and called again; no frame of it is wrong."""

    async def test_one_that_never_answers_is_no_link(self) -> None:
        async def silent(_relay: TestRelay, _socket: web.WebSocketResponse, _message: list) -> bool:
            return True

        relay = TestRelay(silent)
        async with serving(relay), running(relay.url, answer_s=0.1) as witness:
            await until(lambda: counts(witness).get("unanswered"))
            await relay.until(lambda: relay.calls > 1)
            assert witness.events == []
            assert "no answer to what was asked" in witness.transport.status().sentence

    async def test_one_that_only_talks_beside_the_point_is_no_link(self) -> None:
        async def chatty(_relay: TestRelay, socket: web.WebSocketResponse, _message: list) -> bool:
            await socket.send_str('["NOTICE","hello"]')
            await socket.send_str('["AUTH","who are you"]')
            await socket.send_str(json.dumps(["OK", "ab" * 32, True, ""]))
            await socket.send_str('["EVENT","another",{}]')
            await socket.send_str('["EOSE","another"]')
            return True

        relay = TestRelay(chatty)
        async with serving(relay), running(relay.url, answer_s=0.2) as witness:
            await until(lambda: counts(witness).get("unanswered"))
            assert witness.events == []
            seen = counts(witness)
            assert (seen["notice"], seen["auth"], seen["stray"] % 2) == (seen["stray"] // 2, seen["stray"] // 2, 0)

    async def test_the_end_of_stored_events_may_be_missing_if_there_are_events(self) -> None:
        async def endless(_relay: TestRelay, socket: web.WebSocketResponse, said: list) -> bool:
            await socket.send_json(["EVENT", said[1], as_json(message("first"))])
            return True

        async with linked(TestRelay(endless)) as witness:
            await witness.until(lambda: witness.frames, "the event")
            assert isinstance(witness.events[0], LinkUp)
            assert witness.events[1] == FrameReceived(witness.link.link, frame("first"))

    @pytest.mark.parametrize("text", ["garbage", "{}", '["EVENT","another",{}]', '["EOSE","another"]', '["OK","no ID",true,""]'])
    async def test_nonsense_is_counted_and_too_much_of_it_ends_the_link(self, text: str) -> None:
        relay = TestRelay()
        async with linked(relay) as witness:
            name = "stray" if "another" in text else "garbage"
            for _ in range(limits.NOSTR_FAULTS):
                await relay.say(text)
            await relay.say('["NOTICE","still there?"]')
            await until(lambda: counts(witness).get("notice"))
            assert counts(witness)[name] == limits.NOSTR_FAULTS
            assert witness.downs == 0
            await relay.say(text)
            await witness.until(lambda: witness.downs, "LinkDown")
            await until(lambda: counts(witness).get("nonsense") == 1)
            assert witness.frames == []

    async def test_bytes_that_are_no_text_are_nonsense(self) -> None:
        relay = TestRelay()
        async with linked(relay) as witness:
            for calling in list(relay.subscriptions):
                await calling.send_bytes(b"\x00" * 100)
            await until(lambda: counts(witness).get("garbage"))
            assert witness.frames == []

    async def test_what_is_too_large_ends_the_link_before_it_is_in_memory(self) -> None:
        relay = TestRelay()
        async with linked(relay) as witness:
            await relay.say('["NOTICE","' + "x" * limits.NOSTR_MESSAGE + '"]')
            await witness.until(lambda: witness.downs, "LinkDown")
            await until(lambda: counts(witness).get("oversized") == 1)

    async def test_a_flood_ends_the_link(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(relay_module, "NOSTR_BURST", 30.0)
        monkeypatch.setattr(relay_module, "NOSTR_RATE", 0.001)
        relay = TestRelay()
        async with linked(relay) as witness:
            for _ in range(40):
                await relay.say('["NOTICE","buy"]')
            await witness.until(lambda: witness.downs, "LinkDown")
            await until(lambda: counts(witness).get("flooded") == 1)
            assert counts(witness)["notice"] <= 30

    async def test_one_that_ends_the_subscription_is_called_again(self) -> None:
        async def closing(relay: TestRelay, socket: web.WebSocketResponse, said: list) -> bool:
            if relay.calls > 1:
                return False
            await socket.send_json(["CLOSED", said[1], "auth-required: <b>who</b> are you"])
            return True

        relay = TestRelay(closing)
        async with serving(relay):
            notices: list[str] = []
            async with running(relay.url, on_notice=lambda _level, sentence: notices.append(sentence)) as witness:
                await witness.until(lambda: witness.up, "LinkUp at the second call")
            assert notices[0] == f"The relay {relay.url[5:]} is not linked: it ends the subscription (auth-required)."
            assert notices[1] == f"The relay {relay.url[5:]} is linked."
            assert counts(witness)["closed"] == 1

    async def test_one_that_hangs_up_at_once_is_called_with_longer_and_longer_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(relay_module, "NOSTR_BACKOFF_FIRST_S", 0.001)
        monkeypatch.setattr(relay_module, "NOSTR_BACKOFF_CAP_S", 30.0)
        ceilings: list[float] = []

        class Watched(relay_module.Backoff):
            def next(self) -> float:
                ceilings.append(self.ceiling)
                super().next()
                return 0.0

        monkeypatch.setattr(relay_module, "Backoff", Watched)

        async def rude(_relay: TestRelay, socket: web.WebSocketResponse, _message: list) -> bool:
            await socket.close()
            return True

        relay = TestRelay(rude)
        async with serving(relay), running(relay.url) as witness:
            await relay.until(lambda: relay.calls > 8)
            assert witness.events == []
        assert ceilings[:8] == [0.001 * 2**number for number in range(8)]

    async def test_one_that_sends_us_elsewhere_is_not_followed(self) -> None:
        elsewhere = TestRelay()

        async def redirect(_request: web.Request) -> web.Response:
            raise web.HTTPFound(elsewhere.url.replace("ws", "http", 1))

        app = web.Application()
        app.add_routes([web.get("/", redirect)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with serving(elsewhere), running(f"ws://127.0.0.1:{runner.addresses[0][1]}") as witness:
                await until(lambda: counts(witness).get("unreached"))
                assert "sends us elsewhere" in witness.transport.status().sentence
                assert elsewhere.calls == 0
        finally:
            await runner.cleanup()

    async def test_what_is_no_relay_is_told(self) -> None:
        async with serving(TestRelay()) as relay, running(relay.url + "/seen") as witness:
            await until(lambda: counts(witness).get("unreached"))
            assert "no relay (HTTP status 200)" in witness.transport.status().sentence


def certificates(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """TLS for a relay on 127.0.0.1, and its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "relay.crt", folder / "relay.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    return context, certificate


class TestEncryption:
    async def test_a_certificate_nobody_vouches_for_is_refused(self, tmp_path: Path) -> None:
        tls, _ = certificates(tmp_path)
        relay = TestRelay()
        async with serving(relay, tls), running(relay.url) as witness:
            await until(lambda: counts(witness).get("unreached"))
            assert "certificate is not accepted" in witness.transport.status().sentence
            assert relay.calls == 0

    async def test_a_certificate_that_is_trusted_and_names_the_relay_is_enough(self, tmp_path: Path) -> None:
        tls, certificate = certificates(tmp_path)
        trusting = ssl.create_default_context(cafile=certificate)
        relay = TestRelay()
        async with serving(relay, tls), running(relay.url, context=trusting) as witness:
            await witness.until(lambda: witness.up, "LinkUp")

    async def test_a_certificate_for_another_name_is_refused(self, tmp_path: Path) -> None:
        tls, certificate = certificates(tmp_path)
        trusting = ssl.create_default_context(cafile=certificate)
        relay = TestRelay()
        async with serving(relay, tls), running(relay.url.replace("127.0.0.1", "localhost"), context=trusting) as witness:
            await until(lambda: counts(witness).get("unreached"))
            assert "certificate is not accepted" in witness.transport.status().sentence


async def test_cancelling_takes_every_link_down_and_leaves_no_task() -> None:
    relay = TestRelay()
    async with linked(relay) as witness:
        for number in range(5):
            witness.transport.send(witness.link.link, frame(f"{number}"))
        await witness.stop()
        assert not witness.up
        assert witness.downs == 1
        await relay.until(lambda: not relay.subscriptions)
        assert not [task for task in asyncio.all_tasks() if "relay" in task.get_name()]


async def test_the_witness_notices_a_broken_rule() -> None:
    witness = Witness(transport("wss://relay.example"), 1.0)
    witness.post(FrameReceived(LinkId("nostr:relay.example"), b""))
    with pytest.raises(ConformanceError):
        witness.check()
