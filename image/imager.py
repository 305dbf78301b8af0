"""Writes the manifest by which Raspberry Pi Imager 2 offers an image with its customisation: a double click on it is enough.

Imager refuses an image whose hash is another, and shows no customisation for an image without a manifest.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

BOARDS: Final = ("pi3-64bit", "pi4-64bit")
"""What runs the image of Debian's packages, by Imager's words; a Zero 2 W is a pi3."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_TEXTS: Final = ("name", "description", "url", "release_date", "extract_sha256", "image_download_sha256", "init_format")
_FORMATS: Final = ("none", "systemd", "cloudinit", "cloudinit-rpi", "rpi-preseed")
_MOST: Final = 64 << 30  # bytes; the largest card anybody is asked to have


@dataclass(frozen=True, slots=True)
class Offer:
    """One image, as Imager shows it.

    Args:
        name: of the image.
        description: a sentence.
        image: before it was compressed.
        packed: what is downloaded, beside the manifest.
        epoch: when it was made, seconds since 1970.
        boards: that it runs on.
        where: address of the directory it is downloaded from; empty: beside the manifest.

    """

    name: str
    description: str
    image: Path
    packed: Path
    epoch: int
    boards: tuple[str, ...] = BOARDS
    where: str = ""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits. Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(offer: Offer, out: Path) -> None:
    """Write a manifest. Raises `ValueError` if Imager would not take it."""
    entry = {
        "name": offer.name,
        "description": offer.description,
        "url": f"{offer.where.rstrip('/')}/{offer.packed.name}" if offer.where else offer.packed.name,
        "release_date": datetime.fromtimestamp(offer.epoch, UTC).date().isoformat(),
        "extract_size": offer.image.stat().st_size,
        "extract_sha256": sha256(offer.image),
        "image_download_size": offer.packed.stat().st_size,
        "image_download_sha256": sha256(offer.packed),
        "devices": list(offer.boards),
        "init_format": "cloudinit",
        "architecture": "armv8",
    }
    document = {"os_list": [entry]}
    wrong = problems(document)
    if wrong:
        raise ValueError(f"Imager would not take this manifest: {'; '.join(wrong)}.")
    out.write_text(json.dumps(document, indent=1) + "\n")


def problems(document: Any) -> list[str]:
    """Say what Imager would not take of a manifest."""
    entries = document.get("os_list") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        return ["os_list is not a list of images"]
    return [f"os_list[{number}]: {said}" for number, entry in enumerate(entries) for said in _entry(entry)]


def _entry(entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return ["it is no table"]
    said = [f"{name} is not a text" for name in _TEXTS if not isinstance(entry.get(name), str) or not entry[name]]
    said += [f"{name} is no SHA-256" for name in ("extract_sha256", "image_download_sha256") if not _SHA256.fullmatch(str(entry.get(name)))]
    for name in ("extract_size", "image_download_size"):
        value = entry.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _MOST:
            said.append(f"{name} is no number of bytes")
    if isinstance(entry.get("extract_size"), int) and entry["extract_size"] % 512:
        said.append("extract_size is not a whole number of sectors")
    boards = entry.get("devices")
    if not isinstance(boards, list) or not boards or not all(isinstance(board, str) and board for board in boards):
        said.append("devices names no board")
    if not _DATE.fullmatch(str(entry.get("release_date"))):
        said.append("release_date is no date")
    if entry.get("init_format") not in _FORMATS:
        said.append(f"init_format is none of {', '.join(_FORMATS)}")
    if entry.get("architecture") not in {"armv6", "armv7", "armv8"}:
        said.append("architecture is none that Imager knows")
    return said
