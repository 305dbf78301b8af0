"""Writes down what was decided, within what a card bears, and looks it up again."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from gateway.admin.policy import HistoryDocument, shape_document
from gateway.admin.why import CandidateDocument, LatestDocument, WhyDocument, candidate_document, why_document
from gateway.limits import DECISION_BURST, DECISION_RATE, MAX_SHAPE_PAGE, MAX_WHY_CANDIDATES
from gateway.mesh.effects import Effect, Receipt
from gateway.mesh.records import Decided, Judged, Verb
from gateway.runtime.writer import StoreWriter
from gateway.session.rate import TokenBucket
from gateway.store.decisions import Decision
from gateway.store.inquiry import trail_of, wanted_prefix
from gateway.store.shapes import Shape
from gateway.store.store import Store

_FREE: Final = DECISION_BURST / 2  # rows refusals leave for what happens to the rest
_ROW: Final = 300  # bytes of memory a row holds


class Recorder:
    """The record behind ``meshgate why`` and dry runs.

    Args:
        writer: of the store.
        wall_ms: Unix milliseconds, None while the time of day is not known: then nothing is recorded.
        names: what people call the hops, as far as somebody has said.

    `unrecorded` counts the rows given up because there were too many.

    """

    def __init__(self, writer: StoreWriter, wall_ms: Callable[[], int | None], names: Callable[[], Mapping[str, str]]) -> None:
        self._writer = writer
        self._wall_ms = wall_ms
        self._names = names
        self._budget = TokenBucket(DECISION_RATE, DECISION_BURST)
        self._rows: list[Decision | Shape] = []
        self.unrecorded = 0

    def take(self, effect: Effect, now: float) -> None:
        """Write an effect down, if it is a decision."""
        if not isinstance(effect, Decided | Judged | Receipt):
            return
        at_ms = self._wall_ms()
        if at_ms is None:
            return
        modest = isinstance(effect, Decided) and effect.verb is Verb.REFUSED
        if (modest and self._budget.level(now) < _FREE) or not self._budget.take(now):
            self.unrecorded += 1
            return
        if not self._rows:
            asyncio.get_running_loop().call_soon(self.flush)
        self._rows.append(_row(effect, at_ms))

    def flush(self) -> None:
        """Hand over what was decided since the last time: what one event led to is one piece of work."""
        rows, self._rows = self._rows, []
        if rows:
            self._writer.note(lambda store: _write(store, rows), _ROW * len(rows))

    async def why(self, wanted: str) -> WhyDocument:
        """Tell what is known of an ID or of the only one that begins so; else which ones do.

        Raises:
            ValueError: fewer than four characters.
            StoreError: the store cannot be read now.

        """
        self.flush()
        prefix, names = wanted_prefix(wanted), self._names()

        def look(store: Store) -> WhyDocument:
            subjects = store.decisions.subjects(prefix, MAX_WHY_CANDIDATES)
            if len(subjects) == 1 or prefix in subjects:
                return why_document(wanted, trail_of(store, prefix if prefix in subjects else subjects[0]), names)
            return WhyDocument(wanted, candidates=_candidates(store, subjects, names))

        return await self._writer.ask(look)

    async def latest(self, count: int) -> LatestDocument:
        """List the IDs something was done with last; raises `StoreError`."""
        self.flush()
        names = self._names()
        return await self._writer.ask(
            lambda store: LatestDocument(_candidates(store, store.decisions.latest(count), names, last_name=True))
        )

    async def history(self, from_ms: int, to_ms: int, after: int) -> HistoryDocument:
        """List what rules could have seen of the past, a page at a time; raises `StoreError`."""
        self.flush()
        found = await self._writer.ask(lambda store: store.shapes.page(from_ms, to_ms, after, MAX_SHAPE_PAGE))
        return HistoryDocument(tuple(shape_document(shape) for _, shape in found), found[-1][0] if len(found) == MAX_SHAPE_PAGE else None)


def _candidates(store: Store, subjects: list[str], names: Mapping[str, str], *, last_name: bool = False) -> tuple[CandidateDocument, ...]:
    """Describe IDs, leaving out those that are only other names of one before them."""
    listed: list[CandidateDocument] = []
    told: set[str] = set()
    for subject in subjects:
        if subject not in told:
            trail = trail_of(store, subject)
            told.update(trail.names)
            listed.append(candidate_document(trail, names, last_name=last_name))
    return tuple(listed)


def _write(store: Store, rows: list[Decision | Shape]) -> None:
    for row in rows:
        if isinstance(row, Decision):
            store.decisions.add(row)
        else:
            store.shapes.add(row)


def _row(effect: Decided | Judged | Receipt, at_ms: int) -> Decision | Shape:
    if isinstance(effect, Receipt):
        return Decision(effect.message_id, at_ms, "radio", effect.kind)
    if isinstance(effect, Judged):
        return Shape(
            effect.packet_id,
            at_ms,
            effect.kind,
            effect.size,
            effect.directed,
            effect.signed,
            effect.origin,
            effect.via,
            effect.verdict,
            effect.sites,
        )
    hop = effect.hop.hex() if isinstance(effect.hop, bytes) else effect.hop.partition(":")[0]
    reason = effect.reason.value if effect.reason is not None else ""
    return Decision(_text(effect.subject), at_ms, hop, effect.verb.value, effect.rule, reason, _text(effect.detail))


def _text(value: bytes | str) -> str:
    return value.hex() if isinstance(value, bytes) else value
