"""The last entries of the log: ``/api/v1/logs``, redacted whatever the log itself shows."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Protocol

import msgspec

from gateway.admin.access.roles import Role
from gateway.admin.limits import MAX_LOG_RING
from gateway.admin.route import Answers, Call, Route


class LogLevel(StrEnum):
    """How much an entry matters."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogEntry(msgspec.Struct, frozen=True):
    """One entry."""

    id: int  # the later the higher
    time: datetime
    level: LogLevel
    event: str  # out of a closed set
    sentence: str
    fields: Mapping[str, Any]


class LogsDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/logs``: in the order in which they were written."""

    entries: tuple[LogEntry, ...]
    lost: int  # entries since the start that are not kept any more


class LogsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries: those that matter so much, the last so many of them, after an ID."""

    level: LogLevel = LogLevel.INFO
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LOG_RING)] = 200
    after: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0


class LogRing(Protocol):
    """What the API wants of the log."""

    def entries(self) -> tuple[LogEntry, ...]:
        """Return what is kept, the oldest first."""

    @property
    def lost(self) -> int:
        """Entries that are not kept any more."""


ROUTES: Final = (
    Route(
        name="list_log",
        method="GET",
        path="/api/v1/logs",
        role=Role.OPERATOR,
        query=LogsQuery,
        answer=LogsDocument,
        summary="The last entries of the log, without names, secrets and addresses.",
    ),
)
_RANK: Final = {level: rank for rank, level in enumerate(LogLevel)}


class Logbook:
    """Answers with entries.

    Args:
        ring: keeps them.

    """

    def __init__(self, ring: LogRing) -> None:
        self._ring = ring

    def answers(self) -> Answers:
        """Return who answers."""
        return {"list_log": self._list}

    async def _list(self, call: Call) -> LogsDocument:
        asked = call.query(LogsQuery)
        found = [one for one in self._ring.entries() if _RANK[one.level] >= _RANK[asked.level] and one.id > asked.after]
        return LogsDocument(tuple(found[-asked.limit :]), self._ring.lost)
