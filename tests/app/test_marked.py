"""The mark of the open bridge in the nickname."""

from random import Random

from gateway.assembly.announced import OPEN_MARK, marked
from gateway.errors import Reason
from gateway.limits import MAX_NICKNAME
from gateway.mesh.effects import SendFrame
from gateway.mesh.engine import Mesh
from gateway.mesh.events import ClockSet
from gateway.mesh.identity import Identity
from gateway.mesh.settings import MeshSettings
from gateway.wire.packet import Packet, encode
from gateway.wire.types import MessageType
from transports.link import Capability, FrameReceived, LinkId, LinkUp


def test_the_mark_follows_a_nickname_and_always_fits_an_announce() -> None:
    assert marked("Hut") == "Hut (open bridge)"
    for long in ("x" * 255, "é" * 127, "🛖" * 63):
        name = marked(long)
        assert len(name.encode()) <= MAX_NICKNAME
        assert name.endswith(OPEN_MARK)
        assert long.startswith(name.removesuffix(OPEN_MARK))


def test_a_node_whose_mail_nobody_reads_answers_no_handshake() -> None:
    rng, link = Random(1), LinkId("radio:x")
    node = Mesh(Identity.generate(rng.randbytes), rng, MeshSettings(reads_mail=False))
    node.handle(ClockSet(1_800_000_000.0), 0.0)
    node.handle(LinkUp(link, 512, Capability.LOCAL), 0.0)
    hello = Packet(
        type=MessageType.NOISE_HANDSHAKE,
        ttl=7,
        timestamp_ms=1_800_000_000_000,
        sender_id=b"somebody",
        payload=rng.randbytes(32),
        recipient_id=node.identity.peer_id,
    )
    effects = node.handle(FrameReceived(link, encode(hello, padded=True)), 0.5)
    assert not [effect for effect in effects if isinstance(effect, SendFrame)]
    assert node.status(0.5).drops == {Reason.UNREAD.value: 1}
