"""Writes values as TOML, which the standard library only reads."""

import re
from collections.abc import Mapping
from typing import Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
Value = str | bool | int | float | list[object] | dict[str, object]


def toml(table: Mapping[str, object], prefix: str = "") -> str:
    """Return a table as a TOML document: plain values first, then tables.

    Raises:
        ValueError: a value is of a kind that no setting has, such as a date.

    """
    lines = [f"{key(name)} = {inline(value)}" for name, value in table.items() if not isinstance(value, dict)]
    blocks = ["\n".join(([f"[{prefix}]"] if prefix else []) + lines)] if lines or (prefix and not table) else []
    for name, value in table.items():
        if isinstance(value, dict):
            blocks.append(toml(value, f"{prefix}.{key(name)}" if prefix else key(name)).rstrip("\n"))
    return "\n\n".join(filter(None, blocks)) + "\n"


def key(name: str) -> str:
    """Return a key in TOML's notation."""
    return name if _BARE.fullmatch(name) else quoted(name)


def inline(value: object) -> str:
    """Return one value on one line; raises `ValueError`."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(value)
        case str():
            return quoted(value)
        case list():
            return f"[{', '.join(map(inline, value))}]"
        case dict():
            return "{" + ", ".join(f"{key(name)} = {inline(one)}" for name, one in value.items()) + "}"
    raise ValueError(f"{type(value).__name__} is no kind of value that a setting has")


def quoted(text: str) -> str:
    """Return a text in quotes."""
    shown = "".join(
        f"\\u{ord(one):04x}" if ord(one) < 0x20 or ord(one) == 0x7F else one for one in text.replace("\\", "\\\\").replace('"', '\\"')
    )
    return f'"{shown}"'


def laid_over(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """Return a table with what another says put over it, table by table."""
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        merged[name] = laid_over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged
