"""Whether a box that was made by our image did what its card says."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.doctor.finding import Finding, ok, unknown, warn
from hw.firstboot.overlay import in_force
from hw.firstboot.places import Places
from hw.firstboot.record import Record, read_record

_STEPS = {
    "card": "what meshgate.toml wants",
    "erasing": "erasing secrets from meshgate.toml",
    "grow": "growing the partition",
    "hotspot": "the hotspot",
    "info": "meshgate-info.txt",
    "join": "joining the federation",
    "read-only": "the read-only root",
    "reset": "the reset",
    "secrets": "keys of its own",
}


@dataclass(frozen=True, slots=True)
class ApplianceFacts:
    """How it is with such a box.

    Attributes:
        record: what its first boot did.
        overlay: the root has a layer in memory over it; None if that cannot be seen.

    """

    record: Record
    overlay: bool | None


def look_at_appliance(state: Path, root: Path = Path("/")) -> ApplianceFacts | None:
    """Return what can be seen, None for a box that is none of ours."""
    record = read_record(state / "firstboot.json")
    if not Places(root).is_appliance and not record.events:
        return None
    return ApplianceFacts(record, in_force(root))


def check_appliance(facts: ApplianceFacts) -> Iterator[Finding]:
    """What the card wants was done, and a restart forgets what it should."""
    for step, why in facts.record.refused.items():
        remedy = "Put it right on the card's boot partition, and start the box again."
        yield warn("firstboot", f"Not done: {_STEPS.get(step, step)}. {why}", remedy, step)
    if not facts.record.refused:
        yield ok("firstboot", "Everything the first boot and the files on the card want was done.")
    check = "root.overlay"
    if facts.overlay is None:
        yield unknown(check, "Whether the root of the file system is read only cannot be seen.")
    elif facts.overlay:
        yield ok(check, "The root of the file system is read only; what is changed there is forgotten at the next start.")
    else:
        yield ok(check, "The root of the file system takes changes: read_only in meshgate.toml would end that.")
