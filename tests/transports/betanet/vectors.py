"""The golden vectors of BetaNet, as the test files read them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "vectors" / "betanet"
FILES = sorted(path.stem for path in FOLDER.glob("*.json"))


@cache
def load(name: str) -> dict[str, Any]:
    """One file of `tests/vectors/betanet/`."""
    vectors: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return vectors


def unhex(text: str) -> bytes:
    """Bytes of a hex string."""
    return bytes.fromhex(text)
