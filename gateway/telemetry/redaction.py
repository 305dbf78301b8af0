"""Takes out of what is told to the outside whatever names people, carries what they say, or opens something.

What hides behind a pseudonym is the same in every entry of one run, so that entries can be joined, and another in the
next run, so that nobody can be followed. Secrets leave no trace at all. Two ways lead to it: the name of a field, and
the look of a value wherever it stands, sentences included.

A message's ID names no one and is the thread through all logs; it stays.
"""

import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Final

REDACTED: Final = "[redacted]"
KEY: Final = "[key]"
TOKEN: Final = "[token]"  # noqa: S105 -- what stands in the place of one

DROPPED: Final = frozenset(
    {
        "authorization",
        "body",
        "content",
        "cookie",
        "credential",
        "frame",
        "key",
        "name",
        "nickname",
        "passphrase",
        "password",
        "payload",
        "private_key",
        "secret",
        "seed",
        "text",
        "ticket",
        "token",
    }
)
"""Fields whose value is never shown."""

PSEUDONYMOUS: Final = frozenset({"address", "device", "mac", "origin", "peer", "peer_id", "recipient", "sender", "signer", "site"})
"""Fields whose value is shown as a pseudonym."""

THREADS: Final = frozenset({"message", "known_as"})
"""Fields with IDs of messages: 16 or 32 bytes in hexadecimal, or what a phone's app calls its message."""

_B58: Final = "1-9A-HJ-NP-Za-km-z"
_PEM: Final = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_BEARER: Final = re.compile(r"\b(Bearer|Basic) +[^\s\"',]+", re.IGNORECASE)
_ASSIGNED: Final = re.compile(
    r"\b(password|passphrase|secret|token|ticket|api_?key)(\"?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s\"',&;]+)", re.IGNORECASE
)
_NOSTR_SECRET: Final = re.compile(r"\bnsec1[a-z0-9]{20,}")
_OUR_TOKEN: Final = re.compile(r"\bmg[a-z0-9]{0,4}_[A-Za-z0-9_-]{20,}")
_LIBP2P_ID: Final = re.compile(rf"12D3KooW[{_B58}]{{44}}")
_NOSTR_PUBLIC: Final = re.compile(r"\bnpub1[a-z0-9]{20,}")
_MAC: Final = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{2}([:_-][0-9A-Fa-f]{2}){5}(?![0-9A-Fa-f])")
_LONG_HEX: Final = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{64,}(?![0-9A-Za-z])")
_PEER_ID: Final = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{16}(?![0-9A-Za-z])")
_KEY64: Final = re.compile(r"(?<![\w+/=-])(?=[\w+-]*[A-Z])(?=[\w+-]*[0-9])[\w+-]{43}=?(?![\w+/=-])", re.ASCII)


class Redactor:
    """Redacts for one run.

    Args:
        salt: what makes the pseudonyms of this run; 16 random bytes.
        own: IDs of this gateway itself, which it may name.

    """

    def __init__(self, salt: bytes, own: Collection[str] = ()) -> None:
        self._salt = salt
        self._own = set(own)

    def allow(self, *own: str) -> None:
        """Let IDs of this gateway itself be named."""
        self._own.update(own)

    def fields(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Return the fields as they may be shown."""
        return {name: self._field(name, value) for name, value in fields.items()}

    def text(self, text: str) -> str:
        """Return a text as it may be shown."""
        text = _PEM.sub(KEY, text)
        text = _BEARER.sub(lambda found: f"{found[1]} {TOKEN}", text)
        text = _ASSIGNED.sub(lambda found: f"{found[1]}{found[2]}{REDACTED}", text)
        text = _NOSTR_SECRET.sub(KEY, _OUR_TOKEN.sub(TOKEN, text))
        text = _LIBP2P_ID.sub(lambda found: self._stand_in("site", found[0]), text)
        text = _NOSTR_PUBLIC.sub(lambda found: self._stand_in("signer", found[0]), text)
        text = _MAC.sub(lambda found: self._stand_in("device", found[0].upper().replace("_", ":")), text)
        text = _KEY64.sub(KEY, _LONG_HEX.sub(KEY, text))
        return _PEER_ID.sub(lambda found: self._stand_in("peer", found[0].lower()), text)

    def _field(self, name: str, value: object) -> object:
        last = name.rpartition(".")[2].lower()
        if last in DROPPED:
            return REDACTED
        if last in PSEUDONYMOUS and isinstance(value, str | bytes):
            plain = value.hex() if isinstance(value, bytes) else value
            return self._stand_in("peer" if last in {"peer_id", "sender", "recipient", "origin"} else last, plain) if plain else ""
        if last in THREADS and isinstance(value, str):
            return _LIBP2P_ID.sub(lambda found: self._stand_in("site", found[0]), value)
        return self._value(value)

    def _value(self, value: object) -> object:
        if isinstance(value, bool | int | float | None):
            return value
        if isinstance(value, bytes | bytearray | memoryview):
            return f"[{len(value)} bytes]"
        if isinstance(value, Mapping):
            return {str(name): self._field(str(name), inner) for name, inner in value.items()}
        if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
            return [self._value(inner) for inner in value]
        return self.text(str(value))

    def _stand_in(self, kind: str, value: str) -> str:
        if value in self._own:
            return value
        return f"{kind}~{hmac.new(self._salt, value.encode(), sha256).hexdigest()[:8]}"
