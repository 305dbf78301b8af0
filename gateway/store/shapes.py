"""What a rule could have seen of each packet: for ``meshgate policy dry-run``.

"What would have crossed yesterday under this rule?" needs the type, size and direction of
each packet, where it came from, the sites it was to go to and what became of it there; that is kept for two days and
nothing else is. Who sent it stands there as a keyed hash. The key is drawn anew each day and
thrown away with the day's rows, so that afterwards nobody, the operator included, can
tell whose they were; until then a rule that names a peer can be tried, because its hash can be made.

Every method wants a transaction of the database around it, and raises `StoreError` if the database cannot be used.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from gateway.errors import Reason
from gateway.limits import MAX_DECISION_WORDS, MAX_SHAPE_SITES, MAX_SHAPES, SHAPE_LIFETIME_MS
from gateway.store.database import Database

DAY_MS: Final = 24 * 3600 * 1000
CROSSED: Final = "crossed"
PRUNE_EVERY: Final = 1_000  # rows between two looks at how many there are
_KEY: Final = 32  # bytes
_TAG: Final = 8  # bytes
_LOAD: Final = 500  # rows read at once
_SITE: Final = 8  # bytes of a site ID
_VERDICTS: Final = (CROSSED, Reason.POLICY.value, Reason.POLICY_LIMIT.value)  # at one site; the place here is what is written


@dataclass(frozen=True, slots=True)
class Shape:
    """One packet without its content.

    Args:
        packet_id: whose decisions these are.
        at_ms: when it was heard, Unix milliseconds.
        kind: `gateway.wire.types.MessageType`.
        size: bytes of the whole packet.
        directed: whether it is for one peer.
        signed: whether it bears a signature that was verified.
        origin: peer ID of the sender going in, its hash of the day coming out.
        via: the site it came from; empty for our own island.
        verdict: ``crossed``, or a `gateway.errors.Reason` or another word for why it did not.
        sites: the sites a rule was asked about, 8 bytes each, with ``crossed``, ``policy`` or ``policy_limit``.

    """

    packet_id: bytes
    at_ms: int
    kind: int
    size: int
    directed: bool
    signed: bool
    origin: bytes
    via: bytes
    verdict: str
    sites: tuple[tuple[bytes, str], ...] = ()


class Shapes:
    """The shapes of one database.

    Args:
        database: where they are.
        randbytes: source of the days' keys.
        capacity: how many are kept.

    """

    def __init__(self, database: Database, randbytes: Callable[[int], bytes], *, capacity: int = MAX_SHAPES) -> None:
        self._database = database
        self._randbytes = randbytes
        self._capacity = capacity
        self._added = 0

    def add(self, shape: Shape) -> None:
        """Note a packet; of one that is noted already, the verdict is replaced unless it crossed, and sites are added.

        Raises:
            ValueError: a verdict at a site that is none.

        """
        key = self._key(shape.at_ms // DAY_MS)
        self._database.change(
            "INSERT INTO shape (id, at_ms, kind, size, directed, signed, origin, via, verdict, sites) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET verdict = CASE verdict WHEN 'crossed' THEN verdict ELSE excluded.verdict END, "
            "sites = ifnull(substr(CAST(sites || excluded.sites AS BLOB), ?), x'')",
            (
                shape.packet_id,
                shape.at_ms,
                shape.kind,
                shape.size,
                shape.directed,
                shape.signed,
                _tag(shape.origin, key),
                shape.via,
                shape.verdict[:MAX_DECISION_WORDS],
                b"".join(site + bytes([_VERDICTS.index(verdict)]) for site, verdict in shape.sites[-MAX_SHAPE_SITES:]),
                -MAX_SHAPE_SITES * (_SITE + 1),
            ),
        )
        self._added += 1
        if self._added % PRUNE_EVERY == 0:
            self._shorten()

    def between(self, from_ms: int, to_ms: int) -> Iterator[Shape]:
        """Walk the packets heard from one moment until before another, in the order in which they were noted."""
        seq = 0
        while found := self.page(from_ms, to_ms, seq, _LOAD):
            for _, shape in found:
                yield shape
            seq = found[-1][0]

    def page(self, from_ms: int, to_ms: int, after: int, limit: int) -> list[tuple[int, Shape]]:
        """Return some of the same, at most `limit`, each with its number; those behind the number `after`, 0 for the first."""
        rows = self._database.rows(
            "SELECT seq, id, at_ms, kind, size, directed, signed, origin, via, verdict, sites FROM shape "
            "WHERE seq > ? AND at_ms >= ? AND at_ms < ? ORDER BY seq LIMIT ?",
            (after, from_ms, to_ms, limit),
        )
        return [
            (seq, Shape(packet_id, at_ms, kind, size, bool(directed), bool(signed), origin, via, verdict, _sites(sites)))
            for seq, packet_id, at_ms, kind, size, directed, signed, origin, via, verdict, sites in rows
        ]

    def tags(self, peer_id: bytes) -> frozenset[bytes]:
        """Return what one peer's packets bear as `origin`, a hash for each day that is kept."""
        return frozenset(_tag(peer_id, key) for (key,) in self._database.rows("SELECT key FROM salt"))

    def prune(self, now_ms: int) -> int:
        """Forget what is too old or too much, and the keys of the days that are gone; returns how many packets."""
        oldest = now_ms - SHAPE_LIFETIME_MS
        gone = self._database.change("DELETE FROM shape WHERE at_ms < ?", (oldest,)) + self._shorten()
        self._database.change("DELETE FROM salt WHERE day < ?", (oldest // DAY_MS,))
        return gone

    def _shorten(self) -> int:
        return self._database.change("DELETE FROM shape WHERE seq <= (SELECT max(seq) FROM shape) - ?", (self._capacity,))

    def _key(self, day: int) -> bytes:
        found = self._database.rows("SELECT key FROM salt WHERE day = ?", (day,))
        if not found:
            found = [(self._randbytes(_KEY),)]
            self._database.change("INSERT INTO salt (day, key) VALUES (?, ?)", (day, *found[0]))
        ((key,),) = found
        return bytes(key)


def _tag(peer_id: bytes, key: bytes) -> bytes:
    return blake2b(peer_id, key=key, digest_size=_TAG).digest()


def _sites(blob: bytes) -> tuple[tuple[bytes, str], ...]:
    """Return what became of a packet at each site in the end."""
    found = {blob[at : at + _SITE]: _VERDICTS[blob[at + _SITE]] for at in range(0, len(blob), _SITE + 1)}
    return tuple(found.items())
