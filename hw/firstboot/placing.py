"""At every start: makes the box what its owner wants. The root of the file system may have forgotten it, so nothing is done only once.

It also makes what no two boxes may share and the gateway does not make itself: a name and a key for the hotspot, and the first setup code.
"""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Final

from hw.durable import sync
from hw.erasing import erase
from hw.firstboot.box import Box, put_if_other
from hw.firstboot.codes import CODE_LETTERS, KEY_LETTERS, NAME_LETTERS, grouped, letters, read_code
from hw.firstboot.errors import UnwritableError
from hw.firstboot.kept import Kept, read_kept, write_kept
from hw.firstboot.partition import overwritten, writable
from hw.firstboot.profiles import PROFILES, WIFI, home_profile
from hw.firstboot.record import DONE, REFUSED

INFO: Final = "info"
HOME_ADDRESS: Final = "10.42.77.1"
"""Of the box in its own Wi-Fi network."""
ANY_NAME: Final = "10.42.77.2"
"""The address every name leads to there; the portal answers at it."""
DNS: Final = "etc/NetworkManager/dnsmasq-shared.d/meshgate.conf"
_MARK: Final = "# Meshgate"
_SSHD: Final = """# Written at each start: the root of the file system may forget its own keys.
HostKey /etc/meshgate/ssh/ssh_host_ed25519_key
HostKey /etc/meshgate/ssh/ssh_host_ecdsa_key
HostKey /etc/meshgate/ssh/ssh_host_rsa_key
AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2 /etc/meshgate/ssh/%u.keys
"""


def make_own(box: Box) -> Kept:
    """Make what is this box's alone, if it is not there; raises `OSError`."""
    kept = read_kept(box.places.kept)
    if not kept.hotspot_name or not kept.hotspot_key:
        name = f"Meshgate-{letters(NAME_LETTERS, box.randbytes)}"
        kept = replace(kept, hotspot_name=name, hotspot_key=grouped(letters(KEY_LETTERS, box.randbytes), 4))
        write_kept(box.places.kept, kept)
    if box.places.accounts.exists():
        with contextlib.suppress(FileNotFoundError):
            erase(box.places.code)
    elif not read_code(box.places.code):
        box.put_state(box.places.code.name, f"{letters(CODE_LETTERS, box.randbytes)}\n".encode())
    return kept


def place(box: Box, kept: Kept) -> None:
    """Make the system what is wanted; raises `OSError`."""
    root = box.places.root
    if name := kept.text("hostname"):
        _set_name(box, name)
    if zone := kept.text("timezone"):
        _set_zone(root, zone)
    _set_wifi(root, kept)
    put_if_other(root / DNS, f"address=/#/{ANY_NAME}\n".encode())
    put_if_other(root / "etc/ssh/sshd_config.d/50-meshgate.conf", _SSHD.encode())
    keys = kept.box.get("authorized_keys")
    text = "".join(f"{key}\n" for key in keys) if isinstance(keys, list) else ""
    if text:
        put_if_other(box.places.ssh / "root.keys", text.encode(), 0o600)
        box.run(("systemctl", "--no-block", "start", "ssh.service"))
    else:
        with contextlib.suppress(FileNotFoundError):
            (box.places.ssh / "root.keys").unlink()
    words = info(box, kept)
    put_if_other(root / "run/issue.d/50-meshgate.issue", words.encode(), 0o600)
    _show(box, words if kept.box.get("show_setup_code") is True else "")


def info(box: Box, kept: Kept) -> str:
    """Return what somebody at the box is told: where the page is and what opens it."""
    name = kept.text("hostname") or _name(box.places.root)
    code = read_code(box.places.code)
    lines = [f"Meshgate: http://{name}.local"]
    spot = kept.table("hotspot")
    if spot.get("enabled", True):
        key = "no key" if spot.get("open") else f"key {spot.get('key') or kept.hotspot_key}"
        lines.append(f"Without a network, its own Wi-Fi is {kept.hotspot_name} ({key}), and the page http://{HOME_ADDRESS}")
    if code:
        lines.append(f"Setup code: {grouped(code, 3)}")
    return "\n".join(lines) + "\n"


def _show(box: Box, words: str) -> None:
    """Write it to the boot partition, or erase it there."""
    path = box.places.info
    try:
        there: bytes | None = path.read_bytes()
    except OSError:
        there = None
    if (there or b"") == words.encode():
        box.settle(INFO)
        return
    try:
        with writable(box.places.boot, box.run):
            if words:
                overwritten(path, words.encode())
            else:
                erase(path)
    except UnwritableError as error:
        box.note(INFO, REFUSED, f"meshgate-info.txt could not be written or removed. {error}")
    else:
        box.note(INFO, DONE, "meshgate-info.txt was written to the card." if words else "meshgate-info.txt was removed from the card.")


def _name(root: Path) -> str:
    try:
        return (root / "etc/hostname").read_text().strip() or "meshgate"
    except (OSError, UnicodeDecodeError):
        return "meshgate"


def _set_name(box: Box, name: str) -> None:
    root = box.places.root
    put_if_other(root / "etc/hostname", f"{name}\n".encode())
    hosts = root / "etc/hosts"
    try:
        lines = [line for line in hosts.read_text().splitlines() if not line.endswith(_MARK) and not line.startswith("127.0.1.1")]
    except (OSError, UnicodeDecodeError):
        lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost"]
    put_if_other(hosts, "\n".join([*lines, f"127.0.1.1\t{name}\t{_MARK}", ""]).encode())
    box.called(name)


def _set_zone(root: Path, zone: str) -> None:
    link, draft, target = root / "etc/localtime", root / "etc/.localtime.draft", f"/usr/share/zoneinfo/{zone}"
    if link.is_symlink() and str(link.readlink()) == target:
        return
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    draft.symlink_to(target)
    draft.replace(link)
    sync(link.parent)


def _set_wifi(root: Path, kept: Kept) -> None:
    path = root / PROFILES / f"{WIFI}.nmconnection"
    wanted = home_profile(kept.table("wifi"))
    if wanted:
        put_if_other(path, wanted.encode(), 0o600)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
