"""Takes out of a text what would tell who somebody is or where a box stands."""

import re
from collections.abc import Iterable

GONE = "…"
SHORTEST = 3  # characters a word must have to be looked for; shorter ones stand inside others

_PATTERNS = (
    re.compile(r"12D3KooW[1-9A-HJ-NP-Za-km-z]+|16Uiu2[1-9A-HJ-NP-Za-km-z]+|Qm[1-9A-HJ-NP-Za-km-z]{44}"),  # peer IDs of libp2p
    re.compile(r"\b(?:[0-9A-Fa-f]{2}[:_-]){5}[0-9A-Fa-f]{2}\b"),  # Bluetooth and Ethernet addresses
    re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"),  # IPv4
    re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}(?![\w:])"),  # IPv6
    re.compile(r"\b[0-9A-Fa-f]{16,}\b"),  # peer IDs, keys, message IDs
    re.compile(r"(?:MESHGATE:)?\b[A-Za-z0-9+/_-]{40,}={0,2}"),  # keys and tickets in other alphabets
    re.compile(r"\b(?:wss?|https?|mqtts?|tcp)://[^\s\"']+"),
    re.compile(r"(?<=/home/)[^/\s\"']+"),
)


def redact(text: str, words: Iterable[str]) -> str:
    """Return the text without the given words, in any case, and without whatever looks like an ID, an address or a key."""
    longest_first = sorted({word for word in words if len(word) >= SHORTEST}, key=len, reverse=True)
    if longest_first:
        text = re.sub("|".join(map(re.escape, longest_first)), GONE, text, flags=re.IGNORECASE)
    for pattern in _PATTERNS:
        text = pattern.sub(GONE, text)
    return text
