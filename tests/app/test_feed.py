"""A thousand frames of another implementation go in at one gateway's neighbour and come out at the other's."""

import time
from pathlib import Path
from random import Random

import bitchat_protocol as other
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.limits import REINJECT_TTL
from gateway.wire.packet import peek
from gateway.wire.signing import verify
from gateway.wire.types import MessageType
from tests.app.processes import meshgate, until, write_two_sites

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
WORDS = ["gate", "water", "north", "bridge", "battery", "copy", "please", "hold", "meet", "warm", "tea", "radio"]
FRAMES = 1_000


class Phone:
    """Writes packets with PyPI `bitchat-protocol`; only the padding under a signature, which it has wrong, is done here."""

    def __init__(self, rng: Random) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
        self.public = self.key.public_key().public_bytes_raw()
        self.noise = X25519PrivateKey.from_private_bytes(rng.randbytes(32)).public_key().public_bytes_raw()
        self.peer_id = bytes.fromhex(other.peer_id_from_noise_key(self.noise))

    def packet(self, kind: other.MessageType, payload: bytes, timestamp: int) -> bytes:
        packet = other.BitchatPacket(
            version=1, type=int(kind), ttl=0, timestamp=timestamp, flags=0, sender_id=self.peer_id, payload=payload
        )
        packet.signature = self.key.sign(pad(other.encode(packet)))
        packet.ttl = 7
        return other.encode(packet)

    def announce(self, timestamp: int) -> bytes:
        payload = other.encode_announcement(other.AnnouncementPacket("phone", self.noise, self.public, None))
        return self.packet(other.MessageType.ANNOUNCE, payload, timestamp)


def pad(data: bytes) -> bytes:
    block = next((size for size in (256, 512, 1024, 2048) if len(data) + 16 <= size), len(data))
    gap = block - len(data)
    return data + bytes([gap]) * gap if 1 <= gap <= 255 else data


def capture(rng: Random, start_ms: int) -> tuple[list[bytes], dict[bytes, bytes]]:
    """Return what was on the air, and everybody's signing key by peer ID."""
    phones = [Phone(rng) for _ in range(10)]
    frames = [phone.announce(start_ms + index) for index, phone in enumerate(phones)]
    while len(frames) < FRAMES:
        phone = rng.choice(phones)
        text = " ".join(rng.choices(WORDS, k=rng.choice((3, 8, 70))))  # some fit, some are compressed
        frames.append(phone.packet(other.MessageType.MESSAGE, f"{len(frames)} {text}".encode(), start_ms + len(frames)))
    return frames, {phone.peer_id: phone.public for phone in phones}


def foreign_frames(path: Path, keys: dict[bytes, bytes]) -> list[bytes]:
    """What a gateway has sent to its neighbour, its own packets left out."""
    frames = [bytes.fromhex(line) for line in path.read_text().split("\n")[:-1]]  # the last line may be half written
    return [frame for frame in frames if peek(frame).sender_id in keys]


async def test_a_thousand_foreign_frames_cross_byte_identical_but_for_the_ttl(tmp_path: Path) -> None:
    seed = 20_260_801
    print(f"seed {seed}")
    north, south = write_two_sites(tmp_path)
    frames, keys = capture(Random(seed), int(time.time() * 1000))
    feed, out = tmp_path / "in.hex", tmp_path / "out.hex"
    feed.write_text("# ten phones\n" + "".join(f"{frame.hex()}\n" for frame in frames))
    async with meshgate("run", "--simulate", 0, "--capture", out, "--config", south):
        await until(south, lambda _: True)
        async with meshgate("run", "--simulate", 0, "--feed", feed, "--config", north):
            await until(south, lambda _: len(foreign_frames(out, keys)) >= FRAMES, patience=120)
    foreign = foreign_frames(out, keys)
    assert len(foreign) == FRAMES
    as_it_was = [frame[:2] + b"\x07" + frame[3:] for frame in foreign]
    assert [frame for frame in as_it_was if frame[1] == MessageType.MESSAGE] == frames[10:]
    assert sorted(as_it_was[:10]) == sorted(frames[:10])
    assert {frame[2] for frame in foreign} == {REINJECT_TTL}
    assert all(verify(frame, keys[peek(frame).sender_id]) for frame in foreign)
