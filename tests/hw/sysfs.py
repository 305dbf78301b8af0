"""Trees like /sys, /proc and /etc for tests, under a directory of the test's own."""

from pathlib import Path


def write(root: Path, name: str, text: str | bytes) -> Path:
    """Write one file, with the directories above it."""
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def rtc(root: Path, name: str, since_epoch: str) -> None:
    """Fit a hardware clock."""
    write(root, f"sys/class/rtc/{name}/since_epoch", since_epoch)


def rfkill(root: Path, number: int, name: str, *, kind: str = "bluetooth", soft: bool = False, hard: bool = False) -> None:
    """Fit a radio switch."""
    for part, text in (("type", kind), ("name", name), ("soft", str(int(soft))), ("hard", str(int(hard)))):
        write(root, f"sys/class/rfkill/rfkill{number}/{part}", text + "\n")


def device(root: Path, kind: str, name: str, place: str, buses: dict[str, str]) -> None:
    """Fit a device: ``/sys/class/KIND/NAME`` leads to ``/sys/devices/PLACE``, and `buses` are the subsystems of its ancestors."""
    home = root / "sys/devices" / place
    home.mkdir(parents=True, exist_ok=True)
    for ancestor, bus in buses.items():
        link = root / "sys/devices" / ancestor / "subsystem"
        if not link.is_symlink():
            (root / "sys/bus" / bus).mkdir(parents=True, exist_ok=True)
            link.symlink_to(root / "sys/bus" / bus)
    (root / "sys/class" / kind).mkdir(parents=True, exist_ok=True)
    (root / "sys/class" / kind / name).symlink_to(home)


def usb_device(root: Path, kind: str, name: str, port: str) -> None:
    """Fit a device into a USB port such as ``1-1``."""
    usb = f"pci0000:00/0000:00:14.0/usb1/{port}"
    write(root, f"sys/devices/{usb}/devnum", "7\n")
    device(root, kind, name, f"{usb}/{port}:1.{kind}/{kind}/{name}", {"pci0000:00/0000:00:14.0": "pci", usb: "usb"})


def pi_radios(root: Path) -> None:
    """Fit the built-in radios of a Raspberry Pi 4: Wi-Fi on SDIO, Bluetooth on a serial port."""
    card = "platform/soc/fe300000.mmcnr/mmc_host/mmc1/mmc1:0001/mmc1:0001:1"
    device(root, "net", "wlan0", f"{card}/net/wlan0", {"platform": "platform", card: "sdio"})
    port = "platform/soc/fe201000.serial/serial0/serial0-0"
    device(root, "bluetooth", "hci0", f"{port}/bluetooth/hci0", {port: "serial"})
