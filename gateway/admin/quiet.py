"""A log for the HTTP library where strangers reach it: what they send wrong is counted, and only our own mistakes are told.

Otherwise each request that is no HTTP would be a page of text in the log of the gateway, as often as somebody likes.
"""

import logging
from collections.abc import Callable

from aiohttp import web


def quiet(what: str, count: Callable[[], None], report: Callable[[str], None]) -> logging.Logger:
    """Return such a log.

    Args:
        what: answers there, at the beginning of a sentence.
        count: told of everything somebody has sent wrong.
        report: told one sentence about each mistake of our own.

    """
    logger = logging.Logger(what)  # noqa: LOG001 -- of nobody else, so that no stranger writes into the log of the gateway
    logger.addHandler(_Counting(what, count, report))
    return logger


class _Counting(logging.Handler):
    def __init__(self, what: str, count: Callable[[], None], report: Callable[[str], None]) -> None:
        super().__init__()
        self._what = what
        self._count = count
        self._tell = report

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or isinstance(error, web.HTTPException | OSError) or type(error).__module__.startswith("aiohttp"):
            self._count()
        else:
            self._tell(f"{self._what} could not answer: {type(error).__name__}: {error}")
