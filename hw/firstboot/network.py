"""The network as NetworkManager sees it, through its own command: what is connected, and a network of our own up and down."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from hw.durable import put_in_place
from hw.firstboot.commands import Run
from hw.firstboot.profiles import HOTSPOT, PROFILES, hotspot_profile
from hw.firstboot.spot import Seen

WAIT_S = 30  # seconds NetworkManager may take to open the network


class Network(Protocol):
    """What the hotspot needs of the system."""

    def look(self) -> Seen:
        """Return how it is."""

    def open(self, name: str, key: str, addresses: tuple[str, str]) -> str:
        """Open a network; returns the device it is on, empty if that was not possible."""

    def close(self) -> None:
        """Close it."""


class SystemNetwork:
    """NetworkManager's.

    Args:
        run: starts programs.
        root: where ``run`` is.

    """

    def __init__(self, run: Run, root: Path = Path("/")) -> None:
        self._run = run
        self._profile = root / PROFILES / f"{HOTSPOT}.nmconnection"

    def look(self) -> Seen:
        """Return how it is."""
        devices = list(self._devices())
        ours = [device for device, _, _, name in devices if name == HOTSPOT]
        connected = any(
            kind not in ("loopback", "bridge", "tun") and state.startswith("connected") and name != HOTSPOT and self._has_address(device)
            for device, kind, state, name in devices
        )
        return Seen(
            connected,
            sum(self._clients(device) for device in ours),
            self._known(),
            any(kind == "wifi" and state not in ("unavailable", "unmanaged") for _, kind, state, _ in devices),
        )

    def open(self, name: str, key: str, addresses: tuple[str, str]) -> str:
        """Open a network; returns the device it is on, empty if that was not possible."""
        radios = [device for device, kind, state, _ in self._devices() if kind == "wifi" and state not in ("unavailable", "unmanaged")]
        if not radios:
            return ""
        self._profile.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        put_in_place(self._profile, hotspot_profile(radios[0], name, key, addresses).encode(), 0o600)
        loaded = self._run(("nmcli", "connection", "load", os.fspath(self._profile)))
        if loaded.code or self._run(("nmcli", "--wait", str(WAIT_S), "connection", "up", "id", HOTSPOT)).code:
            self.close()
            return ""
        return radios[0]

    def close(self) -> None:
        """Close it, whether it is open or not."""
        self._run(("nmcli", "--wait", str(WAIT_S), "connection", "delete", "id", HOTSPOT))
        self._profile.unlink(missing_ok=True)

    def _devices(self) -> Iterator[tuple[str, str, str, str]]:
        for line in self._run(("nmcli", "-t", "-f", "DEVICE,TYPE,STATE,CONNECTION", "device", "status")).out.splitlines():
            fields = split(line)
            if len(fields) == 4:
                yield fields[0], fields[1], fields[2], fields[3]

    def _has_address(self, device: str) -> bool:
        """Whether there is an address that somebody has given it: those a device makes for itself prove no network."""
        lines = self._run(("nmcli", "-t", "-f", "IP4.ADDRESS,IP6.ADDRESS", "device", "show", device)).out.splitlines()
        found = [fields[1] for fields in map(split, lines) if len(fields) > 1]
        return any(one and not one.lower().startswith(("169.254.", "fe80:", "127.", "::1/")) for one in found)

    def _known(self) -> int:
        lines = self._run(("nmcli", "-t", "-f", "NAME,TYPE", "connection", "show")).out.splitlines()
        return sum(fields[-1] == "802-11-wireless" and fields[0] != HOTSPOT for fields in map(split, lines) if len(fields) == 2)

    def _clients(self, device: str) -> int:
        return sum(line.startswith("Station ") for line in self._run(("iw", "dev", device, "station", "dump")).out.splitlines())


def split(line: str) -> list[str]:
    r"""Return the fields of one line of ``nmcli -t``, in which ``\:`` and ``\\`` stand for themselves."""
    fields, at = [""], 0
    while at < len(line):
        if line[at] == "\\" and at + 1 < len(line):
            fields[-1] += line[at + 1]
            at += 2
            continue
        if line[at] == ":":
            fields.append("")
        else:
            fields[-1] += line[at]
        at += 1
    if len(fields) > 2 and fields[0].startswith("IP6.ADDRESS"):
        return [fields[0], ":".join(fields[1:])]
    return fields
