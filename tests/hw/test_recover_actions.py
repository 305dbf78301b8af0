import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hw.recover import actions as module
from hw.recover.actions import Actions
from hw.recover.devices import Bound, NotPossibleError, UsbPort, resettable
from hw.recover.protocol import Answer, Request, Verb
from tests.hw.recover_rig import systemctl
from tests.hw.sysfs import device, pi_radios, rfkill, usb_device, write

RESET = Request(Verb.RESET_ADAPTER, "hci0")
UNBLOCK = Request(Verb.UNBLOCK_RADIO, "hci0")
RESTART = Request(Verb.RESTART_BLUETOOTH)
PORT = "sys/devices/platform/soc/fe201000.serial/serial0/serial0-0"
DRIVER = "sys/bus/serial/drivers/hci_uart_bcm"


def stick(root: Path) -> Path:
    """Fit a USB adapter as bus 1, device 7; returns the file that stands for it."""
    usb_device(root, "bluetooth", "hci0", "1-1")
    write(root, "sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/busnum", "1\n")
    return write(root, "dev/bus/usb/001/007", "")


def bind(root: Path, port: str = PORT, driver: str = DRIVER) -> None:
    """Bind a driver to a device."""
    (root / driver).mkdir(parents=True, exist_ok=True)
    (root / port / "driver").symlink_to(root / driver)


@contextmanager
def kernel(root: Path, *, binds: bool = True) -> Iterator[list[str]]:
    """Do what the kernel does when somebody writes to a driver's unbind and bind; gives what was written."""
    bind(root)
    written: list[str] = []
    os.mkfifo(root / DRIVER / "unbind")
    if binds:
        os.mkfifo(root / DRIVER / "bind")
    else:
        write(root, f"{DRIVER}/bind", "")

    def work() -> None:
        written.append("-" + (root / DRIVER / "unbind").read_text())
        (root / PORT / "driver").unlink()
        if binds:
            written.append("+" + (root / DRIVER / "bind").read_text())
            (root / PORT / "driver").symlink_to(root / DRIVER)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield written
    thread.join(5)


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BIND_S", 0.1)


def test_a_usb_adapter_is_reset_by_its_device_on_the_bus(tmp_path: Path) -> None:
    node = stick(tmp_path)
    assert resettable(tmp_path, "hci0") == UsbPort(node)
    answer = Actions(tmp_path).do(RESET)
    assert not answer.ok  # a plain file takes no reset, and that is said
    assert answer.why == "The USB device cannot be reset: Inappropriate ioctl for device."


def test_a_usb_device_without_its_file_or_behind_a_link_is_not_opened(tmp_path: Path) -> None:
    node = stick(tmp_path)
    node.rename(tmp_path / "elsewhere")
    assert Actions(tmp_path).do(RESET) == Answer(
        ok=False, why="The USB device cannot be opened: No such file or directory.", possible=False
    )
    node.symlink_to(tmp_path / "elsewhere")
    assert Actions(tmp_path).do(RESET).why == "The USB device cannot be opened: Too many levels of symbolic links."


def test_a_usb_device_that_is_a_network_card_too_is_left_alone(tmp_path: Path) -> None:
    stick(tmp_path)
    usb_device(tmp_path, "net", "wlan1", "1-1")
    answer = Actions(tmp_path).do(RESET)
    assert (answer.ok, answer.possible) == (False, False)
    assert "network card" in answer.why


@pytest.mark.parametrize("number", ["", "x", "-1", "1000", "../1", "1 2"])
def test_a_usb_device_with_an_odd_number_is_left_alone(tmp_path: Path, number: str) -> None:
    stick(tmp_path)
    write(tmp_path, "sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/busnum", number)
    assert Actions(tmp_path).do(RESET) == Answer(ok=False, why="The USB port of hci0 has no number.", possible=False)


def test_an_adapter_on_a_serial_port_has_its_driver_bound_anew(tmp_path: Path) -> None:
    pi_radios(tmp_path)
    with kernel(tmp_path) as written:
        assert resettable(tmp_path, "hci0") == Bound(tmp_path / PORT, tmp_path / DRIVER)
        assert Actions(tmp_path).do(RESET) == Answer(ok=True)
    assert written == ["-serial0-0", "+serial0-0"]


@pytest.mark.usefixtures("_hasty")
def test_a_driver_that_does_not_take_its_device_again_is_said(tmp_path: Path) -> None:
    pi_radios(tmp_path)
    with kernel(tmp_path, binds=False) as written:
        answer = Actions(tmp_path).do(RESET)
    assert (answer.ok, answer.possible) == (False, True)
    assert "restart of the box" in answer.why
    assert written == ["-serial0-0"]
    assert (tmp_path / DRIVER / "bind").read_text() == "serial0-0"


def test_a_driver_that_does_not_let_go_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNBIND_S", 0.1)
    pi_radios(tmp_path)
    bind(tmp_path)
    assert Actions(tmp_path).do(RESET).possible is False  # it has no such file
    write(tmp_path, f"{DRIVER}/unbind", "")
    assert Actions(tmp_path).do(RESET) == Answer(ok=False, why="The driver does not let go of the device.")
    assert (tmp_path / DRIVER / "unbind").read_text() == "serial0-0"


def test_an_adapter_on_a_card_bus_has_its_driver_bound_anew_too(tmp_path: Path) -> None:
    card = "platform/soc/mmc1/mmc1:0001/mmc1:0001:2"
    device(tmp_path, "bluetooth", "hci0", f"{card}/bluetooth/hci0", {card: "sdio"})
    bind(tmp_path, f"sys/devices/{card}", "sys/bus/sdio/drivers/btsdio")
    found = resettable(tmp_path, "hci0")
    assert found == Bound(tmp_path / "sys/devices" / card, tmp_path / "sys/bus/sdio/drivers/btsdio")


@pytest.mark.parametrize(
    ("place", "buses"), [("virtual/bluetooth/hci0", {}), ("platform/uart/tty/ttyAMA0/hci0", {"platform/uart/tty/ttyAMA0": "tty"})]
)
def test_an_adapter_that_hangs_on_neither_cannot_be_reset(tmp_path: Path, place: str, buses: dict[str, str]) -> None:
    device(tmp_path, "bluetooth", "hci0", place, buses)
    answer = Actions(tmp_path).do(RESET)
    assert (answer.ok, answer.possible) == (False, False)
    assert "neither" in answer.why


def test_an_adapter_that_the_kernel_does_not_have_or_that_leads_elsewhere_is_none(tmp_path: Path) -> None:
    (tmp_path / "sys/devices").mkdir(parents=True)
    for verb in (Verb.RESET_ADAPTER, Verb.UNBLOCK_RADIO):
        answer = Actions(tmp_path).do(Request(verb, "hci0"))
        assert (answer.ok, answer.possible) == (False, False)
        assert "no adapter hci0" in answer.why
    (tmp_path / "sys/class/bluetooth").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "sys/class/bluetooth/hci0").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotPossibleError, match="no device of this machine"):
        resettable(tmp_path, "hci0")


def test_only_the_adapters_own_switch_is_turned_and_only_by_software(tmp_path: Path) -> None:
    stick(tmp_path)
    rfkill(tmp_path, 0, "hci0", soft=True, hard=True)
    rfkill(tmp_path, 1, "hci1", soft=True)
    rfkill(tmp_path, 2, "hci0", kind="wlan", soft=True)
    assert Actions(tmp_path).do(UNBLOCK) == Answer(ok=True)
    states = [(tmp_path / f"sys/class/rfkill/rfkill{n}/soft").read_text().strip()[0] for n in range(3)]
    assert states == ["0", "1", "1"]
    assert (tmp_path / "sys/class/rfkill/rfkill0/hard").read_text() == "1\n"


def test_a_switch_that_stays_or_is_not_there_is_said(tmp_path: Path) -> None:
    stick(tmp_path)
    assert Actions(tmp_path).do(UNBLOCK) == Answer(ok=False, why="hci0 has no radio switch.", possible=False)
    rfkill(tmp_path, 0, "hci0")
    soft = tmp_path / "sys/class/rfkill/rfkill0/soft"
    soft.write_text("1 and more\n")  # what is written does not replace it
    assert Actions(tmp_path).do(UNBLOCK) == Answer(ok=False, why="The radio switch of hci0 stays off.")
    soft.unlink()
    soft.symlink_to(tmp_path / "elsewhere")
    assert Actions(tmp_path).do(UNBLOCK).ok is False
    assert not (tmp_path / "elsewhere").exists()


def test_the_service_is_restarted_by_systemctl_with_fixed_words_and_an_environment_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = systemctl(tmp_path)
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("SYSTEMD_IGNORE_CHROOT", "1")
    assert Actions(tmp_path, tmp_path / "systemctl").do(RESTART) == Answer(ok=True)
    assert log.read_text().splitlines() == ["reset-failed bluetooth.service", "restart bluetooth.service"]
    names = {line.partition("=")[0] for line in (tmp_path / "environment").read_text().splitlines()}
    assert names - {"PWD", "_", "SHLVL", "OLDPWD"} == {"PATH", "LC_ALL"}


def test_a_unit_that_never_failed_is_restarted_all_the_same(tmp_path: Path) -> None:
    log = systemctl(tmp_path, '[ "$1" = restart ]')
    assert Actions(tmp_path, tmp_path / "systemctl").do(RESTART).ok
    assert log.read_text().endswith("restart bluetooth.service\n")


def test_a_systemctl_that_fails_or_is_not_there_is_said(tmp_path: Path) -> None:
    actions = Actions(tmp_path, tmp_path / "systemctl")
    assert actions.do(RESTART) == Answer(ok=False, why="There is no systemd here.", possible=False)
    systemctl(tmp_path, "exit 3")
    assert actions.do(RESTART) == Answer(ok=False, why="systemctl restart bluetooth.service: it ended with status 3")
    (tmp_path / "systemctl").chmod(0o644)
    assert actions.do(RESTART).why == "systemctl restart bluetooth.service: Permission denied"


def test_a_service_that_hangs_is_killed_and_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.3)
    dead = tmp_path / "dead"
    log = systemctl(tmp_path, f"case $1 in kill) touch {dead};; restart) [ -e {dead} ] || exec sleep 60;; esac")
    assert Actions(tmp_path, tmp_path / "systemctl").do(RESTART) == Answer(ok=True)
    assert log.read_text().splitlines() == [
        "reset-failed bluetooth.service",
        "restart bluetooth.service",
        "kill --signal=SIGKILL bluetooth.service",
        "restart bluetooth.service",
    ]


def test_a_service_that_hangs_for_good_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    systemctl(tmp_path, '[ "$1" = restart ] && exec sleep 60')
    monkeypatch.setattr(module, "PATIENCE_S", 0.1)
    monkeypatch.setattr(Actions._run, "__kwdefaults__", {"limit": 0.1})
    assert Actions(tmp_path, tmp_path / "systemctl").do(RESTART).why == "systemctl restart bluetooth.service: it took more than 0.1 s"
