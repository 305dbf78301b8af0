"""meshgate-reset on the boot partition: the page is set up anew, or the whole box is.

The file goes last, so that a power cut has everything done again. Before the first act the partition has to take writes:
a file that cannot be removed would erase the box at every start.
"""

import contextlib
from pathlib import Path
from typing import Final

from hw.durable import sync
from hw.erasing import erase
from hw.firstboot.box import Box
from hw.firstboot.errors import UnwritableError
from hw.firstboot.limits import MAX_RESET
from hw.firstboot.partition import writable
from hw.firstboot.record import DONE, REFUSED
from hw.firstboot.taking import forget_card

STEP: Final = "reset"
PAGE: Final = ("access.json", "access.json.*", ".access.json.*", "setup.code", ".setup.code.*")
"""Who may use the page, by pattern; sessions end with the gateway."""
_UNKNOWN: Final = (
    "meshgate-reset says something else than page or all, so nothing was reset. Empty it, or write one of these words into it."
)


def reset(box: Box) -> None:
    """Do what the file wants, if there is one; raises `OSError`."""
    wanted = _wanted(box.places.reset)
    if wanted is None:
        box.settle(STEP)
        return
    if wanted not in ("page", "all"):
        box.note(STEP, REFUSED, _UNKNOWN)
        return
    why = ""
    try:
        with writable(box.places.boot, box.run):
            why = _forget_all(box) if wanted == "all" else _forget_page(box)
            if not why:
                _tell(box, wanted)
                box.places.reset.unlink()
                sync(box.places.boot)
    except UnwritableError as error:
        why = str(error)
    if why:
        box.note(STEP, REFUSED, f"The reset was not done, or not all of it: {why}")


def _wanted(path: Path) -> str | None:
    """Return the word in the file, None if there is no file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_RESET + 1)
    except OSError:
        return None
    if len(data) > MAX_RESET:
        return "too long"
    return data.decode("utf-8-sig", "replace").strip("\0 \t\r\n").lower() or "page"


def _tell(box: Box, wanted: str) -> None:
    words = (
        "The box was reset: it knows nobody any more." if wanted == "all" else "The page was reset: it is set up anew with a setup code."
    )
    box.note(STEP, DONE, words)


def _forget_page(box: Box) -> str:
    for pattern in PAGE:
        for path in sorted(box.places.state.glob(pattern)):
            erase(path)
    _erase_info(box)
    return ""


def _forget_all(box: Box) -> str:
    """Settings first: the wipe has to find the state directory where the box, not somebody's file, has it."""
    places = box.places
    for path in (places.etc / "config.toml", *sorted((places.etc / "conf.d").glob("*.toml"))):
        with contextlib.suppress(FileNotFoundError):
            erase(path)
    if why := box.wipe():
        return why
    for path in sorted(places.ssh.glob("*")):
        erase(path)
    forget_card(box)
    _erase_info(box)
    return ""


def _erase_info(box: Box) -> None:
    for path in (box.places.info, box.places.done):
        with contextlib.suppress(FileNotFoundError):
            erase(path)
