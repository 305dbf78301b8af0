"""A box in a directory: its root, programs that write down that they were started, and power that goes."""

import random
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from hw.firstboot.box import Box
from hw.firstboot.commands import Done
from hw.firstboot.forgetting import reset
from hw.firstboot.places import Places
from hw.firstboot.placing import make_own, place
from hw.firstboot.taking import take_card

ROOMS = ("/hw/firstboot/", "/hw/durable.py", "/hw/erasing.py")
SECRETS = {
    "setup_code": "QX7-PLK-92M",
    "ticket": "mgt1-ticketticketticket",
    "mqtt_password": "broker-pass-phrase",
    "wifi": "home-wifi-password",
    "hotspot": "own-wifi-password",
}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7ZlrLXo5bVvZ0tqk3JmT4p0kPTzN0u0dYv0b0s0Xyz me@laptop"
CARD = f"""
[gateway]
nickname = "Hut"  # and here the owner has noted: {SECRETS["wifi"]}

[appliance]
hostname = "hut"
timezone = "Europe/Berlin"
setup_code = "{SECRETS["setup_code"]}"
ticket = "{SECRETS["ticket"]}"
mqtt_password = "{SECRETS["mqtt_password"]}"
authorized_keys = ["{KEY}"]
wifi = {{ ssid = "Home", password = "{SECRETS["wifi"]}", country = "de" }}
hotspot = {{ key = "{SECRETS["hotspot"]}" }}
"""
OLD = '[gateway]\nnickname = "Old"\n'


@cache
def is_ours(path: str) -> bool:
    return any(room in path for room in ROOMS)


class PowerCut(BaseException):
    """The power goes."""


class Cut:
    """Cuts the power before the line with a number is run, counted over everything of the first boot."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, frame, event: str, _argument):
        if not is_ours(frame.f_code.co_filename):
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise PowerCut
        return self


def cut(at: int, doing: Callable[[], object]) -> bool:
    """Do something until the power is cut; whether it was."""
    before = sys.gettrace()
    sys.settrace(Cut(at))
    try:
        doing()
    except PowerCut:
        return True
    finally:
        sys.settrace(before)
    return False


class Card:
    """A box made by our image, at the moment before its first start."""

    def __init__(self, root: Path, seed: int = 1) -> None:
        self.places = Places(root)
        self.started: list[tuple[str, ...]] = []
        self.read: list[tuple[str, float]] = []
        self.answers: dict[str, Done] = {}
        self.wrong = ""  # what the gateway's loader says of settings
        self.checked: list[str] = []
        self.names: list[str] = []
        self.wipes = 0
        self.random = random.Random(seed)
        for name in (
            "boot/firmware",
            "etc/ssh",
            "etc/meshgate/conf.d",
            "var/lib/meshgate",
            "usr/lib/meshgate",
            "usr/share/zoneinfo/Europe",
            "run",
        ):
            (root / name).mkdir(parents=True, exist_ok=True)
        (root / "usr/lib/meshgate/appliance").touch()
        (root / "usr/share/zoneinfo/Europe/Berlin").touch()
        (root / "etc/hostname").write_text("meshgate\n")

    @property
    def box(self) -> Box:
        return Box(self.places, self.run, self.accepts, self.wipe, lambda: 1_800_000_000.0, self.random.randbytes, self.names.append)

    def run(self, command: Sequence[str], text: str = "", seconds: float = 0.0) -> Done:
        self.started.append(tuple(command))
        self.read.append((text, seconds))
        return self.answers.get(command[0], Done(0))

    def accepts(self, text: str) -> str:
        self.checked.append(text)
        return self.wrong

    def wipe(self) -> str:
        self.wipes += 1
        for path in sorted(self.places.state.iterdir()):
            path.unlink()
        return ""

    def start(self) -> None:
        """What a start of the box does with its boot partition."""
        reset(self.box)
        take_card(self.box)
        place(self.box, make_own(self.box))

    def files_with(self, text: str) -> set[str]:
        """Return the files in which a text stands, also split by what people put between letters."""
        found = set()
        for path in self.places.root.rglob("*"):
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes()
                if text.encode() in data or text.replace("-", "").encode() in data:
                    found.add(str(path.relative_to(self.places.root)))
        return found
