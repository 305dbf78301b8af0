"""Two cards flashed from one image, each powered for the first time."""

import re
from collections.abc import Callable

import pytest

from tests.image.boot.appliance import Appliance
from tests.image.boot.disk import Disk
from tests.image.boot.machine import say

pytestmark = [pytest.mark.image, pytest.mark.timeout(2400)]
WHERE = "/var/lib/meshgate /etc/meshgate /etc/ssh /etc/mosquitto /etc/machine-id /etc/NetworkManager /var/lib/NetworkManager"
FILES = rf"find {WHERE} -type f -size +0 -exec stat -c '%a %n' {{}} + -exec sha256sum {{}} + 2>/dev/null; true"
MADE_HERE = ("/etc/machine-id", "page.key", "libp2p.key")
"""What every box has to have made; an image without ssh host keys is as good as one with them."""

SETTINGS = ".toml"
"""Both boxes were given the same ones."""


def collected(said: str) -> tuple[dict[str, str], dict[str, int]]:
    """Hashes and modes by path."""
    hashes = {path: digest for digest, path in re.findall(r"^([0-9a-f]{64})  (\S.*)$", said, re.MULTILINE)}
    modes = {path: int(mode, 8) for mode, path in re.findall(r"^([0-7]{3,4}) (/\S.*)$", said, re.MULTILINE)}
    return hashes, modes


def test_two_first_boots_share_no_secret(cards: Callable[..., Disk]) -> None:
    boxes = []
    for name in ("first-boot-a", "first-boot-b"):
        with Appliance.powered(name, cards(name), radio=False) as box:
            box.come_in()
            hashes, modes = collected(box.machine.shell.run("sh", "-c", FILES))
            peer = box.visitor.api("GET", "federation")["peer_id"]
            boxes.append((hashes, modes, {box.visitor.fingerprint, peer, box.info()}))
    (one, modes, seen), (other, _, seen_there) = boxes
    assert not seen & seen_there
    for wanted in MADE_HERE:
        (path,) = [path for path in one if path.endswith(wanted)]
        assert one[path] != other[path], path
    secret = {path for path in one if not modes[path] & 0o004 and not path.endswith(SETTINGS)}
    assert len(secret) > len(MADE_HERE)
    same = {path for path in secret if one[path] in other.values()}
    assert not same
    say(f"{len(secret)} files of each box that only some may read, none of them equal")


def test_the_owners_file_is_used_once_and_the_box_is_the_same_after_a_restart(cards: Callable[..., Disk]) -> None:
    disk = cards("restarted")
    with Appliance.powered("restarted-1", disk, radio=False) as box:
        box.come_in()
        assert {"meshgate.toml", "meshgate.toml.done"} & set(disk.names()) == {"meshgate.toml.done"}
        peer, shown = box.visitor.api("GET", "federation")["peer_id"], box.visitor.fingerprint
        token, cookies = box.visitor.token, box.visitor.cookies
        box.machine.power_off()
    with Appliance.powered("restarted-2", disk, radio=False, wishes=None) as box:
        box.await_page()
        box.visitor.token, box.visitor.cookies = token, cookies
        assert box.visitor.api("GET", "federation")["peer_id"] == peer
        assert box.visitor.fingerprint == shown
