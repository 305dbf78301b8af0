"""Which of two versions is newer: the part of PEP 440 that releases of Meshgate use."""

import re
from typing import Final

_FORM: Final = re.compile(r"(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})(?:(a|b|rc)(0|[1-9][0-9]{0,4}))?", re.ASCII)
_FINAL: Final = ("z", 0)  # after every candidate for it

Rank = tuple[int, int, int, str, int]


def rank(version: str) -> Rank:
    """Return what versions are compared by.

    Args:
        version: such as ``1.2.3`` or ``1.2.3rc1``.

    Raises:
        ValueError: it has another form.

    """
    found = _FORM.fullmatch(version)
    if found is None:
        raise ValueError(f"{version[:40]!r} is not a version such as 1.2.3")
    stage, number = (found[4], int(found[5])) if found[4] else _FINAL
    return int(found[1]), int(found[2]), int(found[3]), stage, number
