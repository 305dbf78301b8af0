"""A form with a file in it, read piece by piece: a backup is larger than what fits into memory.

The fields have to stand before the file, as they do in the page's own forms.
"""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.admin.limits import MAX_UPLOAD_FIELD, MAX_UPLOAD_FIELDS
from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.backup.limits import BACKUP_STALL_S

_PIECE = 64 * 1024  # bytes
_UNREADABLE = (ValueError, LookupError, web.RequestPayloadError, HttpProcessingError)
"""What aiohttp raises for a form that is none."""


async def received(request: web.Request) -> tuple[dict[str, str], AsyncIterator[bytes]]:
    """Return the fields of a form, and the file behind them, which is read while it comes.

    Raises:
        ProblemError: it is no such form, or has more or longer fields than any of ours.

    """
    if request.content_type != "multipart/form-data":
        raise _odd("it is no form with a file")
    fields: dict[str, str] = {}
    try:
        reader = await request.multipart()
        while True:
            async with asyncio.timeout(BACKUP_STALL_S):
                part = await reader.next()
                if part is None or isinstance(part, MultipartReader):
                    raise _odd("there is no file in it")
                if part.filename is not None:
                    return fields, _pieces(part)
                if len(fields) >= MAX_UPLOAD_FIELDS:
                    raise _odd("it has too many fields")
                fields[part.name or ""] = await _text(part)
    except (*_UNREADABLE, TimeoutError) as error:
        raise _odd("it cannot be read") from error


async def _text(part: BodyPartReader) -> str:
    data = bytearray()
    while not part.at_eof():
        data += await part.read_chunk(_PIECE)
        if len(data) > MAX_UPLOAD_FIELD:
            raise _odd("one of its fields is too long")
    return data.decode()


async def _pieces(part: BodyPartReader) -> AsyncIterator[bytes]:
    try:
        while piece := await part.read_chunk(_PIECE):
            yield piece
    except _UNREADABLE as error:
        raise _odd("it ends too soon") from error


def _odd(how: str) -> ProblemError:
    return ProblemError(BAD_REQUEST, f"The form was not understood: {how}.", "Load the page again.")
