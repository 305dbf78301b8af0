"""The booted image, once it is set up: what runs in it, with which rights, what it lets in, and that it carries messages.

One box for all of it, as each start takes minutes.
"""

import re
from pathlib import Path

import pytest

from tests.image.boot.appliance import SERVICE, Appliance
from tests.image.boot.boards import SOON_S
from tests.image.boot.elsewhere import PHONE, joined, until
from tests.image.boot.machine import say

pytestmark = [pytest.mark.image, pytest.mark.timeout(3600)]
EXPOSURE_MOST = 2.0
STRANGE = 9999
LISTENER = f"systemd-run --unit=image-test-listener python3 -m http.server --directory /usr/share/zoneinfo {STRANGE}"


def test_the_setup_code_on_the_boot_partition_lets_its_owner_in(appliance: Appliance) -> None:
    assert appliance.visitor.api("GET", "status")["sentence"]
    shown = appliance.visitor.api("GET", "certificate")["sha256"]
    assert shown.replace(":", "").lower() == appliance.visitor.fingerprint
    say(f"took {appliance.took}")


def test_the_service_runs_our_code_in_its_hardened_unit_with_the_libp2p_child(appliance: Appliance) -> None:
    shell = appliance.machine.shell
    assert (appliance.show("ActiveState"), appliance.show("SubState"), appliance.show("User")) == ("active", "running", "meshgate")
    main = appliance.show("MainPID")
    assert shell.run("sh", "-c", f"tr '\\0' ' ' </proc/{main}/cmdline").startswith("/opt/meshgate/current/bin/python")
    status = shell.run("cat", f"/proc/{main}/status")
    assert re.search(r"^NoNewPrivs:\s1$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\s0+$", status, re.MULTILINE)
    children = shell.run("sh", "-c", f"for pid in $(cat /proc/{main}/task/*/children); do tr '\\0' ' ' </proc/$pid/cmdline; echo; done")
    assert "transports.libp2p.node" in children
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", shell.run("systemd-analyze", "security", "--no-pager", SERVICE))
    assert exposure is not None
    assert float(exposure[1]) <= EXPOSURE_MOST
    say(f"exposure {exposure[1]}")


def test_nothing_failed_while_it_started(appliance: Appliance) -> None:
    shell = appliance.machine.shell
    failed = shell.run("systemctl", "--failed", "--no-legend", "--plain")
    assert failed.strip() == "", failed
    _, cycles = shell.script("journalctl --boot --no-pager --quiet | grep -i 'ordering cycle'")
    assert cycles == ""


def test_bluetoothd_has_the_controller_and_the_radio_speaks(appliance: Appliance) -> None:
    shell = appliance.machine.shell
    ask = "busctl --json=short call org.bluez / org.freedesktop.DBus.ObjectManager GetManagedObjects"
    appliance.machine.until(lambda: "F0:F1:F2:F3:F4:00" in shell.script(ask)[1], "bluetoothd has the controller")
    appliance.machine.until(
        lambda: any(one["name"] == "ble" and one["state"] == "up" for one in appliance.visitor.api("GET", "transports")["transports"]),
        "the radio is up",
    )


def test_mosquitto_is_this_machines_alone_and_the_gateway_is_connected(appliance: Appliance) -> None:
    listening = appliance.machine.shell.run("ss", "-Hltn")
    places = {line.split()[3].rpartition(":")[0] for line in listening.splitlines() if line.split()[3].endswith(":1883")}
    assert places
    assert places <= {"127.0.0.1", "[::1]"}
    appliance.until("meshgate_mqtt_up", 1)


def test_metrics_are_told_to_who_may_know_them_and_to_nobody_else(appliance: Appliance) -> None:
    appliance.until("meshgate_ready", 1)
    assert appliance.visitor.ask("GET", "/metrics").status in {303, 401, 403}


def test_a_port_nobody_opened_is_dropped_and_it_is_the_firewall_that_drops_it(appliance: Appliance) -> None:
    shell = appliance.machine.shell
    ruleset = shell.run("nft", "list", "ruleset")
    assert re.search(r"hook input priority \S+; policy drop;", ruleset), ruleset
    shell.run("sh", "-c", LISTENER)
    fetch = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{STRANGE}/', timeout=20).status)"
    appliance.machine.until(lambda: shell.try_("python3", "-c", fetch)[1].strip() == "200", "the listener listens")
    assert not appliance.answers(STRANGE)
    shell.run("nft", "insert", "rule", "inet", "meshgate", "input", "tcp", "dport", str(STRANGE), "accept")
    assert appliance.answers(STRANGE)
    handle = re.search(rf"tcp dport {STRANGE} accept # handle (\d+)", shell.run("nft", "-a", "list", "chain", "inet", "meshgate", "input"))
    assert handle is not None
    shell.run("nft", "delete", "rule", "inet", "meshgate", "input", "handle", handle[1])
    assert not appliance.answers(STRANGE)
    shell.run("systemctl", "stop", "image-test-listener")


def test_systemd_feeds_the_boards_watchdog(appliance: Appliance) -> None:
    shell = appliance.machine.shell
    names = ("RuntimeWatchdogUSec", "WatchdogDevice", "WatchdogLastPingTimestampMonotonic")

    def shown() -> dict[str, str]:
        return dict(line.split("=", 1) for line in shell.run("systemctl", "show", *(f"--property={name}" for name in names)).splitlines())

    first = shown()
    assert first["WatchdogDevice"].startswith("/dev/watchdog"), first
    assert first["RuntimeWatchdogUSec"] != "0"  # infinity: as long as the device has it by itself
    appliance.machine.until(lambda: shown()[names[2]] != first[names[2]], "the watchdog is fed again")


def test_a_gateway_that_hangs_is_ended_by_its_watchdog_and_comes_back(appliance: Appliance) -> None:
    shell, main = appliance.machine.shell, appliance.show("MainPID")
    shell.run("kill", "-STOP", main)
    appliance.machine.until(lambda: appliance.show("MainPID") not in {main, "0"}, "systemd starts another", 300.0)
    assert int(appliance.show("NRestarts")) >= 1
    appliance.await_page()


# A phone near the box, and one on an island elsewhere: real bluetoothd, our service, libp2p, and back


@pytest.mark.parametrize("role", ["central", "peripheral"])
async def test_what_a_phone_near_the_box_says_is_heard_elsewhere_and_the_answer_comes_back(
    appliance: Appliance, tmp_path: Path, role: str
) -> None:
    name = f"Ada the {role}"
    async with joined(appliance, tmp_path / "far") as far:
        await far.air.phone("add", name=name, platform="ios", role=role)

        async def is_acquainted() -> bool:
            return PHONE in await far.knows(name)

        await until(is_acquainted, "the phone near the box knows the far one", 2 * SOON_S)
        await far.air.phone("say", name=name, text="from the box", expected=[])
        await until(lambda: any(text.startswith("from the box") for text in far.heard()), "the far phone hears it")
        far.says("back to the box")

        async def is_answered() -> bool:
            return "back to the box" in await far.told(name)

        await until(is_answered, "the answer comes back")
        say(f"{name}: {(await far.air.phone('status', name=name))['links']}")
        await far.air.phone("remove", name=name)
