"""Those the engine meets: people with keys of their own, and the frames they make."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from gateway.limits import MAX_TTL
from gateway.mesh.identity import Identity
from gateway.wire.announce import Announce, encode_announce
from gateway.wire.board import BoardPost, encode_board, signed_bytes
from gateway.wire.fragment import split
from gateway.wire.gcs import GcsFilter
from gateway.wire.packet import Packet, encode, packet_id, peek
from gateway.wire.prekeys import Prekey, PrekeyBundle, encode_prekeys
from gateway.wire.prekeys import signed_bytes as prekeys_signed
from gateway.wire.signing import sign
from gateway.wire.sync import RequestSync, encode_request_sync
from gateway.wire.types import PADDED_TYPES, MessageType

EPOCH = 1_800_000_000.0  # unix seconds at time 0 of every script
LONG = "".join(Random("text").choices([chr(number) for number in range(0x4E00, 0x9FFF)], k=300))  # 900 bytes, some 600 compressed
NOTHING = RequestSync(GcsFilter(7, 1, b""))
"""What somebody asks who has nothing."""


def wall_ms(now: float) -> int:
    return int((now + EPOCH) * 1000)


class Clock:
    """Seconds, moved by a script."""

    def __init__(self) -> None:
        self.now = 0.0


class Node:
    """Somebody with keys of their own who makes real packets, stamped with the script's time.

    Every frame maker takes `ttl`, `age` (seconds the timestamp lies back) and `to` (the
    recipient's peer ID, nobody for a broadcast) where that makes sense.
    """

    def __init__(self, name: str, clock: Clock | None = None) -> None:
        self.name = name
        self.identity = Identity.generate(Random(f"node/{name}").randbytes)
        self.peer_id = self.identity.peer_id
        self._clock = clock or Clock()

    def packet(
        self,
        kind: int,
        payload: bytes = b"",
        *,
        ttl: int = MAX_TTL,
        to: bytes | None = None,
        age: float = 0.0,
        route: Sequence["Node"] = (),
        version: int = 1,
        signed: bool = True,
        rsr: bool = False,
    ) -> bytes:
        packet = Packet(
            type=kind,
            ttl=ttl,
            timestamp_ms=wall_ms(self._clock.now - age),
            sender_id=self.peer_id,
            payload=payload,
            recipient_id=to,
            route=tuple(hop.peer_id for hop in route) or None,
            version=2 if route else version,
            is_rsr=rsr,
        )
        return sign(packet, self.identity.signing_key) if signed else encode(packet, padded=kind in PADDED_TYPES)

    def announce(
        self,
        *,
        ttl: int = MAX_TTL,
        age: float = 0.0,
        nickname: str | None = None,
        neighbors: Iterable[bytes] = (),
        version: int = 1,
        rsr: bool = False,
        signing: Identity | None = None,
        capabilities: int | None = None,
    ) -> bytes:
        """A direct announce; `signing` puts another signing key in, with a signature to match."""
        signer = signing or self.identity
        said = Announce(nickname or self.name, self.identity.noise_public, signer.signing_public, tuple(neighbors), capabilities)
        stamp = wall_ms(self._clock.now - age)
        packet = Packet(MessageType.ANNOUNCE, ttl, stamp, self.peer_id, encode_announce(said), version=version, is_rsr=rsr)
        return sign(packet, signer.signing_key)

    def say(self, text: str, *, ttl: int = MAX_TTL, age: float = 0.0, rsr: bool = False) -> bytes:
        return self.packet(MessageType.MESSAGE, text.encode(), ttl=ttl, age=age, rsr=rsr)

    def seal(self, sealed: str | bytes, to: bytes, *, ttl: int = MAX_TTL, route: Sequence["Node"] = ()) -> bytes:
        """What a Noise packet looks like to those who cannot open it."""
        payload = sealed.encode() if isinstance(sealed, str) else sealed
        return self.packet(MessageType.NOISE_ENCRYPTED, payload, ttl=ttl, to=to, route=route, signed=bool(route))

    def ask(self, request: RequestSync, *, ttl: int = 0, to: bytes | None = None, age: float = 0.0) -> bytes:
        return self.packet(MessageType.REQUEST_SYNC, encode_request_sync(request), ttl=ttl, to=to, age=age)

    def cut(self, frame: bytes, limit: int = 200, *, fragment_id: bytes = b"fragment") -> list[bytes]:
        return split(frame, fragment_id=fragment_id, limit=limit)


def noise(size: int) -> bytes:
    """Bytes that do not compress, the same ones every time."""
    return Random(size).randbytes(size)


def board(node: Node, flags: int = 0, *, expires_s: float = 3_600.0, content: str = "notice") -> bytes:
    """The payload of a notice made at time 0."""
    made = wall_ms(0)
    post = BoardPost(bytes(16), "", content, node.identity.signing_public, node.name, made, made + int(expires_s * 1000), flags, bytes(64))
    return encode_board(replace(post, signature=node.identity.signing_key.sign(signed_bytes(post))))


def forged(frame: bytes) -> bytes:
    """The same packet with a signature that does not hold."""
    end = peek(frame).end
    return frame[: end - 1] + bytes((frame[end - 1] ^ 1,)) + frame[end:]


def id_of(frame: bytes) -> bytes:
    return packet_id(frame, peek(frame))


def prekeys(node: Node, generated_s: float = 0.0) -> bytes:
    """The payload of a bundle of one prekey, made then."""
    made = wall_ms(generated_s)
    bundle = PrekeyBundle(node.identity.noise_public, (Prekey(1, bytes(32)),), made, bytes(64))
    return encode_prekeys(replace(bundle, signature=node.identity.signing_key.sign(prekeys_signed(bundle))))
