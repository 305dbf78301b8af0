"""Changes a configuration file in place: comments and order stay, and nothing is written that could not be used."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from gateway.config.explain import effective, flat
from gateway.config.load import Loaded
from gateway.config.problems import nearest
from gateway.config.schema import KEYS
from gateway.config.writing import difference, put_in_place
from gateway.errors import ConfigError

Load = Callable[[Path, str | None], Loaded]
"""Loads the configuration as if a file had another text, None as it is; raises `ConfigError`."""

PLACES: Final = (
    ("gateway.state_dir", "control.socket"),
    ("transports.libp2p.identity_file", "policy.file"),  # by default they follow the first
)
"""Keys that say where this machine keeps what every gateway has."""

Value = str | int | float | bool | tuple[str, ...]


class UnknownKeyError(ConfigError):
    """There is no such key."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of the file does.

    Args:
        loaded: the configuration with it.
        diff: of the file, line by line.
        changed: keys whose value in force is another then.
        restart: of these, those for which the gateway has to start again.
        shadowed: keys that were written, and that another place says otherwise.

    """

    loaded: Loaded
    diff: str
    changed: tuple[str, ...]
    restart: tuple[str, ...]
    shadowed: tuple[str, ...]


class ConfigFile:
    """The file that is changed.

    Args:
        path: where it is; it need not exist yet.
        load: see `Load`.

    """

    def __init__(self, path: Path, load: Load) -> None:
        self.path = path
        self._load = load

    def loaded(self) -> Loaded:
        """Return the configuration as it stands in all its places now; raises `ConfigError`."""
        return self._load(self.path, None)

    def tag(self) -> str:
        """Return a word that is another whenever the configuration is; raises `ConfigError`."""
        return hashlib.sha256(f"{self._text()}\0{effective(self.loaded())}".encode()).hexdigest()[:32]

    def change(self, wanted: Mapping[str, Value | None], *, write: bool) -> Change:
        """Set keys, or take them out of the file where the value is None.

        Args:
            wanted: values by dotted key.
            write: whether to do it, or only to tell what it would do.

        Raises:
            UnknownKeyError: there is no such key.
            InvalidConfigError: the configuration could not be used with it; nothing was written.
            ConfigError: the file cannot be read or changed.

        """
        text = self._text()
        after = _edited(text, wanted)
        before, loaded = self.loaded(), self._load(self.path, after)
        old, new = effective_values(before), effective_values(loaded)
        changed = tuple(name for name in KEYS if old[name] != new[name])
        if write and after != text:
            put_in_place(self.path, after)
        return Change(
            loaded=loaded,
            diff=difference(text, after),
            changed=changed,
            restart=tuple(name for name in changed if KEYS[name].about.restart),
            shadowed=tuple(name for name, value in wanted.items() if value is not None and loaded.origin[name].name != str(self.path)),
        )

    def adopted(self, text: str) -> str:
        """Return another gateway's text of this file as it can be used here: files stay where they are on this machine.

        Raises:
            ConfigError: it cannot be used here.

        """
        before = effective_values(self.loaded())
        for places in PLACES:
            there = effective_values(self._load(self.path, text))
            text = _edited(text, {name: str(before[name]) for name in places if before[name] != there[name]})
        self._load(self.path, text)
        return text

    def _text(self) -> str:
        try:
            return self.path.read_text("utf-8-sig")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.path} cannot be read: {error}.") from error


def effective_values(loaded: Loaded) -> dict[str, object]:
    """Return every value in force by its dotted key."""
    return flat(loaded.config)


def _edited(text: str, wanted: Mapping[str, Value | None]) -> str:
    try:
        document = tomlkit.parse(text)
        for name, value in wanted.items():
            if name not in KEYS:
                meant = nearest(name, KEYS)
                raise UnknownKeyError(f"There is no key {name!r}." + (f" Did you mean {meant}?" if meant else ""))
            *tables, last = name.split(".")
            place: tomlkit.TOMLDocument | Table = document
            for table in tables:
                inner = place.get(table)
                if inner is None:
                    if value is None:
                        break
                    place[table] = tomlkit.table()
                    inner = place[table]
                place = inner
            else:
                _put(place, last, value)
    except TOMLKitError as error:
        raise ConfigError(f"The configuration file cannot be changed: {error}.") from error
    return tomlkit.dumps(document)


def _put(place: "tomlkit.TOMLDocument | Table", name: str, value: Value | None) -> None:
    if value is None:
        if name in place:
            del place[name]
        return
    place[name] = list(value) if isinstance(value, tuple) else value
