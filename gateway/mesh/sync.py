"""Gossip sync both ways (spec section 10): ask neighbours for what we lack, give them what they lack.

A request names what we have as a Golomb-coded set; the answer is the originals that are
not in it, with TTL 0 and the RSR flag, to the asker alone. RSR is outside the signature,
so setting it leaves the original valid.
"""

from collections.abc import Iterable

from gateway.limits import (
    MAX_PEERS,
    MAX_SYNC_ANNOUNCES,
    MAX_SYNC_ANSWER_BYTES,
    MAX_SYNC_ANSWERS,
    MAX_SYNC_PACKETS_PER_ANSWER,
    MAX_SYNC_PEERS,
    PEER_REACHABLE_S,
    SYNC_ANSWER_WINDOW_S,
)
from gateway.mesh.history import History, Kept
from gateway.mesh.peers import Peer, PeerTable
from gateway.session.rate import KeyedBuckets
from gateway.wire import gcs
from gateway.wire.fragment import decode_fragment
from gateway.wire.packet import as_sync_answer, payload_of, peek, with_ttl
from gateway.wire.sync import RequestSync, encode_request_sync, type_bit
from gateway.wire.types import MessageType

FILTER_BYTES = 384  # phones take 400; so the whole request, signature included, fits 512 bytes
ROUNDS: tuple[tuple[int, tuple[int, ...]], ...] = (
    (1, (MessageType.ANNOUNCE, MessageType.MESSAGE, MessageType.GROUP)),
    (2, (MessageType.FRAGMENT,)),
    (4, (MessageType.FILE, MessageType.PREKEYS, MessageType.BOARD)),
)
"""What is asked for in every first, second and fourth period."""
DEFAULT_TYPES = (MessageType.ANNOUNCE, MessageType.MESSAGE)
SENDER_AT = {1: 14, 2: 16}  # offset of the sender in a packet of that version
_EXEMPT_FROM_SINCE = frozenset({MessageType.ANNOUNCE, MessageType.PREKEYS})


class Sync:
    """Builds requests and answers from a history and a peer table."""

    def __init__(self, history: History, peers: PeerTable, *, marks_answers: bool = True) -> None:
        self._marks_answers = marks_answers
        self._history = history
        self._peers = peers
        self._budgets = KeyedBuckets(MAX_SYNC_ANSWERS / SYNC_ANSWER_WINDOW_S, MAX_SYNC_ANSWERS, MAX_PEERS)
        self._built: dict[tuple[int, ...], tuple[int, bytes]] = {}

    def request(self, kinds: tuple[int, ...], now: float) -> bytes:
        """Return the payload of a REQUEST_SYNC for these types.

        What does not fit the filter is the oldest, and `since` says from when on it is complete:
        without that, or in the order packets came in, the rest would be sent to us every time. Announces are sent
        whatever `since` says, so among more people than the filter has room for they are not asked for.
        """
        if len(self._peers) > MAX_SYNC_PEERS:
            kinds = tuple(kind for kind in kinds if kind != MessageType.ANNOUNCE)
        plain = MessageType.ANNOUNCE not in kinds
        built = self._built.get(kinds)
        if plain and built is not None and built[0] == self._history.version:
            return built[1]
        have = sorted(self._offer(kinds, self._history.newest_first(kinds), now), key=_timestamp, reverse=True)
        chosen, included = gcs.build([kept.packet_id for kept in have], FILTER_BYTES)
        since = have[included - 1].timestamp_ms if 0 < included < len(have) else None
        payload = encode_request_sync(RequestSync(filter=chosen, types=types_mask(kinds), since_ms=since))
        if plain:
            self._built[kinds] = (self._history.version, payload)
        return payload

    def may_answer(self, asker: bytes, now: float) -> bool:
        """Take one answer from a budget, that of a peer or of an unbound link; False if it asks too often."""
        return self._budgets.take(asker, now)

    def answer(self, request: RequestSync, now: float) -> list[bytes]:
        """Return the frames the asker lacks, newest first, ready to be sent."""
        kinds = types_in(request.types) if request.types is not None else DEFAULT_TYPES
        known = gcs.values(request.filter)
        wanted = frozenset(request.fragment_ids) if request.fragment_ids is not None else None
        frames: list[bytes] = []
        room, announces = MAX_SYNC_ANSWER_BYTES, 0
        for kept in self._offer(kinds, self._history.offered(kinds, now), now):
            if len(frames) >= MAX_SYNC_PACKETS_PER_ANSWER or room <= 0:
                break
            if gcs.bucket(kept.packet_id, request.filter.m) in known:
                continue
            kind = kept.frame[1]
            if request.since_ms is not None and kept.timestamp_ms < request.since_ms and kind not in _EXEMPT_FROM_SINCE:
                continue
            if wanted is not None and kind == MessageType.FRAGMENT and _fragment_id(kept.frame) not in wanted:
                continue
            if kind == MessageType.ANNOUNCE:
                announces += 1
                if announces > MAX_SYNC_ANNOUNCES:
                    continue
            frames.append(as_sync_answer(kept.frame) if self._marks_answers else with_ttl(kept.frame, 0))
            room -= len(kept.frame)
        return frames

    def _offer(self, kinds: tuple[int, ...], shelves: Iterable[Kept], now: float) -> list[Kept | Peer]:
        kept = list(shelves)
        if MessageType.ANNOUNCE not in kinds:
            return [*kept]
        authors = {_sender(one.frame) for one in kept}
        there = [peer for peer in self._peers if now - peer.announced_at <= PEER_REACHABLE_S]
        there.sort(key=lambda peer: peer.peer_id not in authors)  # nobody believes what somebody says whose announce has not come
        return [*there, *kept]


def types_mask(kinds: tuple[int, ...]) -> int:
    """Return the bit set a REQUEST_SYNC names types with."""
    mask = 0
    for kind in kinds:
        bit = type_bit(kind)
        if bit is not None:
            mask |= 1 << bit
    return mask


def types_in(mask: int) -> tuple[int, ...]:
    """Return the message types a bit set names; unknown bits are ignored."""
    return tuple(kind for kind in MessageType if (bit := type_bit(kind)) is not None and mask >> bit & 1)


def _timestamp(kept: Kept | Peer) -> int:
    return kept.timestamp_ms


def _sender(frame: bytes) -> bytes:
    at = SENDER_AT[frame[0]]
    return frame[at : at + 8]


def _fragment_id(frame: bytes) -> bytes:
    return decode_fragment(payload_of(frame, peek(frame))).fragment_id
