"""Shows a configuration to a person: a file to start from, the values in force, and where each came from."""

import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import msgspec
import tomlkit

from gateway.config.load import Loaded
from gateway.config.paths import SYSTEM_RUNTIME, SYSTEM_STATE, Places
from gateway.config.schema import KEYS, TABLES, Config, Key

_WIDTH = 80  # columns
_PREAMBLE = (
    "Meshgate's configuration. Every key stands here with its default; to change one, take the # away and write another value. "
    "`meshgate config check` tells whether it works."
)
_SERVICE = Places(state=SYSTEM_STATE, runtime=SYSTEM_RUNTIME, home=Path("/"))


def example() -> str:
    """A complete configuration file in which everything is explained and only the version is set."""
    blocks = [_comment(_PREAMBLE)]
    for prefix, table in TABLES.items():
        keys = [key for key in KEYS.values() if key.name.rpartition(".")[0] == prefix]
        if not keys:
            continue
        if prefix:
            blocks.append(f"{_comment(sentence(table))}\n[{prefix}]")
        blocks += [_example_of(key) for key in keys]
    return "\n\n".join(blocks) + "\n"


def effective(loaded: Loaded) -> str:
    """The values in force, as a TOML document."""
    blocks = []
    values = flat(loaded.config)
    for prefix in TABLES:
        lines = [f"{name.rpartition('.')[2]} = {toml(value)}" for name, value in values.items() if name.rpartition(".")[0] == prefix]
        if lines:
            blocks.append("\n".join([f"[{prefix}]", *lines] if prefix else lines))
    return "\n\n".join(blocks) + "\n"


def origins(loaded: Loaded) -> list[tuple[str, str, str]]:
    """Key, value as TOML, and where it came from, for every key."""
    return [(name, toml(value), str(loaded.origin[name])) for name, value in flat(loaded.config).items()]


def document(loaded: Loaded, *, with_origin: bool) -> dict[str, object]:
    """The same for `--json`; tables stay nested under ``config``, origins are by dotted key."""
    shown: dict[str, object] = {
        "config": msgspec.to_builtins(loaded.config, enc_hook=str),
        "files": [str(file) for file in loaded.files],
    }
    if with_origin:
        shown["origin"] = {
            name: {"layer": origin.layer.value, "where": origin.name or None, "line": origin.line} for name, origin in loaded.origin.items()
        }
    return shown


def flat(config: Config) -> dict[str, object]:
    """Every value by its dotted key."""
    values = {}
    for name in KEYS:
        value: object = config
        for part in name.split("."):
            value = getattr(value, part)
        values[name] = value
    return values


def toml(value: object) -> str:
    """One value in TOML's notation, on one line."""
    match value:
        case Path():
            return toml(str(value))
        case Enum():
            return toml(value.value)
        case tuple():
            return f"[{', '.join(map(toml, value))}]"
        case _:
            return tomlkit.item(value).as_string()


def sentence(table: type[msgspec.Struct]) -> str:
    """What a table is about."""
    return (table.__doc__ or "").partition("\n")[0]


def facts(key: Key) -> Iterator[tuple[str, str]]:
    """What is to be known about a key beside its sentence: label and text."""
    yield ("Each element" if key.is_list else "Allowed"), key.allowed
    if key.about.most is not None:
        yield "At most", f"{key.about.most} elements"
    if key.about.unit:
        yield "Unit", key.about.unit
    yield "Default", key.about.default_words or toml(key.default)
    yield "A change", "takes effect after a restart" if key.about.restart else "takes effect when the gateway is told to reload"


def _example_of(key: Key) -> str:
    name = key.name.rpartition(".")[2]
    words = " ".join([key.about.sentence, *(f"{label}: {text}." for label, text in facts(key) if label in {"Allowed", "Each element"})])
    default = key.default
    if key.about.default:
        default = key.about.default(_SERVICE, _SERVICE.state)
        words += f" Default: {key.about.default_words}."
    # The version is set, so that a later Meshgate knows how to read the file.
    hidden = "" if key.name == "config_version" else "# "
    return f"{_comment(words)}\n{hidden}{name} = {toml(default)}"


def _comment(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False)
