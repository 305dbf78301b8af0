"""What a phone finds in the hotspot when it asks whether it has the internet: a page that leads to the gateway's own.

It knows no secret, runs as nobody, answers GET and HEAD, and reads no more of a request than its first lines. The gateway's page is
another address: browsers in a login window refuse a certificate they do not know, so the way there is a link for the real browser.
"""

import asyncio
import contextlib
from collections import Counter
from typing import Final

from hw.firstboot.limits import ANSWER_S, HEAD_S, MAX_CONNECTIONS, MAX_FROM_ONE, MAX_HEAD

PATH: Final = "/meshgate"
_HEAD: Final = (
    "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n"
    "Cache-Control: no-store\r\n{more}Connection: close\r\n\r\n"
)
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Meshgate</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:32rem;padding:0 1rem;color-scheme:light dark}}
a{{display:inline-block;padding:.6rem 1rem;border:2px solid;border-radius:.5rem}}</style></head>
<body><h1>Meshgate</h1><p>This network belongs to a gateway that has no other. There is no internet here.</p>
<p><a href="http://{page}/setup">Set it up</a></p>
<p>If that does not open, write <b>{page}</b> into the address bar of your browser. Compare the fingerprint of the certificate with the
one shown at the box, and have the setup code ready.</p></body></html>
"""


def answer(head: bytes, page: str) -> bytes:
    """Return the answer to a request.

    Every address but one leads to the page with the link: a phone that gets something else than it expects there (iOS a word, Android an
    empty 204, Windows and Firefox a text) opens its login window.

    Args:
        head: of the request.
        page: address of the gateway's page.

    """
    parts = head.split(b"\r\n", 1)[0].split(b" ")
    if len(parts) != 3 or not parts[2].startswith(b"HTTP/1."):
        return _answer("400 Bad Request", "", "")
    method, target, _ = parts
    if method not in (b"GET", b"HEAD"):
        return _answer("405 Method Not Allowed", "", "Allow: GET, HEAD\r\n")
    path = target.split(b"?", 1)[0]
    if path != PATH.encode() and not path.endswith(PATH.encode()):
        return _answer("302 Found", "", f"Location: http://portal.meshgate.home.arpa{PATH}\r\n")
    whole = _answer("200 OK", _PAGE.format(page=page), "")
    return whole if method == b"GET" else whole.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n"


def _answer(status: str, body: str, more: str) -> bytes:
    return _HEAD.format(status=status, length=len(body.encode()), more=more).encode() + body.encode()


class Portal:
    """Answers.

    Args:
        page: address of the gateway's page.

    """

    def __init__(self, page: str) -> None:
        self._page = page
        self._sources: Counter[str] = Counter()

    async def serve(self, host: str, port: int) -> asyncio.Server:
        """Begin to listen; raises `OSError`."""
        return await asyncio.start_server(self.attend, host, port, limit=MAX_HEAD, backlog=MAX_CONNECTIONS)

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, then close it."""
        source = str((writer.get_extra_info("peername") or ("",))[0])
        if self._sources.total() >= MAX_CONNECTIONS or self._sources[source] >= MAX_FROM_ONE:
            writer.transport.abort()
            return
        self._sources[source] += 1
        try:
            async with asyncio.timeout(HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
            writer.write(answer(head, self._page))
            async with asyncio.timeout(ANSWER_S):
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            self._sources[source] -= 1
            if not self._sources[source]:
                del self._sources[source]
            with contextlib.suppress(OSError):
                writer.close()
