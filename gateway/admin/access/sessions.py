"""Who is logged in. Sessions live in memory: a restart ends them, and nothing that is on the disk opens anything.

Only the hash of what stands in the cookie is kept. A session that began over TLS is not valid without.
"""

import base64
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from gateway.admin.limits import MAX_SESSIONS, MAX_SESSIONS_OF_USER, SESSION_IDLE_S, SESSION_S

SECURE_COOKIE: Final = "__Host-meshgate"
"""Browsers take a name like this over TLS only, for the whole host, and from no other one (RFC 6265bis, 4.1.3.2)."""
PLAIN_COOKIE: Final = "meshgate"
SECRET_BYTES: Final = 32
_LENGTH: Final = 43  # of that in base64url


def cookie_name(secure: bool) -> str:
    """Return the name of the cookie."""
    return SECURE_COOKIE if secure else PLAIN_COOKIE


def cookie(name: str, value: str, *, secure: bool, seconds: int | None = None) -> str:
    """Return the ``Set-Cookie`` header; without seconds it goes when the browser is closed."""
    life = "" if seconds is None else f"; Max-Age={seconds}"
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict{life}{'; Secure' if secure else ''}"


@dataclass(slots=True)
class Session:
    """Somebody who is logged in."""

    id: str  # to talk about it; opens nothing
    digest: bytes
    user: str
    secure: bool
    source: str  # where it began
    began: float
    seen: float


class Sessions:
    """Everybody who is logged in.

    Args:
        randbytes: cryptographic randomness.

    """

    def __init__(self, randbytes: Callable[[int], bytes]) -> None:
        self._randbytes = randbytes
        self._open: dict[bytes, Session] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, user: str, *, secure: bool, source: str, now: float) -> tuple[Session, str]:
        """Log somebody in; returns the session and what goes into the cookie, which nobody has seen before."""
        self.expire(now)
        for count, kind in ((MAX_SESSIONS_OF_USER, user), (MAX_SESSIONS, None)):
            rivals = [one for one in self if kind in (None, one.user)]
            if len(rivals) >= count:
                del self._open[min(rivals, key=lambda one: one.seen).digest]
        secret = self._randbytes(SECRET_BYTES)
        digest = sha256(secret).digest()
        session = Session(self._randbytes(8).hex(), digest, user, secure, source, now, now)
        self._open[digest] = session
        return session, _text(secret)

    def find(self, text: str, *, secure: bool, now: float) -> Session | None:
        """Return the session of what stood in a cookie, and note that it is in use; None if there is none."""
        secret = _bytes(text)
        if secret is None:
            return None
        session = self._open.get(sha256(secret).digest())
        if session is None or session.secure is not secure:
            return None
        if _is_over(session, now):
            del self._open[session.digest]
            return None
        session.seen = now
        return session

    def end(self, session_id: str) -> bool:
        """Log out; False if nobody is logged in under that ID."""
        return self._drop(lambda one: one.id == session_id)

    def end_of(self, user: str, but: str = "") -> bool:
        """Log somebody out everywhere, `but` in one session; False if there was nothing to end."""
        return self._drop(lambda one: one.user == user and one.id != but)

    def expire(self, now: float) -> None:
        """Forget what is over."""
        self._drop(lambda one: _is_over(one, now))

    def _drop(self, which: Callable[[Session], bool]) -> bool:
        gone = [one.digest for one in self if which(one)]
        for digest in gone:
            del self._open[digest]
        return bool(gone)


class Seals:
    """Seals for forms: what another site's page cannot know, so that it cannot send a form in a person's name.

    Nothing is remembered: a seal is a code over what stands in a cookie.

    Args:
        key: of this run; 32 random bytes.

    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, bound: str) -> str:
        """Return the seal for whoever has this in a cookie."""
        return hmac.new(self._key, bound.encode(errors="replace"), sha256).hexdigest()

    def is_whole(self, bound: str, shown: str) -> bool:
        """Whether this is its seal."""
        return bool(bound) and hmac.compare_digest(self.seal(bound).encode(), shown.encode(errors="replace"))


def _is_over(session: Session, now: float) -> bool:
    return now - session.seen > SESSION_IDLE_S or now - session.began > SESSION_S


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def _bytes(text: str) -> bytes | None:
    if len(text) != _LENGTH or not text.isascii():
        return None
    try:
        return base64.b64decode(f"{text}=", altchars=b"-_", validate=True)
    except ValueError:
        return None
