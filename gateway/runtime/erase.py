"""The panic wipe: what a gateway knows is overwritten and removed, so that nothing but the operator's rules is left of it.

Rules:

* Keys go first: if the power fails meanwhile, the rest belongs to nobody.
* A directory called ``meshgate``, the default everywhere, is the gateway's alone, and everything in it goes. In one of another
  name only what Meshgate makes goes; the rest is named, so that somebody can look at it.
* The operator's rules stay, and that the bridge was switched off: a gateway that forgets them would let more cross than before.
* What could not be erased is told, and nothing is told erased that is not.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.admin.wipe import WipeDocument, WipeFailure
from gateway.config import Config
from gateway.runtime.steering import NOTE_FILE
from hw.erasing import erase as erase_file

OURS: Final = "meshgate"  # the name of a directory that is the gateway's alone
MADE: Final = (
    *("identity.key", ".identity.key.*", "access.json", ".access.json.*", "access.json.*", "page.key", ".page.key.*"),
    *("libp2p.key", ".libp2p.key.*", "websocket.key", ".websocket.key.*"),
    *("federation.book", ".federation.book.*", "store.db-*", "store.db", "store.db.*"),
    *("websocket.crt", ".websocket.crt.*", "page.crt", ".page.crt.*", "clock", "update.seen", ".update.seen.*"),
    *("setup.code", ".setup.code.*", "card.ticket", ".card.ticket.*", "firstboot.json", ".firstboot.json.*"),
    *("firstboot.seen", ".firstboot.seen.*", ".store.db.*", ".backups/*", ".restore/*", ".restore.draft/*"),
)
"""What Meshgate makes in its state directory, by pattern, in the order in which it is erased."""


def belongings(config: Config) -> tuple[list[Path], list[Path]]:
    """Return the files a wipe erases, in their order, and those it leaves alone."""
    state, chosen = config.gateway.state_dir, config.transports
    found = dict.fromkeys(path for pattern in MADE for path in sorted(state.glob(pattern)) if _is_file(path))
    if _is_file(chosen.libp2p.identity_file):
        found = dict.fromkeys((chosen.libp2p.identity_file, *found))
    kept = {config.policy.file, state / NOTE_FILE}
    rest = [path for path in sorted(_files(state)) if path not in found and path not in kept]
    if state.name == OURS:
        return [*found, *rest], _elsewhere(config, state)
    return list(found), [*rest, *_elsewhere(config, state)]


def erase(config: Config) -> WipeDocument:
    """Overwrite and remove everything a gateway with this configuration knows; never raises for what the disk says.

    The gateway must not be running. A file that another process still holds open is empty for it as well.
    """
    files, left = belongings(config)
    erased, failed = [], []
    for path in files:
        try:
            erase_file(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            failed.append(WipeFailure(str(path), error.strerror or str(error)))
        else:
            erased.append(str(path))
    for directory in {path.parent for path in files}:
        _sync(directory)
    return WipeDocument(tuple(erased), tuple(map(str, left)), tuple(failed))


def _files(directory: Path) -> Iterator[Path]:
    """Everything below that is a file or a link to one; sockets are the running system's."""
    for folder, _folders, names in os.walk(directory):
        yield from (path for name in names if _is_file(path := Path(folder) / name))


def _is_file(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _elsewhere(config: Config, state: Path) -> list[Path]:
    """Return the operator's own keys: an authority has signed for them, and other programs may use them."""
    chosen, page = config.transports.websocket, config.page
    theirs = (chosen.key_file, chosen.certificate_file, page.key_file, page.certificate_file)
    return [path for path in theirs if _is_file(path) and not path.is_relative_to(state)]


def _sync(directory: Path) -> None:
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
