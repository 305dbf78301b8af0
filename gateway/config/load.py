"""Reads the layers of the configuration, checks every value, and keeps where each came from.

Later wins: built-in defaults, ``/usr/lib/meshgate/conf.d/*.toml``, ``/etc/meshgate/config.toml``,
``/etc/meshgate/conf.d/*.toml`` (sorted), in a user's own run the same two under
``$XDG_CONFIG_HOME/meshgate``, variables ``MESHGATE_TABLE__KEY``, and ``--set table.key=value``.
A list replaces the list below it. Every value is checked, also one that a later layer replaces:
a file that is wrong is wrong whatever is laid over it.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from gateway.config.paths import Places, config_files, expand, places
from gateway.config.positions import positions
from gateway.config.problems import InvalidConfigError, Layer, Origin, Problem, described, nearest, quoted
from gateway.config.rules import contradictions
from gateway.config.schema import KEYS, TABLES, Config, Key

ENV_PREFIX = "MESHGATE_"

_Table = TypeVar("_Table", bound=msgspec.Struct)
_KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used, and its history."""

    config: Config
    origin: dict[str, Origin]  # by dotted key, every key of the schema
    files: tuple[Path, ...]  # that were read, least important first


def load(
    path: Path | None,
    env: Mapping[str, str],
    overrides: Sequence[str],
    *,
    where: Places | None = None,
    instead: tuple[Path, str] | None = None,
) -> Loaded:
    """Read and check the whole configuration.

    Args:
        path: a file to read in place of the system's (with the conf.d beside it), or None.
        env: the environment; only names that start with ``MESHGATE_`` are settings.
        overrides: ``table.key=value`` texts of the command line.
        where: the directories of this run, worked out from `env` if not given.
        instead: a file that is read as if it had another text, whether it is there or not.

    Raises:
        InvalidConfigError: with every problem found in every layer.
        ConfigError: there is no home directory.
    """
    where = where or places(env)
    reading = _Reading(where, instead)
    files = reading.read_files(path)
    for name in sorted(env):
        if name.startswith(ENV_PREFIX):
            dotted = name.removeprefix(ENV_PREFIX).lower().split("__")
            reading.read_text(dotted, env[name], Origin(Layer.ENVIRONMENT, name))
    for override in overrides:
        name, equals, text = override.partition("=")
        origin = Origin(Layer.COMMAND_LINE, f"--set {name}")
        if equals:
            reading.read_text(name.strip().split("."), text, origin)
        else:
            reading.problems.append(Problem(origin, "", "there is no = in it", "table.key=value"))
    return reading.finish(files)


@dataclass
class _Source:
    """One layer being read."""

    origin: Origin
    directory: Path  # relative paths start here
    lines: Mapping[_KeyPath, int] = field(default_factory=dict)

    def at(self, path: _KeyPath) -> Origin:
        return Origin(self.origin.layer, self.origin.name, self.lines.get(path))


class _Reading:
    def __init__(self, where: Places, instead: tuple[Path, str] | None = None) -> None:
        self._instead = instead
        self.problems: list[Problem] = []
        self._where = where
        self._values: dict[str, object] = {}
        self._origins: dict[str, Origin] = {}
        self._elements: dict[str, list[Origin]] = {}  # of lists

    def read_files(self, path: Path | None) -> tuple[Path, ...]:
        read = []
        try:
            for file in config_files(path, self._where, None if self._instead is None else self._instead[0]):
                read.append(file)
                self._read_file(file)
        except OSError as error:
            self.problems.append(Problem(Origin(Layer.FILE, str(error.filename)), "", f"cannot be read: {error.strerror}"))
        return tuple(read)

    def _read_file(self, file: Path) -> None:
        origin = Origin(Layer.FILE, str(file))
        try:
            other = self._instead[1] if self._instead is not None and self._instead[0] == file else None
            raw = file.read_bytes() if other is None else other.encode()
            text = raw.decode("utf-8-sig")
            data = tomllib.loads(text)
            lines = positions(text)
        except OSError as error:
            self.problems.append(Problem(origin, "", f"cannot be read: {error.strerror}"))
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            self.problems.append(Problem(Origin(Layer.FILE, str(file), line), "", "not valid UTF-8", "UTF-8 text"))
        except tomllib.TOMLDecodeError as error:
            message, line = syntax(str(error), text)
            self.problems.append(Problem(Origin(Layer.FILE, str(file), line), "", f"not valid TOML: {message}"))
        except RecursionError:
            self.problems.append(Problem(origin, "", "lists or tables are nested too deeply"))
        else:
            self._walk(data, (), _Source(origin, file.absolute().parent, lines))

    def read_text(self, path: Sequence[str], text: str, origin: Origin) -> None:
        """Take one value from an environment variable or an option."""
        key = KEYS.get(".".join(path))
        value: object = text
        # A text may stand bare, even if it looks like a number; a quote at its start asks for TOML.
        if key is None or key.is_list or key.type not in (str, Path) or text.lstrip().startswith(('"', "'")):
            try:
                value = _toml_value(text)
            except (ValueError, RecursionError):
                if text.lstrip().startswith(('"', "'", "[", "{")):
                    self.problems.append(Problem(origin, ".".join(path), f"{quoted(text)} is not a valid TOML value"))
                    return
        data: dict[str, object] = {path[-1]: value}
        for name in reversed(path[:-1]):
            data = {name: data}
        self._walk(data, (), _Source(origin, Path.cwd()))

    def _walk(self, table: Mapping[str, object], path: tuple[str, ...], source: _Source) -> None:
        for name, value in table.items():
            here = (*path, name)
            dotted = ".".join(here)
            if not name or "." in name:  # a quoted key with a dot in it is one name, not a path
                self.problems.append(_unknown(path, name, source.at(here)))
            elif dotted in KEYS:
                self._take(KEYS[dotted], value, here, source)
            elif dotted not in TABLES:
                self.problems.append(_unknown(path, name, source.at(here)))
            elif isinstance(value, dict):
                self._walk(value, here, source)
            else:
                keys = ", ".join(_names_in(dotted))
                self.problems.append(
                    Problem(source.at(here), dotted, f"this is a table, not {described(value)}", f"[{dotted}] with the keys {keys}")
                )

    def _take(self, key: Key, value: object, path: _KeyPath, source: _Source) -> None:
        known = len(self.problems)
        taken = self._check_list(key, value, path, source) if key.is_list else self._check(key, value, path, source)
        if len(self.problems) == known:
            self._values[key.name] = taken
            self._origins[key.name] = source.at(path)

    def _check_list(self, key: Key, value: object, path: _KeyPath, source: _Source) -> tuple[object, ...]:
        if not isinstance(value, list):
            problem = Problem(source.at(path), key.name, f"this must be a list, not {described(value)}", f'["…", "…"], each {key.allowed}')
            self.problems.append(problem)
            return ()
        if key.about.most is not None and len(value) > key.about.most:
            self.problems.append(Problem(source.at(path), key.name, f"the list has {len(value)} elements", f"at most {key.about.most}"))
        self._elements[key.name] = [source.at((*path, index)) for index in range(len(value))]
        for index, element in enumerate(value):
            if element in value[:index]:
                problem = Problem(source.at((*path, index)), f"{key.name}[{index}]", f"{described(element)} is listed twice")
                self.problems.append(problem)
        return tuple(self._check(key, element, (*path, index), source) for index, element in enumerate(value))

    def _check(self, key: Key, value: object, path: _KeyPath, source: _Source) -> object:
        label = key.name + "".join(f"[{part}]" for part in path if isinstance(part, int))
        taken = self._convert(key, value, source)
        if taken is None:
            suggestion = nearest(value, key.choices) if isinstance(value, str) else ""
            problem = Problem(
                source.at(path), label, f"this cannot be {described(value)}", key.allowed, f'"{suggestion}"' if suggestion else ""
            )
            self.problems.append(problem)
            return None
        if key.about.check:
            try:
                key.about.check(str(taken))
            except ValueError as error:
                self.problems.append(Problem(source.at(path), label, str(error).removesuffix("."), key.allowed))
        return taken

    def _convert(self, key: Key, value: object, source: _Source) -> object | None:
        """The value in its type, None if it has another; no key takes None."""
        if key.type is Path:
            usable = isinstance(value, str) and value and "\0" not in value
            return expand(str(value), self._where, source.directory) if usable else None
        try:
            return cast("object", msgspec.convert(value, key.type))
        except msgspec.ValidationError:
            return None

    def finish(self, files: tuple[Path, ...]) -> Loaded:
        values = {}
        for key in KEYS.values():
            if key.name in self._values:
                values[key.name] = self._values[key.name]
                continue
            values[key.name] = key.default
            self._origins[key.name] = Origin(Layer.DEFAULT)
            if key.about.default:
                path = key.about.default(self._where, Path(str(values.get("gateway.state_dir", self._where.state))))
                values[key.name] = self._check(key, str(path), (), _Source(Origin(Layer.DEFAULT), Path.cwd()))
        if self.problems:
            raise InvalidConfigError(self.problems)
        config = _build(Config, "", values)
        written = {name for name, origin in self._origins.items() if origin.layer is not Layer.DEFAULT}
        for found in contradictions(config, written):
            origin = self._origins[found.key] if found.index is None else self._elements[found.key][found.index]
            label = found.key if found.index is None else f"{found.key}[{found.index}]"
            self.problems.append(Problem(origin, label, found.message))
        if self.problems:
            raise InvalidConfigError(self.problems)
        return Loaded(config, {name: self._origins[name] for name in KEYS}, files)


def _build(table: type[_Table], prefix: str, values: Mapping[str, object]) -> _Table:
    made = {}
    for one in msgspec.structs.fields(table):
        name = f"{prefix}.{one.name}".lstrip(".")
        made[one.name] = _build(TABLES[name], name, values) if name in TABLES else values[name]
    return table(**made)


def _unknown(path: tuple[str, ...], name: str, origin: Origin) -> Problem:
    table = ".".join(path)
    siblings = _names_in(table)
    place = f"in [{table}]" if table else "at the top"
    shown = ".".join((*path, f'"{name}"' if "." in name or not name else name))
    return Problem(origin, shown, "there is no such key", f"{place}: {', '.join(siblings)}", _meant(table, name, siblings))


def _meant(table: str, name: str, siblings: list[str]) -> str:
    """The known key or table meant by a name: one of the same table if possible, else one that only stands elsewhere."""
    if name in KEYS:
        return name
    if close := nearest(name, siblings):
        return f"{table}.{close}".lstrip(".")
    elsewhere = {known.rpartition(".")[2]: known for known in reversed([*TABLES, *KEYS]) if known}  # of several, the first
    return elsewhere.get(nearest(name, elsewhere), "")


def _names_in(table: str) -> list[str]:
    return [one.name for one in msgspec.structs.fields(TABLES[table])]


def _toml_value(text: str) -> object:
    data = tomllib.loads(f"value = {text}")
    if len(data) != 1:
        raise ValueError("more than one value")
    return data["value"]


def syntax(message: str, text: str) -> tuple[str, int]:
    """The message of tomllib without its place, and the line."""
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    what = message[: found.start()] if found else message
    line = int(found[1]) if found and found[1] else text.rstrip("\n").count("\n") + 1
    return what[:1].lower() + what[1:], line
