"""What is in a backup: a fixed set of files, each with where it stands on the gateway that makes or restores it.

Rules:

* What makes a gateway who it is (keys, membership, the database with what it owes to whom) goes together: a restored gateway
  has all of it from the backup and nothing of its own.
* Rules and logins that a backup does not have stay: restoring one opens nothing that somebody has closed here.
* Keys and certificates the operator has put elsewhere are the operator's: an authority has signed for them. They are named.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.backup.errors import BackupError, Flaw
from gateway.backup.limits import MAX_BACKUP_CONFIG, MAX_BACKUP_LEFT, MAX_BACKUP_SMALL
from gateway.config import Config
from gateway.limits import MAX_BOOK, MAX_STORE_BYTES

CONFIG: Final = "config.toml"
STORE: Final = "store.db"


@dataclass(frozen=True, slots=True)
class Kind:
    """One of these files.

    Args:
        name: in the backup.
        most: bytes it may have.
        place: where it stands; None for the configuration, whose place the configuration does not know.
        who: whether it belongs to who the gateway is, and goes where the backup has none.
        remakes: whether a backup restored with another identity leaves it out.

    """

    name: str
    most: int
    place: Callable[[Config], Path] | None
    who: bool = False
    remakes: bool = False


def _state(name: str) -> Callable[[Config], Path]:
    return lambda config: config.gateway.state_dir / name


KINDS: Final = (
    Kind(CONFIG, MAX_BACKUP_CONFIG, None),
    Kind("identity.key", MAX_BACKUP_SMALL, _state("identity.key"), who=True, remakes=True),
    Kind("libp2p.key", MAX_BACKUP_SMALL, lambda config: config.transports.libp2p.identity_file, who=True, remakes=True),
    Kind("federation.book", MAX_BOOK, _state("federation.book"), who=True, remakes=True),
    Kind("websocket.key", MAX_BACKUP_SMALL, _state("websocket.key"), who=True, remakes=True),
    Kind("websocket.crt", MAX_BACKUP_SMALL, _state("websocket.crt"), who=True, remakes=True),
    Kind("page.key", MAX_BACKUP_SMALL, _state("page.key"), remakes=True),
    Kind("page.crt", MAX_BACKUP_SMALL, _state("page.crt"), remakes=True),
    Kind("access.json", MAX_BACKUP_SMALL, _state("access.json")),
    Kind("mqtt.key", MAX_BACKUP_SMALL, _state("mqtt.key")),
    Kind("mqtt.crt", MAX_BACKUP_SMALL, _state("mqtt.crt")),
    Kind("mqtt.password", MAX_BACKUP_SMALL, _state("mqtt.password")),
    Kind("policy.toml", MAX_BACKUP_SMALL, lambda config: config.policy.file),
    Kind("bridge-off", MAX_BACKUP_SMALL, _state("bridge-off")),
    Kind(STORE, MAX_STORE_BYTES, _state(STORE), who=True),
)
"""Every file a backup may have, in its order."""

BY_NAME: Final[Mapping[str, Kind]] = {one.name: one for one in KINDS}
MOST: Final[Mapping[str, int]] = {one.name: one.most for one in KINDS}
"""Bytes each may have."""


def place_of(kind: Kind, config: Config, config_file: Path | None) -> Path | None:
    """Return where a file stands here; None if there is no such place."""
    return config_file if kind.place is None else kind.place(config)


def gather(config: Config, config_file: Path | None) -> dict[str, bytes]:
    """Return the files that are there, but for the database; raises `BackupError` if one cannot be read."""
    found: dict[str, bytes] = {}
    for kind in KINDS:
        path = place_of(kind, config, config_file)
        if path is None or kind.name == STORE:
            continue
        try:
            with path.open("rb") as file:
                data = file.read(kind.most + 1)
        except FileNotFoundError:
            continue
        except OSError as error:
            remedy = "Run the command as the user the gateway runs as: sudo -u meshgate meshgate backup create FILE."
            raise BackupError(Flaw.DISK, f"{path} cannot be read: {error.strerror}.", remedy) from error
        if len(data) > kind.most:
            raise BackupError(Flaw.TOO_LARGE, f"{path} has more than {kind.most} bytes.", "A gateway would not use it.")
        found[kind.name] = data
    return found


def left_out(config: Config, config_file: Path | None) -> tuple[str, ...]:
    """Return the files this gateway uses that a backup does not have."""
    chosen = config.transports.websocket
    state = config.gateway.state_dir
    named = [path for path in (chosen.key_file, chosen.certificate_file, *chosen.authority_files) if path.parent != state]
    if config_file is not None:
        named += sorted((config_file.parent / "conf.d").glob("*.toml"))
    return tuple(str(path) for path in named if path.is_file())[:MAX_BACKUP_LEFT]
