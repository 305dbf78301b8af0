"""What no two boxes may share and other programs use: the host keys of ssh, and the password of the machine's own MQTT broker.

What is there stays. What a power cut has left half is made anew, since each file gets its name when it is whole.
"""

import grp
import shutil
import tempfile
from pathlib import Path
from typing import Final

from hw.durable import put_in_place
from hw.firstboot.box import Box
from hw.firstboot.errors import FirstBootError
from hw.firstboot.places import Places
from hw.firstboot.record import DONE, REFUSED

STEP: Final = "secrets"
KINDS: Final = ("ed25519", "ecdsa", "rsa")
_PASSWORD_BYTES: Final = 24


def make_keys(box: Box) -> None:
    """Make what is missing; raises `OSError`."""
    made, troubles = [], []
    for name, make in (("host keys of ssh", _host_keys), ("a password of the MQTT broker", _broker)):
        try:
            if make(box):
                made.append(name)
        except FirstBootError as error:
            troubles.append(str(error))
    if troubles:
        box.note(STEP, REFUSED, " ".join(troubles))
    else:
        box.settle(STEP)
    if made:
        box.note(STEP, DONE, f"This box has made {' and '.join(made)} of its own.")


def host_keys(places: Places) -> Path:
    """Return the directory of the host keys; on our image it is where the root of the file system cannot forget them."""
    return places.ssh if places.is_appliance else places.root / "etc/ssh"


def _host_keys(box: Box) -> bool:
    home = host_keys(box.places)
    if not (box.places.root / "etc/ssh").is_dir():
        return False
    if not box.places.is_appliance and any(_is_whole(path) for path in home.glob("ssh_host_*_key")):
        return False  # somebody has chosen which there are
    missing = [kind for kind in KINDS if not _is_whole(home / f"ssh_host_{kind}_key")]
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    for kind in missing:
        _host_key(box, home / f"ssh_host_{kind}_key", kind)
    return bool(missing)


def _host_key(box: Box, path: Path, kind: str) -> None:
    with tempfile.TemporaryDirectory(dir=_private(box.places)) as room:
        draft = Path(room) / "key"
        done = box.run(("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", str(draft)))
        if done.code:
            raise FirstBootError(f"The {kind} host key of ssh could not be made: {done.why}.")
        put_in_place(path.with_name(f"{path.name}.pub"), draft.with_name("key.pub").read_bytes(), 0o644)
        put_in_place(path, draft.read_bytes(), 0o600)


def _is_whole(path: Path) -> bool:
    """Whether a private key is there to its last line; `ssh-keygen -A` leaves others when the power goes."""
    try:
        return path.read_text().rstrip().endswith("PRIVATE KEY-----")
    except (OSError, UnicodeDecodeError):
        return False


def _broker(box: Box) -> bool:
    home, places = box.places.root / "etc/mosquitto", box.places
    people = home / "meshgate.passwd"
    if not home.is_dir() or (_size(places.broker_password) and _size(people)):
        return False
    if not _size(places.broker_password):
        box.put_state(places.broker_password.name, f"{box.randbytes(_PASSWORD_BYTES).hex()}\n".encode())
    password = places.broker_password.read_text().split("\n", 1)[0]
    with tempfile.TemporaryDirectory(dir=_private(places)) as room:
        draft = Path(room) / "passwd"
        draft.write_text(f"meshgate:{password}\n")
        done = box.run(("mosquitto_passwd", "-U", str(draft)))
        if done.code or password in (hashed := draft.read_text()):
            raise FirstBootError(f"The password of the MQTT broker could not be set: {done.why if done.code else 'it was left as it was'}.")
        put_in_place(people, hashed.encode(), 0o640, _broker_owner(places))
    box.run(("systemctl", "--no-block", "try-restart", "mosquitto.service"))  # at a start it comes after this
    return True


def _broker_owner(places: Places) -> tuple[int, int] | None:
    try:
        return (0, grp.getgrnam("mosquitto").gr_gid) if places.owner is not None else None
    except KeyError:
        return None


def _private(places: Places) -> Path:
    """Return a directory in memory for drafts with secrets in them."""
    room = places.root / "run/meshgate-first-boot"
    if room.is_symlink() or (room.exists() and not room.is_dir()):
        room.unlink()
    room.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in room.iterdir():
        shutil.rmtree(old, ignore_errors=True)
    room.chmod(0o700)
    return room


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
