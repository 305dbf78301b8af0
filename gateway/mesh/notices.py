"""What of the public history replaces, or takes back, something else of it.

A tombstone takes back the post of the same author that it names, also one that comes later;
a bundle of prekeys replaces an older one of the same owner. Of one author only so many posts
are kept, as on a phone, so that nobody fills the board alone.
"""

from dataclasses import dataclass

from gateway.limits import MAX_BOARD_PER_AUTHOR
from gateway.mesh.history import History
from gateway.wire.board import BoardTombstone, decode_board
from gateway.wire.prekeys import decode_prekeys
from gateway.wire.types import MessageType


@dataclass(frozen=True, slots=True)
class _Place:
    """What stands somewhere: a packet, and how it compares with others for the same place."""

    packet_id: bytes
    rank: int


class Notices:
    """Which kept packet is the one that counts, by what it is about; verified payloads only.

    Args:
        history: where the packets are kept.

    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._bundles: dict[bytes, _Place] = {}
        self._board: dict[bytes, dict[bytes, _Place]] = {}  # by author and post

    def admit(self, kind: int, payload: bytes, packet_id: bytes) -> list[bytes] | None:
        """Decide about a packet that may be kept.

        Returns:
            The IDs of kept packets that it takes the place of; None if it is not to be kept.

        Raises:
            DecodeError: the payload is not what its type says.

        """
        if kind == MessageType.PREKEYS:
            bundle = decode_prekeys(payload)
            self._forget_gone(self._bundles, kind)
            return _stand(self._bundles, bundle.noise_public_key, _Place(packet_id, bundle.generated_at_ms))
        if kind != MessageType.BOARD:
            return []
        notice = decode_board(payload)
        self._forget_authors()
        posts = self._board.setdefault(notice.author_key, {})
        withdraws = isinstance(notice, BoardTombstone)
        if not withdraws and notice.post_id not in posts and sum(not place.rank for place in posts.values()) >= MAX_BOARD_PER_AUTHOR:
            return None
        return _stand(posts, notice.post_id, _Place(packet_id, int(withdraws)))

    def _forget_authors(self) -> None:
        for author, posts in list(self._board.items()):
            self._forget_gone(posts, MessageType.BOARD)
            if not posts:
                del self._board[author]

    def _forget_gone(self, places: dict[bytes, _Place], kind: int) -> None:
        for about in [about for about, place in places.items() if not self._history.knows(kind, place.packet_id)]:
            del places[about]


def _stand(places: dict[bytes, _Place], about: bytes, new: _Place) -> list[bytes] | None:
    """Put a packet in its place, unless what stands there counts for more or as much."""
    old = places.get(about)
    if old is not None and old.packet_id != new.packet_id and old.rank >= new.rank:
        return None
    places[about] = new
    return [old.packet_id] if old is not None and old.packet_id != new.packet_id else []
