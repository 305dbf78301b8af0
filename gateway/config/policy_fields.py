"""The fields of one table of the policy, read with their lines and with every problem noted instead of raised."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from gateway.config.problems import Layer, Origin, Problem, described, nearest, quoted

_T = TypeVar("_T")
_KeyPath = tuple[str | int, ...]


class Fields:
    """One table.

    Args:
        data: what `tomllib` made of it.
        path: where it stands in the document.
        source: the file, for people.
        lines: the line of every key.
        problems: where problems are noted.

    """

    def __init__(
        self, data: Mapping[str, object], path: _KeyPath, source: str, lines: Mapping[_KeyPath, int], problems: list[Problem]
    ) -> None:
        self.data = data
        self.source = source
        self.problems = problems
        self._path = path
        self._lines = lines

    @property
    def line(self) -> int:
        """The line in which the table begins."""
        return self._lines.get(self._path, 1)

    def table(self, key: str) -> "Fields":
        """Return the table under a key, an empty one where it is missing or something else."""
        value = self.data.get(key, {})
        if not isinstance(value, dict):
            self.problem(key, f"this is a table, not {described(value)}", f"[{key}]")
            value = {}
        return Fields(value, (*self._path, key), self.source, self._lines, self.problems)

    def row(self, key: str, index: int, data: Mapping[str, object]) -> "Fields":
        """Return one table of an array of them."""
        return Fields(data, (*self._path, key, index), self.source, self._lines, self.problems)

    def problem(self, key: str, message: str, allowed: str = "", suggestion: str = "", index: int | None = None) -> None:
        """Note what is wrong with a key, with one element of its list, or, without a key, with the whole table."""
        path = (*self._path, *filter(None, (key,)), *(() if index is None else (index,)))
        origin = Origin(Layer.FILE, self.source, self._lines.get(path, self.line))
        self.problems.append(Problem(origin, _dotted(path), message, allowed, suggestion))

    def missing(self, key: str, message: str, allowed: str) -> None:
        """Note that something is not there."""
        origin = Origin(Layer.FILE, self.source, self.line)
        self.problems.append(Problem(origin, _dotted((*self._path, key)), message, allowed))

    def refuse_others(self, known: Sequence[str]) -> None:
        """Note every key that means nothing."""
        for key in self.data:
            if key not in known:
                self.problem(key, "there is no such key", ", ".join(known), nearest(key, known))

    def choice(self, key: str, known: Mapping[str, _T]) -> _T | None:
        """Return what one word stands for; None where there is none or a wrong one."""
        found = self._words(key, [self.data[key]], known) if key in self.data else []
        return found[0] if found else None

    def choices(
        self,
        key: str,
        known: Mapping[str, _T],
        most: int,
        otherwise: Callable[[str], _T | None] = lambda _: None,
        allowed: str = "",
    ) -> list[_T]:
        """Return what one word, or each of a list of words, stands for.

        Args:
            key: of the table.
            known: what the words stand for.
            most: elements in the list.
            otherwise: what a word stands for that is not known, None for nothing.
            allowed: for people, instead of the known words.

        """
        if key not in self.data:
            return []
        value = self.data[key]
        if not isinstance(value, list):
            return self._words(key, [value], known, otherwise, allowed)
        if not 1 <= len(value) <= most:
            self.problem(key, f"the list has {len(value)} elements", f"1 to {most}")
            return []
        return self._words(key, value, known, otherwise, allowed)

    def boolean(self, key: str) -> bool | None:
        """Return a truth value; None where there is none or something else."""
        value = self.data.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.problem(key, f"this cannot be {described(value)}", "true or false")
        return None

    def integer(self, key: str, least: int, most: int) -> int | None:
        """Return a whole number; None where there is none or something else."""
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.problem(key, f"this cannot be {described(value)}", f"a whole number from {least} to {most:,}")
        return None

    def _words(
        self,
        key: str,
        words: Collection[object],
        known: Mapping[str, _T],
        otherwise: Callable[[str], _T | None] = lambda _: None,
        allowed: str = "",
    ) -> list[_T]:
        found = []
        listed = isinstance(self.data[key], list)
        for index, word in enumerate(words):
            meant = (known[word] if word in known else otherwise(word)) if isinstance(word, str) else None
            if meant is None:
                close = nearest(word, known) if isinstance(word, str) else ""
                offer = allowed or " or ".join(map(quoted, known))
                self.problem(key, f"this cannot be {described(word)}", offer, quoted(close) if close else "", index if listed else None)
            else:
                found.append(meant)
        return found


def _dotted(path: _KeyPath) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
