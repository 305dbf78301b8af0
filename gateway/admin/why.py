"""The documents of ``GET /api/v1/why``, and how they are made of what the store knows. They name neither people nor what they say."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from gateway.admin.policy import HistoryDocument
from gateway.admin.sentences import figures_of, sentence_of
from gateway.store.inquiry import Trail


class StepDocument(msgspec.Struct, frozen=True):
    """One thing that was done."""

    at_ms: int  # Unix milliseconds
    after_ms: int  # since the first one
    subject: str  # under which ID
    verb: str
    hop: str
    rule: str
    reason: str
    detail: str
    sentence: str


class DeliveryDocument(msgspec.Struct, frozen=True):
    """How far a message has come that was promised to be delivered."""

    state: str
    reason: str
    attempts: int
    accepted_ms: int
    expires_ms: int
    ended_ms: int | None


class CandidateDocument(msgspec.Struct, frozen=True):
    """One ID something was done with."""

    id: str
    at_ms: int  # of the last thing
    steps: int
    what: str  # type and size, empty where nobody saw the packet whole
    last: str  # sentence


class WhyDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/why/ID``: the story of one thing, or the IDs that begin so, the latest first."""

    wanted: str
    id: str = ""  # empty: it is several, or none
    names: tuple[str, ...] = ()  # its other IDs
    steps: tuple[StepDocument, ...] = ()
    kept_until_ms: int | None = None  # for those who missed it
    delivery: DeliveryDocument | None = None
    candidates: tuple[CandidateDocument, ...] = ()


class LatestDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/why``: what something was done with last, the latest first."""

    latest: tuple[CandidateDocument, ...]


class Inquiry(Protocol):
    """What the API wants of the record."""

    async def why(self, wanted: str) -> WhyDocument:
        """Tell the story of an ID or of the only one that begins so; raises `ValueError` and `StoreError`."""

    async def latest(self, count: int) -> LatestDocument:
        """List what something was done with last; raises `StoreError`."""

    async def history(self, from_ms: int, to_ms: int, after: int) -> HistoryDocument:
        """List what rules could have seen of the past, a page at a time; raises `StoreError`."""


def why_document(wanted: str, trail: Trail, names: Mapping[str, str]) -> WhyDocument:
    """Make the document; `names` says what people call the hops."""
    first = trail.decisions[0].at_ms if trail.decisions else 0
    progress = trail.progress
    return WhyDocument(
        wanted=wanted,
        id=_spelled(trail.subject, names),
        names=trail.names,
        steps=tuple(
            StepDocument(
                at_ms=one.at_ms,
                after_ms=one.at_ms - first,
                subject=one.subject,
                verb=one.verb,
                hop=one.hop,
                rule=one.rule,
                reason=one.reason,
                detail=one.detail,
                sentence=sentence_of(one, names),
            )
            for one in trail.decisions
        ),
        kept_until_ms=trail.kept_until_ms,
        delivery=None
        if progress is None
        else DeliveryDocument(
            state=progress.state.name.lower(),
            reason=progress.reason.value if progress.reason is not None else "",
            attempts=progress.attempts,
            accepted_ms=progress.accepted_ms,
            expires_ms=progress.expires_ms,
            ended_ms=progress.ended_ms,
        ),
    )


def candidate_document(trail: Trail, names: Mapping[str, str], *, last_name: bool = False) -> CandidateDocument:
    """Make one line of a list; `last_name` calls it by the ID it was dealt with last, which is the one other sites know."""
    last = trail.decisions[-1] if trail.decisions else None
    shapes = (figures_of(one.detail) for one in trail.decisions if " bytes ttl " in one.detail)
    return CandidateDocument(
        id=_spelled(last.subject if last_name and last is not None else trail.subject, names),
        at_ms=last.at_ms if last is not None else 0,
        steps=len(trail.decisions),
        what=next(shapes, ""),
        last=sentence_of(last, names) if last is not None else "",
    )


def _spelled(subject: str, names: Mapping[str, str]) -> str:
    """Return an ID with its capitals, which the store does without: those of a site matter elsewhere."""
    return next((name for name in names if name.lower() == subject), subject)
