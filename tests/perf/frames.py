"""Phones without a radio: keys, and signed frames as a phone would put them on the air."""

from collections.abc import Iterator
from random import Random

from gateway.mesh.events import ClockSet
from gateway.mesh.identity import Identity
from gateway.wire.announce import Announce, encode_announce
from gateway.wire.packet import Packet
from gateway.wire.signing import sign
from gateway.wire.types import MessageType

EPOCH_MS = 1_790_000_000_000
OFFSET = ClockSet(EPOCH_MS / 1000)
"""Makes second 0 of an engine the moment `EPOCH_MS`."""

SPACING_S = 0.01  # seconds of an engine's clock between two frames: no rate limit is reached over six links
TEXT = b"the quick brown fox jumps over the lazy dog; " * 12


class Phone:
    """One phone's keys, made from a seed."""

    def __init__(self, seed: int) -> None:
        self.identity = Identity.generate(Random(seed).randbytes)
        self.peer_id = self.identity.peer_id

    def announce(self, timestamp_ms: int, ttl: int = 7) -> bytes:
        """A signed announce."""
        payload = encode_announce(Announce("phone", self.identity.noise_public, self.identity.signing_public))
        return sign(Packet(MessageType.ANNOUNCE, ttl, timestamp_ms, self.peer_id, payload), self.identity.signing_key)

    def message(self, timestamp_ms: int, payload: bytes, *, ttl: int = 7, compressed: bool = False) -> bytes:
        """A signed public message; kept as it is, or compressed as the apps would."""
        wire_payload = None if compressed else payload
        packet = Packet(MessageType.MESSAGE, ttl, timestamp_ms, self.peer_id, payload, wire_payload=wire_payload)
        return sign(packet, self.identity.signing_key)


def phones(count: int) -> list[Phone]:
    """So many phones, always the same ones."""
    return [Phone(seed) for seed in range(count)]


def messages(senders: list[Phone], count: int, size: int = 200, *, compressed: bool = False) -> list[bytes]:
    """Signed frames, `SPACING_S` apart from `EPOCH_MS` + 1 s on, senders in turn: 286 bytes each with 200 of text."""
    frames = []
    for index, sender in zip(range(count), _in_turn(senders), strict=False):
        payload = (b"%d " % index + TEXT)[:size]
        frames.append(sender.message(EPOCH_MS + 1_000 + int(index * SPACING_S * 1000), payload, compressed=compressed))
    return frames


def _in_turn(senders: list[Phone]) -> Iterator[Phone]:
    while True:
        yield from senders
