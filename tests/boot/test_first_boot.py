"""The steps of the first boot by their real units, within their sandboxes, under a systemd of its own."""

import json
import textwrap
from collections.abc import Iterator

import pytest

from tests.boot.machine import HOME, Machine

pytestmark = [pytest.mark.boot, pytest.mark.timeout(600)]

STEPS = ("clock", "card", "first-boot")
CARD = """
[gateway]
nickname = "Hut"

[appliance]
hostname = "hut"
setup_code = "QX7 PLK 92M"
ticket = "mgt1-nothing"
wifi = { ssid = "Home", password = "home-wifi-password" }
show_setup_code = true
"""
RECORD = "/var/lib/meshgate/firstboot.json"


@pytest.fixture
def box(machine: Machine) -> Iterator[Machine]:
    """A machine that looks like one from our image, with a boot partition that is mounted read only."""
    units = "from hw.systemd.units import *; from pathlib import Path; "
    units += f"write_units([one for one in unit_files('{HOME}/bin/python') if 'hw.firstboot' in one.text], Path('/'))"
    machine.run(f"{HOME}/bin/python", "-I", "-c", units)
    machine.run("mkdir", "-p", "/usr/lib/meshgate", "/boot/firmware", "/etc/ssh", "/etc/meshgate/conf.d", "/run/issue.d")
    machine.run("touch", "/usr/lib/meshgate/appliance")
    machine.run("install", "--owner=meshgate", "--group=meshgate", "--mode=600", "/dev/null", "/var/lib/meshgate/clock")
    machine.run("mount", "-t", "tmpfs", "none", "/boot/firmware")
    machine.run("systemctl", "daemon-reload")
    yield machine
    machine.run("systemctl", "stop", "meshgate-portal", "meshgate-hotspot", *(f"meshgate-{step}" for step in STEPS))
    machine.run("umount", "/boot/firmware")
    machine.run("rm", "-f", "/etc/meshgate/conf.d/50-card.toml")


def put(box: Machine, name: str, text: str) -> None:
    box.run("mount", "-o", "remount,rw", "/boot/firmware")
    box.run("sh", "-c", f"cat >/boot/firmware/{name} <<'E'\n{textwrap.dedent(text)}\nE")
    box.run("mount", "-o", "remount,ro", "/boot/firmware")


def start(box: Machine) -> None:
    units = [f"meshgate-{step}" for step in STEPS]
    box.run("systemctl", "stop", *units)
    box.run("systemctl", "start", *units)


def record(box: Machine) -> dict[str, object]:
    return json.loads(box.run("cat", RECORD))


def test_a_card_is_taken_and_reset_within_the_sandbox(box: Machine) -> None:
    put(box, "meshgate.toml", CARD)
    start(box)
    assert record(box)["refused"] == {}, box.journal()
    assert 'nickname = "Hut"' in box.run("cat", "/etc/meshgate/conf.d/50-card.toml")
    assert box.run("hostname").strip() == "hut"
    assert "home-wifi-password" in box.run("cat", "/run/NetworkManager/system-connections/meshgate-wifi.nmconnection")
    assert box.run("stat", "-c", "%U %a", "/var/lib/meshgate/setup.code", RECORD).split() == ["meshgate", "600"] * 2
    assert box.run("ls", "/boot/firmware").split() == ["meshgate-info.txt", "meshgate.toml.done"]
    assert "QX7-PLK-92M" in box.run("cat", "/boot/firmware/meshgate-info.txt")
    assert "home-wifi-password" not in box.run("cat", "/boot/firmware/meshgate.toml.done")
    assert "ro" in box.run("findmnt", "-n", "-o", "OPTIONS", "/boot/firmware").strip().split(",")
    assert box.try_("touch", "/boot/firmware/x").returncode != 0
    for kind in ("ed25519", "ecdsa", "rsa"):
        assert box.run("ssh-keygen", "-y", "-f", f"/etc/meshgate/ssh/ssh_host_{kind}_key")

    box.run("systemctl", "stop", "meshgate")
    put(box, "meshgate-reset", "all")
    start(box)
    assert record(box)["refused"] == {}, box.journal()
    assert box.run("ls", "/boot/firmware").split() == []
    assert box.try_("test", "-e", "/etc/meshgate/conf.d/50-card.toml").returncode == 1
    assert box.run("cat", "/var/lib/meshgate/setup.code").strip() != "QX7PLK92M"


def test_settings_that_the_gateway_refuses_are_told_on_the_card(box: Machine) -> None:
    put(box, "meshgate.toml", "[brigde]\nmode = 'off'\n")
    start(box)
    said = box.run("cat", "/boot/firmware/meshgate-problem.txt")
    assert "brigde: there is no such key" in said
    box.run("systemctl", "restart", "meshgate")
    ask = ("runuser", "-u", "meshgate", "--", f"{HOME}/bin/meshgate", "status", "--json")  # 1: its clock is not set either
    box.until(lambda: "first_boot_refused" in box.try_(*ask).stdout, "the gateway does not show it")


def test_the_portal_answers_in_the_hotspot_and_nobody_else(box: Machine) -> None:
    start(box)  # without a name and a key there is no hotspot
    box.run("systemctl", "start", "meshgate-hotspot")
    box.run("ip", "address", "replace", "10.42.77.1/24", "dev", "lo")
    ask = "import urllib.request as r; print(r.urlopen('http://{}:8079/meshgate', timeout=3).read().decode())"

    def answers() -> bool:
        box.try_("systemctl", "start", "meshgate-portal")  # the hotspot, beginning, ends what one before it has left
        return "http://10.42.77.1/setup" in box.try_("python3", "-c", ask.format("10.42.77.1")).stdout

    box.until(answers, "the portal does not answer")
    assert box.try_("python3", "-c", ask.format("127.0.0.1")).returncode != 0
    box.run("systemctl", "stop", "meshgate-hotspot")
    box.until(lambda: box.show("ActiveState", "meshgate-portal") == "inactive", "the portal outlives the hotspot")
