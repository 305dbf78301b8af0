"""What the pages consist of beside HTML: style, scripts and the mark, under names that change with what is in them.

A browser may keep such a file for good: whatever changes has another name. Scripts name each other by their plain names in the
source and by these where they are served.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

KINDS: Final[Mapping[str, str]] = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
"""Of each ending the media type."""
_IMPORT: Final = re.compile(rb'(?<=from "\./)(\w+\.js)(?=";)')


@dataclass(frozen=True, slots=True)
class Asset:
    """One file.

    Args:
        name: as it is served.
        kind: media type.
        body: what is in it.

    """

    name: str
    kind: str
    body: bytes


@cache
def assets() -> Mapping[str, Asset]:
    """Return every file by its name in the source."""
    sources = {one.name: one.read_bytes() for one in (files("gateway.admin") / "static").iterdir() if one.name.rpartition(".")[2] in KINDS}
    found: dict[str, Asset] = {}

    def add(name: str) -> Asset:
        if name not in found:
            body = _IMPORT.sub(lambda match: add(match[1].decode()).name.encode(), sources[name])
            stem, _, ending = name.rpartition(".")
            found[name] = Asset(f"{stem}-{hashlib.sha256(body).hexdigest()[:12]}.{ending}", KINDS[ending], body)
        return found[name]

    for name in sorted(sources):
        add(name)
    return found


@cache
def served() -> Mapping[str, Asset]:
    """Return every file by the name it is served under."""
    return {one.name: one for one in assets().values()}


def address(name: str) -> str:
    """Return where a file of the source is served."""
    return f"/static/{assets()[name].name}"
