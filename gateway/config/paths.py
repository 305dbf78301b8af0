"""Where Meshgate keeps and looks for things, as a system service and in a user's own run.

| what    | system service (FHS, systemd) | a user's own run (XDG)                      |
|---------|-------------------------------|---------------------------------------------|
| config  | /etc/meshgate                 | the same, then $XDG_CONFIG_HOME/meshgate    |
| state   | /var/lib/meshgate             | $XDG_STATE_HOME/meshgate                    |
| runtime | /run/meshgate                 | $XDG_RUNTIME_DIR/meshgate, else state + run |

A run is the system's when it is root's, when systemd hands over a state directory (`StateDirectory=` in the unit sets
$STATE_DIRECTORY), or when it is of the user who has /var/lib/meshgate: ``sudo -u meshgate meshgate wipe`` means the
service's gateway and no other. Nothing is ever put into /tmp.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import ConfigError

POLICY_FILE = "policy.toml"  # in the state directory, where nobody names another
SHIPPED = Path("/usr/lib/meshgate/conf.d")
SYSTEM_CONFIG = Path("/etc/meshgate")
SYSTEM_STATE = Path("/var/lib/meshgate")
SYSTEM_RUNTIME = Path("/run/meshgate")


@dataclass(frozen=True, slots=True)
class Places:
    """The directories of one run."""

    state: Path
    runtime: Path
    home: Path
    config: tuple[Path, ...] = (SYSTEM_CONFIG,)  # each with a config.toml and a conf.d, later wins
    shipped: Path = SHIPPED  # drop-ins of the package, read first


def places(env: Mapping[str, str], *, root: bool | None = None) -> Places:
    """The directories for this environment; `root` (default: ask the system) is whether root, or the service's own user, runs us.

    Raises:
        ConfigError: nobody knows where the home directory is.
    """
    home = _home(env)
    state = env.get("STATE_DIRECTORY", "").partition(":")[0]
    if state or (_is_system(os.geteuid()) if root is None else root):
        runtime = env.get("RUNTIME_DIRECTORY", "").partition(":")[0]
        return Places(state=Path(state or SYSTEM_STATE), runtime=Path(runtime or SYSTEM_RUNTIME), home=home)
    state_dir = _xdg(env, "XDG_STATE_HOME", home / ".local" / "state")
    return Places(
        state=state_dir,
        runtime=_xdg(env, "XDG_RUNTIME_DIR", state_dir / "run", name=""),
        home=home,
        config=(SYSTEM_CONFIG, _xdg(env, "XDG_CONFIG_HOME", home / ".config")),
    )


def config_files(path: Path | None, where: Places, also: Path | None = None) -> Iterator[Path]:
    """The files to read, least important first; `path` takes the place of every config.toml and conf.d but the shipped one.

    `path` and `also` are listed even if they are missing, the others only if they are there.

    Raises:
        OSError: a directory that is there cannot be read.
    """
    yield from _drop_ins(where.shipped)
    if path is not None:
        yield path
        yield from _drop_ins(path.parent / "conf.d", also)
        return
    for directory in where.config:
        if directory / "config.toml" == also or os.path.lexists(directory / "config.toml"):
            yield directory / "config.toml"
        yield from _drop_ins(directory / "conf.d", also)


def changed_file(path: Path | None, where: Places) -> Path:
    """The file in which settings are changed: the one that was named, else the most important that is there, else where it belongs."""
    if path is not None:
        return path
    files = [directory / "config.toml" for directory in where.config]
    return next((file for file in reversed(files) if os.path.lexists(file)), files[-1])


def expand(text: str, where: Places, directory: Path) -> Path:
    """A path as it was meant: ``~/`` is the home directory, anything relative starts at `directory`."""
    if text == "~" or text.startswith("~/"):
        return where.home / text[2:]
    return directory / text


def _is_system(user: int, state: Path = SYSTEM_STATE) -> bool:
    """Whether this user is root or has the system's state directory."""
    try:
        return user == 0 or user == state.stat().st_uid
    except OSError:
        return False


def _drop_ins(directory: Path, also: Path | None = None) -> list[Path]:
    drafted = {also} if also is not None and also.parent == directory else set()
    try:
        files = sorted({*directory.iterdir(), *drafted})
    except (FileNotFoundError, NotADirectoryError):
        files = sorted(drafted)
    # A leading dot marks what editors leave behind.
    return [file for file in files if file.suffix == ".toml" and not file.name.startswith(".")]


def _xdg(env: Mapping[str, str], variable: str, default: Path, *, name: str = "meshgate") -> Path:
    # The XDG rules say to ignore a relative path.
    value = env.get(variable, "")
    if value.startswith("/"):
        return Path(value) / "meshgate"
    return default / name if name else default


def _home(env: Mapping[str, str]) -> Path:
    if env.get("HOME"):
        return Path(env["HOME"])
    try:
        return Path.home()
    except RuntimeError as error:
        raise ConfigError("This user has no home directory. Set HOME to where Meshgate may keep its state.") from error
