"""What was wrong with the P2P package this project began with, each as a test that would have caught it.

The doc of a test names the fault and where it was (AIVillage, infrastructure/p2p). Those of the air, of radios, and of
tickets and credits are in the files beside this one; the table in docs/design/testing.md has them all.
"""

import asyncio
import importlib
import json
import pkgutil
import re
import subprocess
import sys
from collections import deque
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from random import Random

import msgpack
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from google.protobuf import unknown_fields
from google.protobuf.empty_pb2 import Empty

import gateway
import hw
import transports
from gateway.app import Gateway
from gateway.assembly import links
from gateway.bridge.line import Line
from gateway.bridge.numbered import Outbox
from gateway.bridge.route import Breaker
from gateway.bridge.trunks import Trunks
from gateway.config import Origin, load
from gateway.errors import ConfigError, DecodeError, SealError, SessionError
from gateway.limits import MAX_ROUTE_CHANGES, MAX_SITES, TRUNK_BYTES
from gateway.mesh.effects import SendFrame
from gateway.mesh.events import Tick
from gateway.network import NetworkConfig, NetworkError, NetworkWarning, P2PNetwork, reach
from gateway.runtime.supervise import Supervised
from gateway.session.aead import OVERHEAD, Algorithm, Sealer
from gateway.session.noise import XX, Handshake
from gateway.session.transport import ReceiveCipher, SendCipher
from gateway.store.message import Accepted, State
from gateway.wire import envelope
from gateway.wire.envelope import Encoding, Envelope, Kind
from gateway.wire.program import decode_value, encode_value
from tests.config.support import refusal
from tests.store.stores import NOW, message, opened, writing
from tests.transports.libp2p_rigs import until
from transports.libp2p.config import Libp2pConfig
from transports.libp2p.identity import peer_id_of
from transports.libp2p.transport import Libp2pTransport
from transports.link import Capability, LinkDown, LinkId, LinkUp, TransportState
from transports.loopback import LoopbackHub
from transports.websocket.config import WebSocketConfig
from transports.websocket.transport import WebSocketTransport

ROOT = Path(__file__).parent.parent.parent
PACKAGES = (gateway, transports, hw)
NODE = ("transports.libp2p.node", "hw.recover.__main__")  # programs of their own: importing one takes seconds, or starts it
NOBODY = peer_id_of(bytes(32))
EVERYTHING = {"none": None, "true": True, "number": -1, "float": 2.5, "text": "é", "bytes": bytes(range(256)), "deep": [{"raw": b"\xff"}]}


def modules() -> list[str]:
    found = [one.name for package in PACKAGES for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return [name for name in found if not name.startswith(NODE)]


@cache
def sources() -> dict[str, str]:
    """The text of every module."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package.__name__).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in paths}


def found(pattern: str) -> list[tuple[str, str]]:
    """The files in which something stands, and what it is exactly."""
    expression = re.compile(pattern, re.MULTILINE)
    return [(name, match[0].strip()) for name, text in sources().items() for match in expression.finditer(text)]


class TestTheNetwork:
    """`P2PNetwork` itself."""

    @pytest.mark.timeout(30)
    async def test_it_starts_with_no_setting_at_all_but_where_to_listen(self) -> None:
        """`P2PNetwork()` raised TypeError on `initialize()`: its transport manager was made without its argument."""
        async with P2PNetwork({"transport_priority": ["websocket"]}) as network:
            assert network.addresses
            assert network.peers == {}

    @pytest.mark.timeout(30)
    async def test_nobody_is_called_who_was_not_named(self) -> None:
        """Its "local discovery" tried 254 hosts on 4 ports."""
        async with P2PNetwork({"transport_priority": ["websocket"]}) as network:
            assert network._run._supervised[0].transport._called == {}

    @pytest.mark.timeout(30)
    async def test_connecting_to_nowhere_is_no_success(self) -> None:
        """betanet/mixnode_client.py: with the endpoint nowhere.invalid it connected, built a circuit and sent, all True."""
        async with P2PNetwork({"transport_priority": ["websocket"]}) as network:
            with pytest.raises(NetworkError, match="has not answered"):
                await network.connect(f"wss://nowhere.invalid:1#{NOBODY}", within=0.5)
            with pytest.raises(NetworkError, match="nobody this program knows"):
                await network.send(NOBODY, "anybody?")
            network.admit(NOBODY)
            assert await network.broadcast("anybody?") == 0
            receipt = await network.send(NOBODY, "anybody?", within=0.2)
            assert not await receipt.settled()

    @pytest.mark.parametrize("name", ["betanet", "mesh", "bitchat", "scion", "quic", ""])
    def test_a_transport_there_is_not_is_an_error(self, name: str) -> None:
        """A transport that could not be loaded was logged as a warning, became None, and the rest said it was initialized."""
        with pytest.raises(ValueError, match="ransport"):
            NetworkConfig(transport_priority=["libp2p", name])

    def test_nat_traversal_is_not_claimed(self) -> None:
        """core/nat_traversal.py: "UPnP available" meant that a UDP socket could be bound; it was on by default and did nothing."""
        with pytest.warns(NetworkWarning):
            NetworkConfig(enable_nat_traversal=True)
        assert NetworkConfig().enable_nat_traversal is False


class TestAbsence:
    """Parts that were not there and said they were."""

    @pytest.mark.parametrize("name", modules())
    def test_every_module_can_be_imported_and_offers_what_it_names(self, name: str) -> None:
        """The package of its test kit imported five modules that did not exist; `advanced` was not there; names became None."""
        module = importlib.import_module(name)
        assert [public for public in getattr(module, "__all__", ()) if getattr(module, public, None) is None] == []

    def test_no_import_is_tried_and_forgotten(self) -> None:
        """Imports in `try`, with `except ImportError: X = None`: whatever was missing was missing in silence."""
        assert found(r"^ *try:\n +(import|from) .*|except (ImportError|ModuleNotFoundError)") == []

    def test_a_gateway_without_libp2p_does_not_start_as_if_it_had_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """core/libp2p_transport.py: `start()` returned True with libp2p absent, in a "fallback mode" that opened nothing."""
        monkeypatch.setattr(links, "find_spec", lambda _name: None)
        settings = [f"gateway.state_dir={tmp_path}", f"control.socket={tmp_path}/control.sock", "page.enabled=false"]
        settings += ["transports.libp2p.enabled=true"]
        with pytest.raises(ConfigError, match="without libp2p"):
            Gateway(load(None, {}, settings).config, [])

    async def test_a_network_without_libp2p_does_not_start_either(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same, for `P2PNetwork`."""
        monkeypatch.setattr(reach, "find_spec", lambda _name: None)
        with pytest.raises(NetworkError, match="without libp2p"):
            await P2PNetwork().initialize()


class TestSuccess:
    """Whatever returned True."""

    @pytest.mark.parametrize("name", ["libp2p", "websocket"])
    async def test_a_transport_that_does_not_run_is_down_and_takes_nothing(self, name: str, tmp_path: Path) -> None:
        """core/libp2p_transport.py: delivery was `sleep(0.01)` and True."""
        one = (
            Libp2pTransport(Libp2pConfig(tmp_path / "key"), Random(1))
            if name == "libp2p"
            else WebSocketTransport(WebSocketConfig(tmp_path / "key", tmp_path / "crt", tmp_path / "tls"), Random(1))
        )
        assert one.send(LinkId(f"{name}:{NOBODY}"), b"anybody?") is False
        assert one.status().state is not TransportState.UP
        assert one.status().links == 0

    async def test_a_frame_for_a_link_there_is_not_is_refused(self) -> None:
        """core/transport_manager.py: sending over an unknown transport was a success."""
        assert LoopbackHub().transport("ann").send(LinkId("loopback:nobody"), b"x") is False

    @pytest.mark.timeout(30)
    async def test_a_transport_whose_calls_fail_is_not_up(self, tmp_path: Path) -> None:
        """Every connection was up once it had been asked for."""
        config = WebSocketConfig(
            tmp_path / "key", tmp_path / "crt", tmp_path / "tls", members=(NOBODY,), peers=(f"wss://127.0.0.1:9#{NOBODY}",)
        )
        one = Supervised(WebSocketTransport(config, Random(1)), Random(1), lambda _: None)
        events: list[object] = []
        running = asyncio.create_task(one.run(events.append))
        await until(lambda: "cannot be reached (" in one.status().sentence)
        assert (one.status().state, one.status().links, events) == (TransportState.DEGRADED, 0, [])
        running.cancel()
        await asyncio.wait([running])


class TestSerialization:
    """common/serialization.py."""

    def test_bytes_survive_wherever_they_stand(self) -> None:
        """Its JSON worked, but not for bytes."""
        assert decode_value(encode_value(EVERYTHING)) == EVERYTHING

    @pytest.mark.parametrize("encoding", Encoding)
    def test_every_encoding_that_is_offered_works_with_every_byte(self, encoding: Encoding) -> None:
        """Its JSON refused bytes, and its Protobuf could never be chosen."""
        whole = Envelope(bytes(16), Kind.FRAME, bytes(8), (b"\xff" * 8,), 1, 2, bytes(range(256)))
        assert envelope.decode(envelope.encode(whole, encoding), encoding) == whole

    def test_each_encoding_is_what_it_is_called(self) -> None:
        """Its Protobuf imported a module called `protobuf`, which there is not, and was never registered."""
        whole = Envelope(b"i" * 16, Kind.FRAME, b"o" * 8, (), 1, 2, b"body")
        assert json.loads(envelope.encode(whole, Encoding.JSON))["kind"] == "frame"
        assert msgpack.unpackb(envelope.encode(whole, Encoding.MSGPACK), strict_map_key=False)[7] == b"body"
        google = unknown_fields.UnknownFieldSet(Empty.FromString(envelope.encode(whole, Encoding.PROTOBUF)))
        assert {field.field_number: field.data for field in google}[7] == b"body"

    def test_nothing_that_comes_in_is_unpickled(self) -> None:
        """It offered pickle, with which whoever sends can run what he likes."""
        assert found(r"^ *(import|from) (pickle|marshal|shelve|dill)\b|(?<![\w.])(eval|exec|__import__)\(") == []


class TestSecrets:
    """common/encryption.py, betanet/noise_protocol.py, communications/protocol.py."""

    @pytest.mark.parametrize("algorithm", Algorithm)
    def test_a_cipher_is_the_one_it_is_called(self, algorithm: Algorithm) -> None:
        """Its "ChaCha20" was NaCl's SecretBox, and only where that was installed; its "Noise" was AES in silence."""
        key, said = bytes(range(32)), b"meet me at the old mill"
        blob = Sealer(key, Random(1).randbytes, algorithm).seal(said, b"a note")
        named, other = (AESGCM, ChaCha20Poly1305) if algorithm is Algorithm.AES_256_GCM else (ChaCha20Poly1305, AESGCM)
        head = len(blob) - len(said) - 16
        nonce, sealed = blob[head - 12 : head], blob[head:]
        bound = Sealer(key, Random(1).randbytes, algorithm)._bound(b"a note")
        assert len(blob) == OVERHEAD + len(said)
        assert named(key).decrypt(nonce, sealed, bound) == said
        with pytest.raises(InvalidTag):
            other(key).decrypt(nonce, sealed, bound)

    def test_a_cipher_there_is_not_is_an_error_and_not_another_one(self) -> None:
        """Whatever it did not know became AES."""
        with pytest.raises(ValueError):
            Algorithm(99)
        blob = bytearray(Sealer(bytes(32), Random(1).randbytes).seal(b"secret", b"a note"))
        for at in range(len(blob)):
            damaged = bytes(blob[:at]) + bytes([blob[at] ^ 1]) + bytes(blob[at + 1 :])
            with pytest.raises(SealError):
                Sealer(bytes(32), Random(1).randbytes).open(damaged, b"a note")

    def test_noise_is_noise(self) -> None:
        """Its Noise was raw ECDH and tags of text. This one names a pattern of the specification, and its vectors hold."""
        assert XX == b"Noise_XX_25519_ChaChaPoly_SHA256"
        one, two = (
            Handshake(initiator=first, static_private=bytes([seed]) * 32, ephemeral=bytes([seed + 2]) * 32)
            for first, seed in ((True, 1), (False, 2))
        )
        sent = [one.write(b"")]
        two.read(sent[0])
        sent.append(two.write(b""))
        one.read(sent[1])
        sent.append(one.write(b""))
        two.read(sent[2])
        assert [len(part) for part in sent] == [32, 96, 64]  # e; e, ee, s, es; s, se
        ours, theirs = one.split(), two.split()
        assert (ours.send, ours.receive) == (theirs.receive, theirs.send)
        assert ours.send != ours.receive

    def test_what_cannot_be_decrypted_is_refused_and_nothing_weaker_is_tried(self) -> None:
        """Its ChaCha20 call always failed, and then XOR with a repeating key was used, in both directions."""
        key = bytes(range(32))
        sealed = SendCipher(key).encrypt(bytes(64))
        counter, text = sealed[:4], sealed[4:]
        assert not any(chunk == other for chunk, other in pairwise(text[at : at + 16] for at in range(0, 64, 16)))
        xored = counter + bytes(a ^ b for a, b in zip(b"meet me at the old mill, at noon", key, strict=True)) + bytes(16)
        with pytest.raises(SessionError):
            ReceiveCipher(key).decrypt(xored)

    @pytest.mark.timeout(30)
    async def test_no_program_is_let_in_by_a_hash_of_names(self, tmp_path: Path) -> None:
        """communications/protocol.py: the key of a network was a hash of two names, so anyone who knew them could decrypt."""
        only = {"transport_priority": ["websocket"]}
        async with P2PNetwork(only) as ann, P2PNetwork(only) as bob:
            ann.admit(bob.peer_id)
            for number, names in enumerate((ann.peer_id + bob.peer_id, bob.peer_id + ann.peer_id, bob.peer_id)):
                key = tmp_path / str(number) / reach.KEY
                key.parent.mkdir()
                key.touch(0o600)
                key.write_bytes(b"\x08\x01\x12\x20" + sha256(names.encode()).digest())
                async with P2PNetwork(only | {"state_dir": key.parent}) as eve:
                    with pytest.raises(NetworkError, match="does not list this one as a member"):
                        await eve.connect(*ann.addresses, within=0.5)

    def test_no_variable_of_the_environment_weakens_a_connection(self) -> None:
        """communications/protocol.py: an environment variable switched the check of certificates off."""
        reading = {name for name, _ in found(r"\b(environ|getenv)\b") if name.startswith("transports/")}
        assert reading == {"transports/libp2p/node.py"}  # which sets one, for a library, and reads none

    @pytest.mark.parametrize("address", [f"ws://127.0.0.1:1#{NOBODY}", f"http://127.0.0.1:1#{NOBODY}", "wss://127.0.0.1:1"])
    def test_nothing_goes_without_encryption_or_to_whoever_answers(self, address: str) -> None:
        """betanet/htx_transport.py: a plain "CLIENT_HELLO", a sleep, and then `encryption_enabled = True`."""
        with pytest.raises(ValueError):
            WebSocketConfig(Path("key"), Path("crt"), Path("tls"), members=(NOBODY,), peers=(address,))
        with pytest.raises(ValueError, match="cannot be switched off"):
            NetworkConfig(enable_encryption=False)


class TestDelivery:
    """core/message_delivery.py, core/transport_manager.py."""

    def test_what_waits_is_there_after_a_restart(self, tmp_path: Path) -> None:
        """It stored pickles and loaded JSON: after a restart, of one message that waited none was restored."""
        whole = message("waits", body=bytes(range(256)))
        with writing(tmp_path / "store.db") as store:
            store.spool.accept(whole, NOW)
        with opened(tmp_path / "store.db") as store:
            assert store.spool.ready(NOW) == [whole]
        with writing(tmp_path / "store.db") as store:
            assert store.spool.accept(whole, NOW) == Accepted(State.QUEUED, fresh=False)

    def test_its_own_message_can_be_sent(self) -> None:
        """`send_message` with its own `UnifiedMessage` raised AttributeError: the type had no size, payload or chunks."""
        for value in (EVERYTHING, None, "", b"", [], {}):
            assert decode_value(encode_value(value)) == value

    def test_what_is_kept_for_a_site_is_bounded(self) -> None:
        """Its store of chunks kept everything of everybody, for ever."""
        outbox = Outbox(b"name 001")
        accepted = sum(outbox.offer(bytes(60_000)) for _ in range(1_000))
        assert accepted == TRUNK_BYTES // 60_010 + (TRUNK_BYTES % 60_010 >= 60_000)
        assert outbox.bytes <= TRUNK_BYTES + 10 * accepted

    def test_what_is_remembered_of_sites_is_bounded(self) -> None:
        """The same, for peers that come once and never again."""

        class Deaf:
            def handle(self, _event: object, _now: float) -> list:
                return []

            def next_wakeup(self) -> None:
                return None

        trunks = Trunks(Deaf(), ("libp2p",), Random(1).randbytes)
        for number in range(10 * MAX_SITES):
            link, wide = LinkId(f"libp2p:{number}"), Capability.WIDE_AREA
            trunks.handle(LinkUp(link, 1_310_720, wide, str(number)), float(number))
            trunks.handle(LinkDown(link, "gone"), float(number))
        assert len(trunks._trunks) <= MAX_SITES
        assert trunks.decisions.maxlen == MAX_ROUTE_CHANGES
        assert isinstance(trunks.decisions, deque)
        effects = trunks.handle(Tick(), 1e6)
        assert not [effect for effect in effects if isinstance(effect, SendFrame)]
        assert trunks._trunks == {}
        assert Line(LinkId("x"), 1, 0, metered=False, breaker=Breaker()).is_greeted is False

    def test_there_is_one_order_of_service(self) -> None:
        """There were three enums called MessagePriority, and two called MessageType, that did not agree."""
        assert len(found(r"^class (Message)?Priority\b")) == len(found(r"^class MessageType\b")) == 1


class TestSettings:
    """common/configuration.py and common/logging.py."""

    def test_a_name_with_underscores_can_be_set_from_the_environment(self, tmp_path: Path) -> None:
        """The separator of its levels was one underscore, so NAT_TRAVERSAL became two levels and changed nothing."""
        loaded = load(None, {"MESHGATE_GATEWAY__STATE_DIR": str(tmp_path), "MESHGATE_TRANSPORTS__LIBP2P__IDENTITY_FILE": "/k"}, [])
        assert loaded.config.gateway.state_dir == tmp_path
        assert loaded.config.transports.libp2p.identity_file == Path("/k")
        assert loaded.origin["gateway.state_dir"] != Origin("default")

    @pytest.mark.parametrize("name", ["MESHGATE_GATEWAY_STATE_DIR", "MESHGATE_GATEWAY__STATEDIR", "MESHGATE_P2P__PORT"])
    def test_a_variable_that_would_change_nothing_is_an_error(self, name: str, tmp_path: Path) -> None:
        """Each component had a prefix of its own, so one P2P_ variable changed nothing, and nobody said so."""
        assert name in str(refusal(tmp_path, env={name: "x"}))

    def test_no_call_of_a_logger_has_a_keyword_it_does_not_take(self) -> None:
        """The call in its documentation, `logger.info("…", peer_id=…)`, raised TypeError."""
        taken = r"(?!exc_info|stack_info|stacklevel|extra)"
        logged = r"\b(_log|log|logger|logging)\.(debug|info|warning|error|exception|critical)\("
        assert found(logged)
        assert found(logged + rf".*, {taken}\w+=") == []

    @pytest.mark.timeout(60)
    def test_importing_it_changes_nothing_and_says_nothing(self) -> None:
        """Its package set up logging for the whole program, and logged, when it was imported."""
        code = "import logging, gateway.network; assert not logging.getLogger().handlers"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, env={"PYTHONPATH": str(ROOT)})
        assert done.stdout == done.stderr == b""

    def test_a_malformed_value_of_another_program_is_counted_and_never_guessed(self) -> None:
        """Its formats guessed at what had come in."""
        for data in (b"\xc1", b"\xd9", json.dumps(["x"]).encode(), msgpack.packb({1: 1})):
            with pytest.raises(DecodeError):
                decode_value(data)
