"""What a node says of itself on the board of its island: one notice, for as long as it is true.

Rules:

* A notice lives a day, so that one whose node is gone does not stay for long. In its last hours another takes its place:
  phones know a notice by its ID and show it once, so the new one has a new ID, and a tombstone takes back the old one.
* What was put up before a restart is taken over if it still says the same. So nothing is put up before what was kept is
  given back, or has not come for a while.
* The ID begins with `OF_THE_ISLAND`: what is said of one island is not carried to another, whoever hears it.

Source: spec section 6.7; BitChat iOS BoardStore.swift.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from gateway.errors import DecodeError
from gateway.limits import MAX_BOARD_NICKNAME
from gateway.mesh.identity import Identity
from gateway.wire.board import POST_ID, BoardPost, BoardTombstone, decode_board, encode_board, signed_bytes
from gateway.wire.packet import Header, payload_of
from gateway.wire.types import SIGNATURE_SIZE, MessageType

OF_THE_ISLAND: Final = b"meshgate"
"""How the IDs of posts begin that never leave their island."""

LIFETIME_MS: Final = 24 * 3600 * 1000  # milliseconds a notice lives
RENEW_MS: Final = 6 * 3600 * 1000  # milliseconds it has left when another takes its place
PATIENCE_S: Final = 30.0  # seconds to wait for what was kept before a restart


@dataclass(slots=True)
class Standing:
    """A notice that phones show until it expires, Unix milliseconds; the packet is the one it was said in."""

    post_id: bytes
    content: str
    expires_ms: int
    packet_id: bytes = b""
    frame: bytes = b""


@dataclass(frozen=True, slots=True)
class Saying:
    """A payload to be said on the board and kept until then, Unix milliseconds; `notice` is None for a tombstone."""

    payload: bytes
    until_ms: int
    notice: Standing | None = None


class Placard:
    """The notice of one node.

    Args:
        identity: whose notice it is.
        text: what it says, at most 512 bytes of UTF-8; nothing: no notice stands.
        nickname: what the node is called at the moment.
        randbytes: source of IDs.

    """

    def __init__(self, identity: Identity, text: str, nickname: Callable[[], str], randbytes: Callable[[int], bytes]) -> None:
        self.text = text
        self.standing: dict[bytes, Standing] = {}
        self._identity = identity
        self._nickname = nickname
        self._randbytes = randbytes
        self._remembers = False
        self._waits_until: float | None = None

    def remember(self, found: list[Standing]) -> None:
        """Take over what was put up before a restart."""
        self.standing.update({notice.post_id: notice for notice in found})
        self._remembers = True

    def due(self, wall_ms: int, now: float) -> list[Saying]:
        """Return what is to be said now so that the text stands once, or nothing does.

        Args:
            wall_ms: Unix milliseconds.
            now: seconds.

        """
        if not self._remembers:
            if self._waits_until is None:
                self._waits_until = now + PATIENCE_S
            if now < self._waits_until:
                return []
        self.standing = {post_id: one for post_id, one in self.standing.items() if one.expires_ms > wall_ms}
        said: list[Saying] = []
        good = [one for one in self.standing.values() if one.content == self.text and self._is_timely(one, wall_ms)]
        stays = max(good, key=lambda one: one.expires_ms, default=None)
        if stays is None and self.text:
            new = self._post(wall_ms)
            stays = Standing(new.post_id, self.text, new.expires_ms)
            said.append(Saying(encode_board(new), new.expires_ms, stays))
        said += [Saying(self._tombstone(one, wall_ms), one.expires_ms) for one in self.standing.values() if one is not stays]
        self.standing = {} if stays is None else {stays.post_id: stays}
        return said

    def found_in(self, frame: bytes, header: Header, packet_id: bytes) -> Standing | None:
        """Return the notice of this node that a packet is, None if it is anything else."""
        if header.type != MessageType.BOARD or header.sender_id != self._identity.peer_id:
            return None
        notice = decode_board(payload_of(frame, header))
        if isinstance(notice, BoardTombstone) or not notice.post_id.startswith(OF_THE_ISLAND):
            return None
        return Standing(notice.post_id, notice.content, notice.expires_ms, packet_id, frame)

    def _is_timely(self, notice: Standing, wall_ms: int) -> bool:
        """Say whether a notice may stay up: not one that ends soon, and not one that a clock has made which was hours ahead."""
        return RENEW_MS < notice.expires_ms - wall_ms <= LIFETIME_MS + RENEW_MS

    def _post(self, wall_ms: int) -> BoardPost:
        bare = BoardPost(
            post_id=OF_THE_ISLAND + self._randbytes(POST_ID - len(OF_THE_ISLAND)),
            geohash="",
            content=self.text,
            author_key=self._identity.signing_public,
            nickname=self._nickname().encode()[:MAX_BOARD_NICKNAME].decode(errors="ignore"),
            created_ms=wall_ms,
            expires_ms=wall_ms + LIFETIME_MS,
            flags=0,
            signature=bytes(SIGNATURE_SIZE),
        )
        return replace(bare, signature=self._identity.signing_key.sign(signed_bytes(bare)))

    def _tombstone(self, notice: Standing, wall_ms: int) -> bytes:
        bare = BoardTombstone(notice.post_id, self._identity.signing_public, wall_ms, bytes(SIGNATURE_SIZE))
        return encode_board(replace(bare, signature=self._identity.signing_key.sign(signed_bytes(bare))))


def is_of_the_island(frame: bytes, header: Header) -> bool:
    """Say whether a packet is a post, or the end of one, that is about the island it was made on."""
    if header.type != MessageType.BOARD:
        return False
    try:
        return decode_board(payload_of(frame, header)).post_id.startswith(OF_THE_ISLAND)
    except DecodeError:
        return False  # whoever takes it in says what is wrong with it
