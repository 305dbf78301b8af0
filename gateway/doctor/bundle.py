"""The support archive: what somebody who helps needs to know, and nobody's name, words, place or key.

Only what is on a list goes in: figures, states, yes and no. Texts are left out, and what remains goes through
`gateway.doctor.redact` once more. There are no logs in it: what they say is decided elsewhere.
"""

import gzip
import io
import json
import os
import platform
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import IO

import msgspec

from gateway.config import Loaded
from gateway.config.explain import flat
from gateway.config.schema import KEYS
from gateway.doctor.finding import Finding
from gateway.doctor.redact import redact
from gateway.status import GatewayStatus
from hw.board import read_board

README = """What `meshgate doctor --bundle` has packed for whoever helps you. Read it before you send it.

doctor.json    what the doctor found
versions.json  software, system and board
config.json    switches and numbers of the configuration; of texts only whether they are set
status.json    figures of the running gateway, if one runs
service.json   how systemd sees its units, if it does

Left out or replaced by "…": nicknames, messages, peer IDs, addresses, places, keys, tickets, host and user names, logs.
"""
_UNITS = ("meshgate.service", "meshgate.socket", "meshgate-recover.socket", "bluetooth.service")
_SHOWN = ("ActiveState", "SubState", "Result", "NRestarts", "ExecMainStatus", "UnitFileState", "MemoryCurrent")
_DISTRIBUTIONS = ("meshgate", "libp2p", "bleak", "dbus-fast", "aiohttp", "cryptography")
_PATIENCE_S = 5.0


def documents(loaded: Loaded, findings: Sequence[Finding], status: GatewayStatus | None, bluez: str) -> dict[str, str]:
    """Return the archive's files by name.

    Args:
        loaded: the configuration.
        findings: what the doctor found.
        status: of the running gateway, None if none runs.
        bluez: version of the Bluetooth daemon, in words.

    """
    parts: dict[str, object] = {
        "doctor.json": msgspec.to_builtins(findings),
        "versions.json": _versions(bluez),
        "config.json": _config(loaded),
        "service.json": _services(),
    }
    if status is not None:
        parts["status.json"] = figures(status)
    words = secrets_of(loaded, status)
    found = {name: json.dumps(_redacted(part, words), indent=1, ensure_ascii=False) for name, part in parts.items()}
    return {"README.txt": README, **found}


def secrets_of(loaded: Loaded, status: GatewayStatus | None) -> set[str]:
    """Return the words that must not be in the archive: names of people, sites, this box and its owner."""
    config = loaded.config
    found = {config.gateway.nickname, config.bridge.cell, *config.bridge.geohash_channels, socket.gethostname(), *_home()}
    if status is not None:
        found |= {status.peer_id, *(peer.nickname for peer in status.mesh.peers), *(peer.peer_id for peer in status.mesh.peers)}
    return found - {"meshgate", "Meshgate", "root", "localhost"}


def figures(status: GatewayStatus) -> dict[str, object]:
    """Return the figures of a status, and nothing that names anybody."""
    return {
        "uptime_s": status.uptime_s,
        "problems": len(status.problems),
        "waiting_bytes": status.waiting_bytes,
        "shed_frames": status.shed_frames,
        "mesh": {
            "links": status.mesh.links,
            "peers": {
                "near": sum(one.local for one in status.mesh.peers),
                "direct": sum(one.direct for one in status.mesh.peers),
                "elsewhere": sum(one.remote for one in status.mesh.peers),
            },
            "counters": dict(status.mesh.counters),
            "drops": dict(status.mesh.drops),
        },
        "bridge": {
            "mode": status.bridge.mode.value,
            "is_closed": status.bridge.is_closed,
            "sites": status.bridge.sites,
            "crossed_out": status.bridge.crossed_out,
            "crossed_in": status.bridge.crossed_in,
            "passed_on": status.bridge.passed_on,
            "drops": dict(status.bridge.drops),
            "counters": dict(status.bridge.counters),
            "consent": dict(status.bridge.consent.counters),
            "rules": status.bridge.policy.rules,
        },
        "transports": {
            name: {"state": one.state.value, "links": one.links, "addresses": len(one.addresses), "counters": dict(one.counters)}
            for name, one in status.transports.items()
        },
        "store": msgspec.to_builtins(status.store),
        "busy_links": len(status.queues.busy),
        "shed": dict(status.queues.shed),
    }


def write_bundle(path: Path, files: Mapping[str, str]) -> None:
    """Write the archive (mode 0600), never over another file; raises `OSError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        pack(file, files)


def pack(into: IO[bytes], files: Mapping[str, str]) -> None:
    """Write the archive into a file that is open."""
    with gzip.GzipFile(filename="", fileobj=into, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            data = text.encode()
            entry = tarfile.TarInfo(f"meshgate-support/{name}")
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))


def _redacted(value: object, words: set[str]) -> object:
    """Redact every text of a document before it is written, where a name with a quote in it would look different."""
    match value:
        case str():
            return redact(value, words)
        case dict():
            return {name: _redacted(one, words) for name, one in value.items()}
        case list() | tuple():
            return [_redacted(one, words) for one in value]
    return value


def _config(loaded: Loaded) -> dict[str, object]:
    """Return what may be known of each key: a switch, a number or a choice as it is, of everything else how many there are."""
    found: dict[str, object] = {}
    for name, value in flat(loaded.config).items():
        shown: object
        if isinstance(value, bool | int) or KEYS[name].choices:
            shown = value
        else:
            shown = {"set": len(value) if isinstance(value, list | tuple) else bool(value)}
        found[name] = {"value": shown, "from": loaded.origin[name].layer.value}
    return found


def _versions(bluez: str) -> dict[str, object]:
    return {
        **{name: _installed(name) for name in _DISTRIBUTIONS},
        "python": platform.python_version(),
        "bluez": bluez,
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "system": _system(),
        "board": read_board().model,
    }


def _services() -> dict[str, object]:
    """Ask systemd; an answer with other properties than those asked for is cut down to them."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return {}
    found: dict[str, object] = {}
    wanted = f"--property={','.join(_SHOWN)}"
    for unit in _UNITS:
        try:
            asked = subprocess.run([systemctl, "show", unit, wanted], capture_output=True, text=True, timeout=_PATIENCE_S, check=False)  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            continue
        lines = (line.partition("=") for line in asked.stdout.splitlines())
        found[unit] = {name: value for name, _, value in lines if name in _SHOWN}
    return found


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _home() -> Iterable[str]:
    try:
        home = Path.home()
    except RuntimeError:
        return ()
    return (home.name,)
