"""What NetworkManager, iw and nft say, and what is said to them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from hw.firstboot.commands import Done, run
from hw.firstboot.network import SystemNetwork, split
from hw.firstboot.openings import MARK, Openings, opened, rules
from hw.firstboot.spot import Seen

DEVICES = "wlan0:wifi:connected:{wifi}\neth0:ethernet:{eth}\nlo:loopback:connected (externally):lo\np2p-dev-wlan0:wifi-p2p:disconnected:\n"


class System:
    """Answers by the words a command has in it."""

    def __init__(self) -> None:
        self.said: dict[str, Done] = {}
        self.asked: list[tuple[str, str]] = []

    def __call__(self, command: Sequence[str], text: str = "", seconds: float = 0.0) -> Done:
        line = " ".join(command)
        self.asked.append((line, text))
        return next((done for words, done in self.said.items() if words in line), Done(0 if seconds >= 0 else 1))


def seen(tmp_path: Path, wifi: str = "Home", eth: str = "unavailable:", address: str = "", stations: int = 0) -> Seen:
    system = System()
    system.said = {
        "device status": Done(0, DEVICES.format(wifi=wifi, eth=eth)),
        "device show": Done(0, address),
        "connection show": Done(0, "Home:802-11-wireless\nlo:loopback\nmeshgate-hotspot:802-11-wireless\na\\:b:802-11-wireless\n"),
        "station dump": Done(0, "".join(f"Station 02:00:00:00:00:0{number} (on wlan0)\n\tsignal: -40\n" for number in range(stations))),
    }
    return SystemNetwork(system, tmp_path).look()


def test_a_device_counts_that_somebody_has_given_an_address(tmp_path: Path) -> None:
    assert seen(tmp_path, address="IP4.ADDRESS[1]:192.168.1.20/24\n").connected
    assert seen(tmp_path, address="IP6.ADDRESS[1]:2001:db8::5/64\n").connected
    assert seen(tmp_path, address="IP6.ADDRESS[1]:2001\\:db8\\:\\:5/64\n").connected
    assert not seen(tmp_path, address="").connected
    assert not seen(tmp_path, address="IP4.ADDRESS[1]:169.254.3.4/16\nIP6.ADDRESS[1]:fe80::1/64\n").connected
    assert not seen(tmp_path, address="IP6.ADDRESS[1]:fe80\\:\\:1/64\n").connected


def test_our_own_hotspot_is_no_network_and_its_guests_are_counted(tmp_path: Path) -> None:
    found = seen(tmp_path, wifi="meshgate-hotspot", address="IP4.ADDRESS[1]:10.42.77.1/24\n", stations=2)
    assert (found.connected, found.clients, found.known, found.has_radio) == (False, 2, 2, True)


def test_a_machine_without_networkmanager_has_neither_network_nor_radio(tmp_path: Path) -> None:
    system = System()
    system.said = {"": Done(127, error="nmcli: No such file or directory")}
    assert SystemNetwork(system, tmp_path).look() == Seen(False, 0, 0, False)
    assert SystemNetwork(system, tmp_path).open("x", "y", ("a", "b")) == ""


def test_the_key_of_the_hotspot_is_in_no_command(tmp_path: Path) -> None:
    system = System()
    system.said = {"device status": Done(0, DEVICES.format(wifi="", eth="unavailable:"))}
    network = SystemNetwork(system, tmp_path)
    assert network.open("Meshgate-ABCD", "a-long-key", ("10.42.77.1", "10.42.77.2")) == "wlan0"
    profile = tmp_path / "run/NetworkManager/system-connections/meshgate-hotspot.nmconnection"
    assert "a-long-key" in profile.read_text()
    assert profile.stat().st_mode & 0o777 == 0o600
    assert not [line for line, _ in system.asked if "a-long-key" in line]
    network.close()
    assert not profile.exists()


def test_a_hotspot_that_does_not_come_up_leaves_no_profile(tmp_path: Path) -> None:
    system = System()
    system.said = {"device status": Done(0, DEVICES.format(wifi="", eth="unavailable:")), "connection up": Done(4, error="no")}
    assert SystemNetwork(system, tmp_path).open("x", "a-long-key", ("10.42.77.1", "10.42.77.2")) == ""
    assert not list((tmp_path / "run/NetworkManager/system-connections").iterdir())


def test_fields_of_nmcli_are_split_where_they_end() -> None:
    assert split(r"wlan0:wifi:connected:My\:Net\\") == ["wlan0", "wifi", "connected", "My:Net\\"]
    assert split("") == [""]


def test_the_firewall_is_opened_for_what_the_hotspot_needs_and_closed_again() -> None:
    system = System()
    chain = {"nftables": [{"chain": {}}, {"rule": {"handle": 7, "comment": MARK}}, {"rule": {"handle": 8, "comment": "ssh"}}]}
    system.said = {"-j -a": Done(0, json.dumps(chain))}
    wall = Openings(system)
    assert wall.open("wlan0", "10.42.77.1") == ""
    fed = [text for line, text in system.asked if line == "nft -f -"]
    assert fed == ["table ip meshgate_hotspot\ndelete table ip meshgate_hotspot\n", rules("wlan0", "10.42.77.1"), opened("wlan0")]
    assert wall.is_open()
    system.asked.clear()
    wall.close()
    assert "nft delete rule inet meshgate input handle 7" in [line for line, _ in system.asked]
    assert "nft delete rule inet meshgate input handle 8" not in [line for line, _ in system.asked]


def test_a_machine_whose_firewall_is_not_ours_gets_no_rule_there() -> None:
    system = System()
    system.said = {"list chain": Done(1, error="No such file or directory")}
    assert Openings(system).open("wlan0", "10.42.77.1") == ""
    assert [text for _, text in system.asked if "insert rule" in text] == []
    assert Openings(system).is_open()


def test_a_firewall_that_refuses_is_told() -> None:
    system = System()
    system.said = {"nft -f -": Done(1, error="Error: syntax")}
    assert Openings(system).open("wlan0", "10.42.77.1") == "Error: syntax"


def test_a_firewall_that_says_nonsense_is_taken_for_closed() -> None:
    system = System()
    system.said = {"-j -a": Done(0, "{"), "list chain": Done(0)}
    assert not Openings(system).is_open()


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("nft") is None, reason="nft is not here, or this is not root, so the rules were not loaded"
)
def test_the_real_nft_takes_the_rules_and_forgets_them() -> None:
    done = subprocess.run(
        ["unshare", "--net", sys.executable, __file__],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stdout) == (0, "opened and closed\n"), done.stderr


def try_nft() -> None:
    """In a network of its own: open beside a firewall like ours, look, close."""
    base = "table inet meshgate { chain input { type filter hook input priority filter; policy drop; tcp dport 22 accept; }; }\n"
    assert run(("nft", "-f", "-"), base).code == 0
    before = run(("nft", "list", "ruleset")).out
    wall = Openings(run)
    assert not wall.is_open()
    assert wall.open("wlan0", "10.42.77.1") == ""
    assert wall.open("wlan0", "10.42.77.1") == ""  # once more, as after a kill
    assert wall.is_open()
    shown = run(("nft", "list", "ruleset")).out
    assert shown.count(MARK) == 2
    assert shown.index(MARK) < shown.index("dport 22")
    assert "redirect to :8079" in shown
    wall.close()
    assert run(("nft", "list", "ruleset")).out == before
    print("opened and closed")


if __name__ == "__main__":
    try_nft()
