"""Takes meshgate.toml: checked as a whole, decided in one write, put in place, and its secrets erased from the card.

| phase | what is done | after a power cut |
|---|---|---|
| `placing` | settings, setup code, ticket and password are put where they belong | done again |
| `erasing` | the file is overwritten, written without secrets, renamed | done again |
"""

import contextlib
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from hw.durable import put_in_place, sync
from hw.erasing import erase
from hw.firstboot.box import Box
from hw.firstboot.document import laid_over, toml
from hw.firstboot.errors import RefusedError, UnwritableError
from hw.firstboot.kept import Kept, Pending, Phase, read_kept, write_kept
from hw.firstboot.limits import MAX_CARD
from hw.firstboot.partition import overwritten, writable
from hw.firstboot.record import DONE, REFUSED
from hw.firstboot.wishes import TABLE, Wishes, parse

STEP: Final = "card"
ERASING: Final = "erasing"
_SECRET: Final = {"password", "key"}  # in the tables of [appliance]
_NOTE: Final = "# What this file said was taken, and secrets were erased from it. To change something, write a new meshgate.toml.\n\n"
_DRAFTED: Final = "# Taken from meshgate.toml on the boot partition. A new one there changes what it names; a reset removes this file.\n\n"


def take_card(box: Box) -> None:
    """Take the file if there is one, or go on where the power went; raises `OSError`."""
    kept = read_kept(box.places.kept)
    if kept.phase is Phase.PLACING:
        kept = _place(box, kept)
    if kept.phase is Phase.ERASING:
        kept = _clear(box, kept)
    data = _read(box.places.card)
    if data is None or kept.phase is not Phase.IDLE:
        if data is None:
            box.settle(STEP)
        return
    try:
        pending, wanted = _decide(box, data, kept)
    except RefusedError as error:
        _refuse(box, str(error))
        return
    kept = replace(kept, phase=Phase.PLACING, box=wanted, pending=pending)
    write_kept(box.places.kept, kept)
    _clear(box, _place(box, kept))


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(MAX_CARD + 1)
    except OSError:
        return None


def _decide(box: Box, data: bytes, kept: Kept) -> tuple[Pending, dict[str, object]]:
    """Return what follows from the file; raises `RefusedError`."""
    wishes = parse(data, box.places.root / "usr/share/zoneinfo")
    settings = wishes.settings
    if "mqtt_password" in wishes.once:
        settings = laid_over({"mqtt": {"password_file": str(box.places.mqtt_password)}}, settings)
    drop_in = ""
    if settings:
        try:
            drop_in = _DRAFTED + toml(laid_over(_settings_before(box.places.drop_in), settings))
        except ValueError as error:
            raise RefusedError(f"The settings cannot be used: {error}.") from None
        if why := box.accepts(drop_in):
            raise RefusedError(f"The settings cannot be used. {why}")
    digest = hashlib.sha256(data).hexdigest()
    return Pending(digest, wishes.once, drop_in, _left(wishes)), laid_over(kept.box, wishes.box)


def _settings_before(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _left(wishes: Wishes) -> str:
    """Return what is to stand in the file: everything but comments and secrets."""
    shown = {name: _without_secrets(value) for name, value in wishes.box.items()}
    return _NOTE + toml({**({TABLE: shown} if shown else {}), **wishes.settings})


def _without_secrets(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: one for name, one in value.items() if name not in _SECRET}
    return value


def _place(box: Box, kept: Kept) -> Kept:
    """Put in place what was decided; may be done again."""
    places, once = box.places, kept.pending.once
    if kept.pending.drop_in:
        places.drop_in.parent.mkdir(parents=True, exist_ok=True)
        put_in_place(places.drop_in, kept.pending.drop_in.encode(), 0o644)
    for name, path in (("setup_code", places.code), ("ticket", places.ticket), ("mqtt_password", places.mqtt_password)):
        if name in once:
            box.put_state(path.name, f"{once[name]}\n".encode())
    box.note(STEP, DONE, "The settings in meshgate.toml were taken.")
    after = replace(kept, phase=Phase.ERASING, pending=replace(kept.pending, once={}, drop_in=""))
    write_kept(places.kept, after)
    return after


def _clear(box: Box, kept: Kept) -> Kept:
    """Erase the secrets from the boot partition; may be done again."""
    places, pending = box.places, kept.pending
    data = _read(places.card)
    if data is not None and not _is_another(data, pending):
        try:
            with writable(places.boot, box.run):
                overwritten(places.card, pending.left.encode())
                places.card.replace(places.done)
                sync(places.boot)
                with contextlib.suppress(FileNotFoundError):
                    places.problem.unlink()
        except UnwritableError as error:
            box.note(ERASING, REFUSED, f"Secrets still stand in meshgate.toml: take the card out and remove the file. {error}")
            return kept
    box.settle(ERASING)
    after = replace(kept, phase=Phase.IDLE, pending=Pending())
    write_kept(places.kept, after)
    return after


def _is_another(data: bytes, pending: Pending) -> bool:
    """Whether somebody has written a new file since: it is neither the one that was taken nor what a power cut left of it."""
    if hashlib.sha256(data).hexdigest() == pending.digest or pending.left.encode().startswith(data):
        return False
    try:
        tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(box: Box, why: str) -> None:
    """Say why, where whoever holds the card finds it; the old settings stay."""
    sentence = f"meshgate.toml was not taken, and nothing of it: {why}"
    box.note(STEP, REFUSED, sentence)
    text = f"{sentence}\n\nChange the file, put the card back, and start the box again.\n".encode()
    if _read(box.places.problem) == text:
        return
    with contextlib.suppress(UnwritableError), writable(box.places.boot, box.run):
        overwritten(box.places.problem, text)


def forget_card(box: Box) -> None:
    """Erase what was kept of cards; raises `OSError`."""
    for path in (box.places.drop_in, box.places.kept):
        with contextlib.suppress(FileNotFoundError):
            erase(path)
