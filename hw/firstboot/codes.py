"""Codes that the box makes for somebody to read and type."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without what is mistaken for something else: 0 O, 1 I L, U V."""
CODE_LETTERS: Final = 9  # of 30: 44 bits, of which a stranger tries a few
KEY_LETTERS: Final = 12  # 58 bits: whoever has recorded a phone's handshake can try without asking us
NAME_LETTERS: Final = 4
KEPT: Final = "setup.code"
"""Name of the file with the first setup code, in the state directory."""
_LONGEST: Final = 64  # bytes of it


def letters(count: int, randbytes: Callable[[int], bytes]) -> str:
    """Return that many, each as likely as the others."""
    found = ""
    while len(found) < count:
        byte = randbytes(1)[0]
        if byte < 256 // len(ALPHABET) * len(ALPHABET):
            found += ALPHABET[byte % len(ALPHABET)]
    return found


def grouped(code: str, size: int) -> str:
    """Return a code as it is shown."""
    return "-".join(code[at : at + size] for at in range(0, len(code), size))


def read_code(path: Path) -> str:
    """Return the setup code that is kept, empty if there is none."""
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("ascii", "replace").strip()
    except OSError:
        return ""
