"""Every metric that is documented moves when what it counts happens, in a world of phones, sites and faults."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import app
from gateway.bridge import numbered
from gateway.config.policy import default_policy_file
from gateway.errors import ConfigError
from gateway.limits import MAX_STORE_WAITING
from gateway.mesh.effects import SendFrame, SiteMet, SiteSpoke
from gateway.mesh.events import Handshake, Say
from gateway.store.message import Message
from gateway.store.quotas import Class
from gateway.telemetry.catalogue import BY_NAME, METRICS
from gateway.telemetry.mqtt.values import Arrived, LineDown
from gateway.telemetry.mqtt.values import Trouble as MqttTrouble
from gateway.wire.board import URGENT
from gateway.wire.courier import encode_courier
from gateway.wire.federation import Hello
from gateway.wire.federation import encode as encode_message
from gateway.wire.fragment import split
from gateway.wire.packet import Packet, encode
from gateway.wire.types import MessageType
from hw.bluez.steps import Step
from tests.app.processes import free_port
from tests.hw.feeling import felt
from tests.mesh.mail import sealed
from tests.mesh.nodes import Clock, Node, board
from tests.telemetry.sights import MemoryBroker
from tests.telemetry.world import LINE, Site, VirtualTimeOfDay, until
from tests.testing.virtual_loop import run
from tests.transports.ble.air import Air, Ear
from tests.transports.ble.machine import Machine
from tests.transports.ble.scene import OWN, Phone
from transports.ble.edge import DialFailure
from transports.libp2p.identity import peer_id_from, public_key_of
from transports.link import Capability, FrameReceived, LinkId, Post
from transports.loopback import LoopbackHub

STATIC = {"build_info"}
"""Metrics that say what is, and never change while it is."""

WITH_PROCESSES = {"transport_bytes_total", "http_requests_total", "http_request_seconds", "http_connections_refused_total"}
WITH_PROCESSES |= {"http_malformed_total", "page_sessions", "page_connections", "page_refused_total"}
"""Metrics of real sockets: `tests/app/test_observed.py`, `test_listener.py` and `test_page_figures.py` move them."""

NEAR = LinkId("radio:Ada@gateway")


class Seen:
    """Everything every metric ever said."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.values: dict[str, set[object]] = {metric.name: set() for metric in METRICS}

    def look(self) -> None:
        now = self.site.samples()
        for name, values in self.values.items():
            values.add(tuple(sorted(now.get(name, {}).items())))

    async def watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(0.5)

    def moved(self) -> set[str]:
        return {name for name, values in self.values.items() if len(values) > 1}


def letters(sender: Node, recipient: Node, site: Site) -> Iterator[bytes]:
    """One that is taken and one that is not."""
    for lifetime_s in (3_600.0, -3_600.0):
        envelope = sealed(sender, recipient, "Come to the lake.", asyncio.get_running_loop().time(), lifetime_s=lifetime_s)
        yield sender.packet(MessageType.COURIER, encode_courier(envelope), to=site.gateway.identity.peer_id)


def urgent(author: Node, number: int) -> bytes:
    return author.packet(MessageType.BOARD, board(author, URGENT, content=f"The bridge is down ({number})."), ttl=5)


async def meet(site: Site, member: str) -> None:
    """Another gateway links, says something of use and something of none, shows somebody else's ticket, and is shut out."""
    federation = site.gateway.federation
    federation.take(SiteMet(member))
    for body in (encode_message(Hello(1, 1, bytes(8), "meshgate test")), b"nonsense"):
        federation.take(SiteSpoke(member, body))
    await asyncio.sleep(1)
    assert await federation.judge(peer_id_from(Node("a stranger").identity.signing_public), b"a ticket") == "unknown_version"
    assert await federation.decide(lambda: federation.membership.revoke(public_key_of(member), federation.unix())) is None
    await asyncio.sleep(1)


async def live(tmp_path: Path) -> tuple[Seen, Site]:
    """A day in two minutes: people talk, links break, somebody attacks, the disk is slow, the operator reloads."""
    hub = LoopbackHub(capabilities=LINE)
    air = Air()
    machine = Machine(air, OWN)
    near = LoopbackHub(capabilities=Capability.LOCAL | Capability.BROADCAST, depth=1, mtu=512)
    deaf, neighbour = near.transport("gateway"), near.transport("deaf")
    deaf.name = "replay"  # a label of its own
    member, broker = peer_id_from(Node("a member").identity.signing_public), MemoryBroker()
    websocket = (f'listen=["127.0.0.1:{free_port()}"]', f'members=["{member}"]', "enabled=true")
    outward = (
        *("mqtt.enabled=true", 'mqtt.brokers=["broker.example"]', "mqtt.tls=off"),
        *(f"transports.websocket.{setting}" for setting in websocket),
    )
    west = Site(tmp_path, "west", hub, ("Ada", "Bela", "Chen"), *outward, machine=machine, radios=(deaf,))
    west.gateway._mqtt._open_line = broker.open_line
    east = Site(tmp_path, "east", hub, ("Dina", "Emre"))
    seen = Seen(west)
    west.trusted = False
    sound, failures = west.radio.run, [OSError("the adapter is gone")]

    async def run_radio(post: Post) -> None:
        if failures:
            raise failures.pop()
        await sound(post)

    west.radio.run = run_radio
    seen.look()
    for site in (west, east):
        site.start()
    watching = asyncio.create_task(seen.watch())
    listening = asyncio.create_task(neighbour.run(lambda _event: None))
    await asyncio.sleep(12)
    west.trusted = True
    phone = Phone(air, "CC:00:00:00:00:01")
    air.join(Ear("CC:00:00:00:00:02", advertises=True, refuses=DialFailure.VANISHED))
    await asyncio.sleep(15)
    await phone.dial(machine)
    await until(lambda: west.samples()["bridge_sites"][()] == 1)
    await until(lambda: len(west.gateway.engine.mesh.peers) >= 5)

    west.radio.command("Ada", Say("Is there anybody at the lake?"))
    east.radio.command("Dina", Say("We are."))
    await asyncio.sleep(3)
    ada = west.island.phones["Ada"].peer_id
    west.gateway._pump.send(Handshake(ada))
    await west.gateway.radio.reset(None, Step.NEW_SCANNER)
    await asyncio.sleep(3)

    east.line.pause()  # what is sent now is not acknowledged
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbered, "TRUNK_BYTES", 200)
        west.radio.command("Bela", Say("Still there?"))
        west.radio.command("Chen", Say("Is it the cable again?"))
        await asyncio.sleep(5)
    east.line.resume()
    west.line.close(LinkId("loopback:east"), "a cable was pulled")
    await asyncio.sleep(2)
    hub.connect(west.line, east.line)

    pump = west.gateway._pump
    beside = next(link for link, owner in pump._owners.items() if owner is deaf)
    clock = Clock()
    clock.now = asyncio.get_running_loop().time()
    gil, iris = Node("Gil", clock), Node("Iris")
    for frame in (gil.announce(), *letters(gil, iris, west), *(urgent(gil, number) for number in range(40))):
        pump.post_to(deaf)(FrameReceived(beside, frame))

    neighbour.pause()
    own, post = west.gateway.identity.peer_id, pump.post_to(west.radio)
    junk = Packet(MessageType.NOISE_HANDSHAKE, 7, int(west.gateway._wall_s(asyncio.get_running_loop().time()) * 1000), ada, bytes(50), own)
    post(FrameReceived(NEAR, encode(junk, padded=True)))
    whole = Packet(MessageType.MESSAGE, 7, junk.timestamp_ms, ada, bytes(range(256)) * 8)
    post(FrameReceived(NEAR, split(encode(whole), fragment_id=b"fragment", limit=400)[0]))
    engine = west.island.phones["Ada"].engine
    for number in range(600):
        for effect in engine.handle(Say(f"{number} " + "spam " * 80), west.island.now):
            if isinstance(effect, SendFrame):
                post(FrameReceived(NEAR, effect.frame))
        if number % 200 == 199:
            await asyncio.sleep(5)

    await meet(west, member)
    broker.line.post(Arrived(west.gateway._mqtt.session.topics.at("cmd/dance"), b"", retained=False))
    broker.is_there = False
    broker.line.post(LineDown(MqttTrouble.LOST))
    await asyncio.sleep(12)
    broker.is_there = True

    writer = west.gateway._keeping.writer
    now_ms = int(west.gateway._wall_s(asyncio.get_running_loop().time()) * 1000)
    await writer.accept(Message(b"a message", Class.DIRECTED, b"body", now_ms + 60_000), now_ms)
    for _ in range(MAX_STORE_WAITING + 1):
        writer.note(lambda _store: None)
    seen.look()
    west.vitals = felt(85.0, True, 1_000, 20)

    def refuse() -> None:
        raise ConfigError("It has a typing error in it.")

    west.gateway.reloads.listen("the weather", refuse)
    west.gateway.reload()
    await asyncio.sleep(35)
    west.gateway.reloads.listen("the weather", lambda: None)
    default_policy_file(west.gateway.config.gateway.state_dir).write_text(
        'default = "allow"\n[[rule]]\nname = "quiet"\nkind = "announce"\nthen = "deny"\n'
    )
    west.gateway.reload()
    await asyncio.sleep(20)
    seen.look()
    listening.cancel()
    watching.cancel()
    await asyncio.gather(watching, listening, return_exceptions=True)
    for site in (west, east):
        await site.end()
    return seen, west


@pytest.mark.timeout(60)
def test_every_documented_metric_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "TimeOfDay", VirtualTimeOfDay)
    plain = app.shown
    monkeypatch.setattr(app, "shown", lambda *some, **more: replace(plain(*some, **more), reads_mail=True))  # so that it has sessions
    seen, site = run(live(tmp_path))
    unmoved = {metric.name for metric in METRICS} - seen.moved() - STATIC - WITH_PROCESSES
    assert not unmoved
    assert not STATIC & seen.moved()
    for name, values in seen.values.items():
        metric = BY_NAME[name]
        for labels, _ in {sample for value in values for sample in value}:
            assert len(labels) == len(metric.labels), name
            for label, (known, allowed) in zip(labels, metric.labels.items(), strict=True):
                assert not allowed or label in allowed, (name, known, label)
    told = {entry["condition"] for entry in site.entries if entry["event"] == "condition_raised"}
    assert {"undervoltage", "too_hot", "disk_nearly_full"} <= told
