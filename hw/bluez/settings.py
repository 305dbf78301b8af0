"""How the Bluetooth daemon of this machine is set up: its main.conf, and the options it was started with.

Read as BlueZ reads them (src/main.c of 5.66 and 5.82), from files that everybody may read.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

MAIN_CONF = "etc/bluetooth/main.conf"
DAEMON = "bluetoothd"
UNIT_PLACES = ("etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
UNIT = "bluetooth.service"
START_SLACK_S = 5.0  # seconds by which a file may be younger than the daemon that read it: both times are rounded


class MainConfError(ValueError):
    """A line that is neither a group, a key with a value, nor a comment."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} makes no sense")
        self.line = line


@dataclass(frozen=True, slots=True)
class DaemonOptions:
    """What bluetoothd was told on its command line."""

    without: tuple[str, ...] = ()  # patterns of plug-ins left out (-P)
    only: tuple[str, ...] = ()  # patterns of plug-ins loaded, all if empty (-p)
    experimental: bool = False  # -E
    config: str = ""  # -f

    def loads(self, plugin: str) -> bool:
        """Return whether a plug-in is loaded."""
        if any(fnmatchcase(plugin, pattern) for pattern in self.without):
            return False
        return not self.only or any(fnmatchcase(plugin, pattern) for pattern in self.only)


@dataclass(frozen=True, slots=True)
class BluezSettings:
    """Everything together."""

    options: DaemonOptions | None = None  # None: nobody knows how it is, or would be, started
    running: bool = False  # the options are those of a daemon that runs, not of the unit that would start it
    path: Path = Path("/", MAIN_CONF)
    values: Mapping[tuple[str, str], str] | None = field(default_factory=dict)  # by (group, key); None: the file cannot be read
    broken_line: int = 0  # of a file BlueZ takes nothing from, because this line makes no sense; 0: none
    newer: bool = False  # the file changed after the daemon that runs had read it

    def get(self, group: str, key: str) -> str | None:
        """Return one value, None where BlueZ's default holds."""
        return None if self.values is None else self.values.get((group, key))


def read_settings(root: Path = Path("/")) -> BluezSettings:
    """Return what can be seen of the daemon's settings; never raises."""
    process = _process(root / "proc")
    arguments = _arguments(process) if process is not None else _unit_arguments(root)
    options = None if arguments is None else parse_options(arguments)
    path = root / (options.config.lstrip("/") if options is not None and options.config else MAIN_CONF)
    values: Mapping[tuple[str, str], str] | None = {}  # BlueZ's defaults, where there is no file or no sense in it
    broken = 0
    try:
        values = parse_main_conf(path.read_text(errors="replace"))
    except FileNotFoundError:
        pass
    except OSError:
        values = None
    except MainConfError as error:
        broken = error.line
    newer = process is not None and _is_newer(path, process, root / "proc")
    return BluezSettings(options, process is not None, path, values, broken, newer)


def parse_options(arguments: Sequence[str]) -> DaemonOptions:
    """Return what a command line says; the program itself is not among the arguments."""
    without, only, experimental, config = "", "", False, ""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, given, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
        if name in {"-P", "--noplugin", "-p", "--plugin", "-f", "--configfile"}:
            text = value if given else (rest.pop(0) if rest else "")
            if name in {"-P", "--noplugin"}:
                without = text
            elif name in {"-p", "--plugin"}:
                only = text
            else:
                config = text
        elif name == "--experimental":
            experimental = True
        elif word.startswith("-") and not word.startswith(("--", "-d", "-K")):  # -d and -K take the rest of the word
            experimental = experimental or "E" in word
    return DaemonOptions(_patterns(without), _patterns(only), experimental, config)


def parse_main_conf(text: str) -> dict[tuple[str, str], str]:
    """Return the values of a main.conf by (group, key); the last of several wins.

    Raises:
        MainConfError: a line makes no sense, and BlueZ takes nothing from such a file.

    """
    values: dict[tuple[str, str], str] = {}
    group = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1]
        elif group and equals and key.strip():
            values[group, key.strip()] = value.strip()
        else:
            raise MainConfError(number)
    return values


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _process(proc: Path) -> Path | None:
    """Return where the daemon shows itself, None if it does not run or is hidden from us."""
    for process in sorted(proc.glob("[0-9]*")):
        try:
            if (process / "comm").read_text().strip() == DAEMON:
                return process
        except OSError:
            continue  # it ended meanwhile
    return None


def _arguments(process: Path) -> list[str] | None:
    try:
        line = (process / "cmdline").read_bytes()
    except OSError:
        return None
    return [word.decode(errors="replace") for word in line.rstrip(b"\0").split(b"\0")][1:]


def _unit_arguments(root: Path) -> list[str] | None:
    """Return what systemd would start: the unit's ExecStart, or that of the last drop-in that has one."""
    unit = next((root / place / UNIT for place in UNIT_PLACES if (root / place / UNIT).is_file()), None)
    if unit is None:
        return None
    drop_ins = {file.name: file for place in reversed(UNIT_PLACES) for file in (root / place / f"{UNIT}.d").glob("*.conf")}
    command = ""
    for file in (unit, *(drop_ins[name] for name in sorted(drop_ins))):
        try:
            lines = file.read_text(errors="replace").splitlines()
        except OSError:
            continue
        # An empty ExecStart= takes back what was said before.
        commands = [line.partition("=")[2].strip() for line in lines if line.replace(" ", "").startswith("ExecStart=")]
        command = commands[-1] if commands else command
    try:
        return shlex.split(command)[1:] if command else None
    except ValueError:
        return None


def _is_newer(file: Path, process: Path, proc: Path) -> bool:
    try:
        boot = next(float(line.split()[1]) for line in (proc / "stat").read_text().splitlines() if line.startswith("btime "))
        ticks = float((process / "stat").read_text().rpartition(")")[2].split()[19])  # field 22, counted after the name
        return file.stat().st_mtime > boot + ticks / os.sysconf("SC_CLK_TCK") + START_SLACK_S
    except (OSError, ValueError, IndexError, StopIteration):
        return False
