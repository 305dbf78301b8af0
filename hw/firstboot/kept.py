"""appliance.json: what is kept of the card, what the box has made for itself, and how far a card was taken. Root's alone."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from hw.durable import put_in_place
from hw.firstboot.limits import MAX_KEPT


class Phase(StrEnum):
    """How far a card was taken."""

    IDLE = "idle"
    PLACING = "placing"  # what the card wants was decided, and is being put where it belongs
    ERASING = "erasing"  # all of it is there; the card's secrets are being erased


@dataclass(frozen=True, slots=True)
class Pending:
    """A card that is being taken.

    Attributes:
        digest: SHA-256 of meshgate.toml as it was.
        once: what is used up; empty once it was put in place.
        drop_in: the gateway's settings, as TOML.
        left: what is to be left of the file, without secrets.

    """

    digest: str = ""
    once: Mapping[str, str] = field(default_factory=dict)
    drop_in: str = ""
    left: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """All of it.

    Attributes:
        phase: of taking a card.
        box: what the owner wants of the box, by key of [appliance].
        pending: the card that is being taken.
        hotspot_name: of the box's own Wi-Fi network.
        hotspot_key: the key the box has made for it.

    """

    phase: Phase = Phase.IDLE
    box: Mapping[str, object] = field(default_factory=dict)
    pending: Pending = Pending()
    hotspot_name: str = ""
    hotspot_key: str = ""

    def table(self, name: str) -> Mapping[str, object]:
        """Return one table of what the owner wants, empty if it is not there."""
        found = self.box.get(name)
        return found if isinstance(found, dict) else {}

    def text(self, name: str) -> str:
        """Return one text of what the owner wants, empty if it is not there."""
        return str(self.box.get(name) or "")


def read_kept(path: Path) -> Kept:
    """Return what the file says; nothing if it is not there or damaged, since it is written as a whole or not at all."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MAX_KEPT + 1))
        pending = found["pending"]
        return Kept(
            Phase(found["phase"]),
            dict(found["box"]),
            Pending(str(pending["digest"]), dict(pending["once"]), str(pending["drop_in"]), str(pending["left"])),
            str(found["hotspot_name"]),
            str(found["hotspot_key"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Kept()


def write_kept(path: Path, kept: Kept) -> None:
    """Put it in place; raises `OSError`."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    put_in_place(path, json.dumps(asdict(kept), ensure_ascii=False).encode(), 0o600)
