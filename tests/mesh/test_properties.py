"""Whatever happens, the engine does not raise, does not grow, and sends to links that are up only."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.limits import (
    MAX_ASSEMBLIES,
    MAX_ASSEMBLY_BYTES_TOTAL,
    MAX_HISTORY_BYTES,
    MAX_LINKS,
    MAX_PACED,
    MAX_PEERS,
    MAX_PENDING_RELAYS,
    MAX_PINGS,
    MAX_PINS,
    MAX_RECEIVED_IDS,
    MAX_SEEN,
    MAX_UNPROVEN,
)
from gateway.mesh.engine import Mesh
from gateway.mesh.events import Ping, Rename, Say, Tick, Whisper
from gateway.mesh.settings import MeshSettings
from gateway.wire.packet import as_sync_answer, packet_id, peek
from gateway.wire.ping import Ping as PingPayload
from gateway.wire.ping import encode_ping
from gateway.wire.types import MessageType
from tests.mesh.nodes import EPOCH, NOTHING, Node, board, forged, noise
from tests.mesh.playbook import Play
from transports.link import LinkId

FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LINKS = ("a", "b", "c", "d")
ME = Node("gateway").peer_id
NODES = [Node(name) for name in ("ada", "ben", "cleo")]
MAKERS: list[Callable[[Node], bytes]] = [
    lambda node: node.announce(),
    lambda node: node.announce(ttl=5, neighbors=[ME], version=2),
    lambda node: node.say("hello"),
    lambda node: node.packet(MessageType.MESSAGE, noise(900)),
    lambda node: node.packet(MessageType.LEAVE),
    lambda node: node.packet(MessageType.FILE, noise(30_000), version=2),
    lambda node: node.packet(MessageType.BOARD, board(node)),
    lambda node: node.packet(MessageType.GROUP, b"sealed"),
    lambda node: node.packet(MessageType.VOICE, b"voice"),
    lambda node: node.packet(MessageType.NOSTR_CARRIER, b"event", signed=False),
    lambda node: node.packet(MessageType.NOISE_HANDSHAKE, noise(32), to=ME, signed=False),
    lambda node: node.packet(MessageType.NOISE_HANDSHAKE, noise(96), to=ME, signed=False),
    lambda node: node.packet(MessageType.NOISE_ENCRYPTED, noise(64), to=ME, signed=False),
    lambda node: node.packet(MessageType.NOISE_ENCRYPTED, noise(700), to=b"far away", signed=False),
    lambda node: node.packet(MessageType.PING, encode_ping(PingPayload(bytes(8), 7)), to=ME, signed=False),
    lambda node: node.packet(MessageType.PONG, bytes(9), to=ME, signed=False),
    lambda node: node.packet(0x7F, noise(600), to=NODES[0].peer_id, route=NODES[:2]),
    lambda node: node.ask(NOTHING),
    lambda node: as_sync_answer(node.say("old", age=2_000)),
    lambda node: node.cut(node.packet(MessageType.MESSAGE, noise(500)))[0],
    lambda node: node.cut(node.packet(MessageType.MESSAGE, noise(500)))[-1],
    lambda node: forged(node.say("forged")),
]
FRAMES = [make(node) for node in NODES for make in MAKERS]


def check(mesh: Mesh) -> None:
    """Everything a stranger can push against is below its cap."""
    assert len(mesh._links) <= MAX_LINKS
    assert len(mesh.peers) <= MAX_PEERS
    assert len(mesh.peers.pins) <= MAX_PINS
    assert len(mesh._seen) <= MAX_SEEN
    assert len(mesh._seen._unproven) <= MAX_UNPROVEN
    assert len(mesh._forwarding) <= MAX_PENDING_RELAYS
    assert mesh._out.waiting <= MAX_PACED
    assert mesh._speaker.history.size <= MAX_HISTORY_BYTES
    assert len(mesh._receiver.assembler) <= MAX_ASSEMBLIES
    assert mesh._receiver.assembler.bytes <= MAX_ASSEMBLY_BYTES_TOTAL
    assert len(mesh._receiver._pings) <= MAX_PINGS
    assert len(mesh._private._received) <= MAX_RECEIVED_IDS
    status = mesh.status(0.0)
    assert status.links == len(mesh._links)
    assert all(count > 0 for count in status.drops.values())


@FAST
@given(st.lists(st.binary(max_size=700), max_size=20))
def test_arbitrary_bytes_lead_to_nothing(frames: list[bytes]) -> None:
    play = Play(links=LINKS[:2])
    play.hear("a", *frames)
    play.wait(1)
    check(play.mesh)


@FAST
@given(
    st.sampled_from([1, 2]),
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 31),
    st.integers(-(10**6), 10**6),
    st.binary(max_size=400),
)
def test_arbitrary_payloads_in_good_packets_lead_to_no_harm(
    version: int, kind: int, ttl: int, flags: int, skew_ms: int, rest: bytes
) -> None:
    play = Play(links=LINKS)
    for link, node in zip(LINKS, NODES, strict=False):
        play.hear(link, node.announce())
    length = len(rest).to_bytes(2 * version)
    stamp = (int(EPOCH * 1000) + skew_ms).to_bytes(8)
    frame = bytes((version, kind, ttl)) + stamp + bytes((flags,)) + length + NODES[0].peer_id + ME + rest + bytes(80)
    play.hear("a", frame)
    play.wait(1)
    check(play.mesh)


def damage(data: st.DataObject, frame: bytes) -> bytes:
    """One way a frame can differ from how it was made."""
    match data.draw(st.sampled_from(["no", "ttl", "flip", "cut", "grow"])):
        case "ttl":
            return frame[:2] + bytes((data.draw(st.integers(0, 8)),)) + frame[3:]
        case "flip":
            at = data.draw(st.integers(0, len(frame) - 1))
            return frame[:at] + bytes((frame[at] ^ 1 << data.draw(st.integers(0, 7)),)) + frame[at + 1 :]
        case "cut":
            return frame[: data.draw(st.integers(0, len(frame)))]
        case "grow":
            return frame + data.draw(st.binary(min_size=1, max_size=40))
        case _:
            return frame


def step(data: st.DataObject, play: Play) -> None:
    up = sorted(play.mtus)
    match data.draw(st.sampled_from(["frame", "frame", "frame", "frame", "inject", "up", "down", "wait", "command", "tick"])):
        case "frame":
            play.hear(data.draw(st.sampled_from([*up, "nowhere"])), damage(data, data.draw(st.sampled_from(FRAMES))))
        case "inject":
            frame = data.draw(st.sampled_from(FRAMES))
            effects: list[object] = []
            play.mesh.inject(frame, peek(frame), packet_id(frame, peek(frame)), effects, play.now)  # type: ignore[arg-type]
            play._carry_out(effects)  # type: ignore[arg-type]
        case "up":
            link = data.draw(st.sampled_from(LINKS))
            play.up(link, mtu=data.draw(st.sampled_from([50, 107, 182, 512, 100_000])))
        case "down" if up:
            play.down(data.draw(st.sampled_from(up)))
        case "wait":
            play.wait(data.draw(st.sampled_from([0.01, 0.05, 1, 6, 31, 70])))
        case "command":
            peer = data.draw(st.sampled_from(NODES)).peer_id
            commands = [Say("hello"), Say("x" * 3_000), Ping(peer), Whisper(peer, "ID", "hello"), Rename("another")]
            play.do(data.draw(st.sampled_from(commands)))
        case _:
            play.do(Tick())


@FAST
@given(st.data(), st.booleans(), st.booleans())
def test_whatever_happens_nothing_breaks_and_nothing_grows(data: st.DataObject, jitter: bool, sync: bool) -> None:
    play = Play(MeshSettings(jitter=jitter, sync=sync), links=LINKS[:2], clock_set=data.draw(st.booleans()))
    for _ in range(data.draw(st.integers(1, 25))):
        step(data, play)
        check(play.mesh)
    for link in sorted(play.mtus):
        play.down(link)
    play.forget().wait(100)
    assert play.sent() == []
    assert LinkId("a") not in play.mtus
