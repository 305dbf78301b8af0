"""Backups made at no cost, and gateways that are nothing but files."""

import io
from pathlib import Path
from random import Random

from gateway.backup.container import Opening, Sealing
from gateway.backup.passphrase import Cost
from gateway.config import Config, load
from gateway.config.editing import ConfigFile

PASSPHRASE = "seven quiet herons wade"  # noqa: S105 -- of nothing that exists
CHEAP = Cost(8, 1, 1)


def sealed(content: bytes, passphrase: str = PASSPHRASE, seed: int = 1) -> bytes:
    """A container with these bytes in it."""
    file = io.BytesIO()
    sealing = Sealing(file, passphrase, Random(seed).randbytes, CHEAP)
    sealing.write(content)
    sealing.close()
    return file.getvalue()


def opened(data: bytes, size: int, passphrase: str = PASSPHRASE) -> bytes:
    """What is in it, all of it."""
    opening = Opening(io.BytesIO(data), passphrase)
    found = opening.read(size)
    opening.end()
    return found


class Files:
    """The files of a gateway that does not run.

    Args:
        directory: its home.
        text: of its configuration, without the places.

    """

    def __init__(self, directory: Path, text: str = "") -> None:
        directory.mkdir()
        self.state = directory / "state"
        self.state.mkdir(mode=0o700)
        self.path = directory / "config.toml"
        places = f'[gateway]\nnickname = "{directory.name}"\nstate_dir = "{self.state}"\n[control]\nsocket = "{directory}/control.sock"\n'
        self.path.write_text(f"# of {directory.name}\n{places}{text}")

    @property
    def file(self) -> ConfigFile:
        return ConfigFile(
            self.path,
            lambda path, text: load(path, {"HOME": "/nowhere"}, (), instead=None if text is None else (path, text)),
        )

    @property
    def config(self) -> Config:
        return self.file.loaded().config

    def content(self) -> dict[str, bytes]:
        """Every file below, by its path."""
        home = self.path.parent
        return {str(path.relative_to(home)): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}
