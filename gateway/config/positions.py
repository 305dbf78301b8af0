"""On which line of a TOML document each key and each list element stands.

`tomllib` gives the values without their lines. This scan runs only over text `tomllib`
has accepted, so it needs to know where things end and not what is allowed.
"""

import re
import tomllib
from bisect import bisect_right

Path = tuple[str | int, ...]  # keys, and indices in lists and arrays of tables

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:\'{0,2})|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n]+")


def positions(text: str) -> dict[Path, int]:
    """Line (from 1) of every table, key and list element of a valid TOML document."""
    return _Scan(text.replace("\r\n", "\n")).document()


class _Scan:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line_ends = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[Path, int] = {}
        self._tables_in: dict[Path, int] = {}  # array of tables -> tables so far

    def document(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                start = self._advance(2)
                name = self._resolve(self._key())
                table = (*name, self._tables_in.get(name, 0))
                self._tables_in[name] = table[-1] + 1 if isinstance(table[-1], int) else 1
                self._note((), table, start)
                self._advance(2)
            elif self._text[self._at] == "[":
                start = self._advance(1)
                table = self._resolve(self._key())
                self._note((), table, start)
                self._advance(1)
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self._lines

    def _pair(self, table: Path) -> None:
        start = self._at
        key = self._key()
        self._note(table, key, start)
        self._advance(1)
        self._skip(_SPACE)
        self._value((*table, *key))

    def _value(self, path: Path) -> None:
        match self._text[self._at]:
            case "[":
                self._advance(1)
                self._skip(_BLANK)
                index = 0
                while self._text[self._at] != "]":
                    self._note(path, (index,), self._at)
                    self._value((*path, index))
                    index += 1
                    self._separator()
                self._advance(1)
            case "{":
                self._advance(1)
                self._skip(_BLANK)
                while self._text[self._at] != "}":
                    self._pair(path)
                    self._separator()
                self._advance(1)
            case '"' | "'":
                self._skip(_STRING)
            case _:
                self._skip(_SCALAR)

    def _separator(self) -> None:
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._advance(1)
            self._skip(_BLANK)

    def _key(self) -> Path:
        parts: list[str | int] = []
        while True:
            self._skip(_SPACE)
            if self._text[self._at] in "\"'":
                quoted = self._skip(_STRING)
                parts.append(next(iter(tomllib.loads(f"{quoted} = 0"))))
            else:
                parts.append(self._skip(_BARE_KEY))
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return tuple(parts)
            self._advance(1)

    def _resolve(self, name: Path) -> Path:
        """The name a header means: inside an array of tables it goes on in the newest of them."""
        path: Path = ()
        for part in name[:-1]:
            path = (*path, part)
            if path in self._tables_in:
                path = (*path, self._tables_in[path] - 1)
        return (*path, name[-1])

    def _note(self, table: Path, key: Path, start: int) -> None:
        line = bisect_right(self._line_ends, start - 1) + 1
        for length in range(1, len(key) + 1):
            self._lines.setdefault((*table, *key[:length]), line)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise AssertionError(f"tomllib accepted what this scan cannot read, at offset {self._at}")
        self._at = match.end()
        return match[0]

    def _advance(self, count: int) -> int:
        start = self._at
        self._at += count
        return start
