"""Looks for secrets in what somebody emitted, in every spelling they are known to take."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

ALPHABET = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
GRAM, CHUNK = 6, 1 << 18  # bytes; nothing that is looked for is shorter
SHORTEST_ID = 4  # bytes of an ID's beginning that tell it from others: 8 hexadecimal digits


@dataclass(frozen=True)
class Hit:
    """A secret that was found."""

    where: str
    what: str
    around: bytes


@dataclass
class Secrets:
    """Everything nobody may read elsewhere; what it is by how it is written."""

    spellings: dict[bytes, str] = field(default_factory=dict)
    beginnings: dict[bytes, str] = field(default_factory=dict)  # looked for where no other digit stands before them

    def word(self, what: str, text: str) -> None:
        """A text or a name, as it is, as JSON has it, in hexadecimal and inside base64."""
        for spelling in (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]):
            self.spellings[spelling.encode()] = what
        self._encoded(what, text.encode())

    def key(self, what: str, data: bytes) -> None:
        """A key, ticket, tag or ID, raw and in every spelling, and the beginning of its hexadecimal one."""
        self.spellings[data] = what
        self.spellings[base58(data)] = what
        self._encoded(what, data)
        for beginning in (data[:SHORTEST_ID].hex(), data[:SHORTEST_ID].hex().upper()):
            self.beginnings[beginning.encode()] = f"beginning of {what}"

    def found(self, where: str, emitted: bytes) -> Iterator[Hit]:
        """Find them in something that was emitted; base64 is looked at without the line breaks JSON writes."""
        plain = emitted.replace(b"\\n", b"")
        for spelling, what in self._possible(plain).items():
            at = plain.find(spelling)
            if at >= 0:
                yield Hit(where, what, plain[max(0, at - 60) : at + len(spelling) + 20])
        if self.beginnings:
            pattern = rb"(?<![0-9a-fA-F])(" + b"|".join(map(re.escape, self.beginnings)) + rb")"
            for match in re.finditer(pattern, plain):
                yield Hit(where, self.beginnings[match[1]], plain[max(0, match.start() - 60) : match.end() + 20])

    def _possible(self, plain: bytes) -> dict[bytes, str]:
        """Those whose first letters stand there somewhere: to look for each of thousands takes minutes."""
        starts = {spelling[:GRAM] for spelling in self.spellings}
        seen: set[bytes] = set()
        for begin in range(0, len(plain), CHUNK):
            part = plain[begin : begin + CHUNK + GRAM]
            seen |= starts & {part[at : at + GRAM] for at in range(len(part) - GRAM + 1)}
        return {spelling: what for spelling, what in self.spellings.items() if spelling[:GRAM] in seen}

    def _encoded(self, what: str, data: bytes) -> None:
        digits = data.hex()
        for spelling in (digits, digits.upper(), ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))):
            self.spellings[spelling.encode()] = what
        for spelling in inside_base64(data):
            self.spellings[spelling] = what


def inside_base64(data: bytes) -> Iterable[bytes]:
    """What base64 makes of it wherever it stands in something longer: at each of three places, the letters it decides alone."""
    for before in range(3):
        first = (0, 2, 3)[before]
        whole = len(data) + before
        letters = base64.b64encode(b"\0" * before + data)[: whole * 8 // 6][first:]
        yield letters
        yield letters.translate(bytes.maketrans(b"+/", b"-_"))


def base58(data: bytes) -> bytes:
    """Bitcoin's alphabet, which libp2p uses."""
    number, letters = int.from_bytes(data, "big"), bytearray()
    while number:
        number, rest = divmod(number, 58)
        letters.append(ALPHABET[rest])
    return b"1" * (len(data) - len(data.lstrip(b"\0"))) + bytes(reversed(letters))
