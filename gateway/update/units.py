"""Puts the units of a version where systemd looks for them, and takes them back."""

from pathlib import Path

from gateway.update.limits import MAX_UNIT
from gateway.update.manifest import UNITS
from gateway.update.tree import Tree
from hw.durable import put_in_place


def units_of(tree: Tree, version: str) -> dict[Path, bytes]:
    """Return a version's units by their places, relative to ``/``; raises `OSError`."""
    home = tree.of(version) / UNITS
    return {path.relative_to(home): _read(path) for path in sorted(home.rglob("*")) if path.is_file()}


def remember_units(tree: Tree, version: str, like: str, system: Path) -> None:
    """Keep what stands now where another version has units, for a version that came without any; raises `OSError`."""
    home = tree.of(version) / UNITS
    if home.is_dir():
        return
    made = home.with_name(".units.next")
    for place in units_of(tree, like):
        if (system / place).is_file():
            (made / place).parent.mkdir(parents=True, exist_ok=True)
            (made / place).write_bytes(_read(system / place))
    made.mkdir(exist_ok=True)
    made.rename(home)


def place_units(tree: Tree, version: str, instead_of: str, system: Path) -> bool:
    """Put a version's units in place of another's; may be done again after it was broken off.

    Returns:
        Whether any was another one before.

    Raises:
        OSError: one cannot be written.

    """
    if not (tree.of(version) / UNITS).is_dir():  # nobody has come so far as to replace them
        return False
    wanted = units_of(tree, version)
    is_changed = False
    for place, text in wanted.items():
        path = system / place
        if not path.is_file() or _read(path) != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            put_in_place(path, text, 0o644)
            is_changed = True
    for place in units_of(tree, instead_of).keys() - wanted.keys():
        is_changed = is_changed or (system / place).exists()
        (system / place).unlink(missing_ok=True)
    return is_changed


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_UNIT)
