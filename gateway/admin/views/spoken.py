"""Which language somebody is spoken to in: the one they chose at the foot of a page, or what their browser asks for."""

from typing import Final

from aiohttp import web

from gateway.admin.views.shell import LANGUAGE_FIELD
from gateway.admin.views.words import LANGUAGES, Words, language_of

_YEAR_S: Final = 31_536_000


def spoken(request: web.Request) -> Words:
    """Return the words of whoever asks."""
    chosen = request.query.get(LANGUAGE_FIELD, "") or request.cookies.get(LANGUAGE_FIELD, "")
    return Words(language_of(request.headers.get("Accept-Language", ""), chosen))


def keep_language(request: web.Request, response: web.Response) -> None:
    """Have the browser remember a language that was chosen just now."""
    chosen = request.query.get(LANGUAGE_FIELD, "")
    if chosen in LANGUAGES:
        response.set_cookie(LANGUAGE_FIELD, chosen, max_age=_YEAR_S, httponly=True, samesite="Strict", secure=request.secure)
