"""How BlueZ's own settings are read, as BlueZ reads them."""

import os
from pathlib import Path

import pytest

from hw.bluez.settings import DaemonOptions, MainConfError, parse_main_conf, parse_options, read_settings
from tests.hw.sysfs import write

BOOT = 1_800_000_000  # unix seconds
TICKS = os.sysconf("SC_CLK_TCK")
UNIT = "usr/lib/systemd/system/bluetooth.service"


def daemon(root: Path, *arguments: str, started: int = 100, pid: int = 812, name: str = "bluetoothd") -> None:
    """Let a process run since so many seconds after the boot."""
    write(root, "proc/stat", f"cpu  1 2 3\nbtime {BOOT}\nprocesses 9\n")
    write(root, f"proc/{pid}/comm", f"{name}\n")
    write(root, f"proc/{pid}/cmdline", "\0".join(["/usr/libexec/bluetooth/bluetoothd", *arguments, ""]))
    write(root, f"proc/{pid}/stat", f"{pid} ({name}) S " + "0 " * 18 + f"{started * TICKS} 0 0\n")


def main_conf(root: Path, text: str, changed: float = BOOT) -> Path:
    file = write(root, "etc/bluetooth/main.conf", text)
    os.utime(file, (changed, changed))
    return file


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("", DaemonOptions()),
        ("-P battery", DaemonOptions(without=("battery",))),
        ("-Pbattery,hostname -E", DaemonOptions(without=("battery", "hostname"), experimental=True)),
        ("--noplugin=battery --experimental", DaemonOptions(without=("battery",), experimental=True)),
        ("--noplugin battery --nodetach", DaemonOptions(without=("battery",))),
        ("-n -d -E", DaemonOptions(experimental=True)),
        ("-nE", DaemonOptions(experimental=True)),
        ("-dE", DaemonOptions()),  # debug messages of files whose name matches E
        ("-p a,b -f /srv/bt.conf", DaemonOptions(only=("a", "b"), config="/srv/bt.conf")),
        ("-P", DaemonOptions()),
    ],
)
def test_the_command_line_means_what_it_means_to_bluetoothd(line: str, options: DaemonOptions) -> None:
    assert parse_options(line.split()) == options


@pytest.mark.parametrize(
    ("options", "loaded"),
    [
        (DaemonOptions(), True),
        (DaemonOptions(without=("hostname",)), True),
        (DaemonOptions(without=("hostname", "bat*")), False),
        (DaemonOptions(without=("*",)), False),
        (DaemonOptions(only=("hostname",)), False),
        (DaemonOptions(only=("batter?",)), True),
        (DaemonOptions(only=("battery",), without=("battery",)), False),
    ],
)
def test_a_plug_in_is_loaded_unless_left_out_or_not_among_the_only_ones(options: DaemonOptions, loaded: bool) -> None:
    assert options.loads("battery") is loaded


def test_main_conf_has_groups_comments_and_a_last_word() -> None:
    general = "# a comment\n\n[General]\n ControllerMode = dual\n#Name = x\nControllerMode=le\n"
    assert parse_main_conf(general + "[LE]\nMinAdvertisementInterval = 0xA0\n[General]\nName = a = b\n") == {
        ("General", "ControllerMode"): "le",
        ("LE", "MinAdvertisementInterval"): "0xA0",
        ("General", "Name"): "a = b",
    }


@pytest.mark.parametrize(("text", "line"), [("Name = x\n", 1), ("[General]\nName\n", 2), ("[General\n", 1), ("[LE]\n\n= 5\n", 3)])
def test_a_line_without_sense_spoils_the_file_and_is_named(text: str, line: int) -> None:
    with pytest.raises(MainConfError) as caught:
        parse_main_conf(text)
    assert caught.value.line == line


def test_a_daemon_that_runs_tells_its_options_and_the_file_its_values(tmp_path: Path) -> None:
    daemon(tmp_path, "-P", "battery")
    daemon(tmp_path, "--nonsense", pid=7, name="dbus-daemon")
    main_conf(tmp_path, "[GATT]\nCache = no\n")
    write(tmp_path, UNIT, "[Service]\nExecStart=/usr/libexec/bluetooth/bluetoothd -E\n")
    settings = read_settings(tmp_path)
    assert settings.options == DaemonOptions(without=("battery",))
    assert settings.running
    assert settings.get("GATT", "Cache") == "no"
    assert settings.get("GATT", "Channels") is None
    assert not settings.newer


def test_a_file_changed_after_the_daemon_started_is_not_in_force(tmp_path: Path) -> None:
    daemon(tmp_path, started=100)
    for changed, newer in ((BOOT + 99, False), (BOOT + 103, False), (BOOT + 200, True)):
        main_conf(tmp_path, "[General]\n", changed)
        assert read_settings(tmp_path).newer is newer


def test_a_file_named_on_the_command_line_is_the_one_that_counts(tmp_path: Path) -> None:
    daemon(tmp_path, "-f", "/srv/bt.conf")
    main_conf(tmp_path, "[GATT]\nCache = yes\n")
    write(tmp_path, "srv/bt.conf", "[GATT]\nCache = no\n")
    settings = read_settings(tmp_path)
    assert settings.path == tmp_path / "srv/bt.conf"
    assert settings.get("GATT", "Cache") == "no"


def test_a_daemon_that_does_not_run_would_be_started_as_its_unit_says(tmp_path: Path) -> None:
    write(tmp_path, UNIT, "[Service]\nExecStart=/usr/libexec/bluetooth/bluetoothd\n")
    assert read_settings(tmp_path).options == DaemonOptions()
    drop_in = "etc/systemd/system/bluetooth.service.d"
    write(tmp_path, f"{drop_in}/10-a.conf", "[Service]\nExecStart=\nExecStart=/usr/libexec/bluetooth/bluetoothd -P battery\n")
    settings = read_settings(tmp_path)
    assert settings.options == DaemonOptions(without=("battery",))
    assert not settings.running
    write(tmp_path, f"{drop_in}/20-b.conf", "[Service]\nExecStart =\nExecStart = /usr/libexec/bluetooth/bluetoothd -E\n")
    write(tmp_path, f"{drop_in}/30-c.conf", "[Service]\nRestart=always\n")
    assert read_settings(tmp_path).options == DaemonOptions(experimental=True)


def test_a_unit_in_etc_hides_the_one_of_the_package(tmp_path: Path) -> None:
    write(tmp_path, UNIT, "[Service]\nExecStart=/usr/libexec/bluetooth/bluetoothd\n")
    write(tmp_path, "etc/systemd/system/bluetooth.service", "[Service]\nExecStart=/opt/bluetoothd -E\n")
    assert read_settings(tmp_path).options == DaemonOptions(experimental=True)


@pytest.mark.parametrize("text", ["[Service]\n", "[Service]\nExecStart=\n", "[Service]\nExecStart='unclosed\n"])
def test_a_unit_that_starts_nothing_tells_no_options(tmp_path: Path, text: str) -> None:
    write(tmp_path, UNIT, text)
    assert read_settings(tmp_path).options is None


def test_without_bluez_there_is_nothing_to_read_and_no_error(tmp_path: Path) -> None:
    settings = read_settings(tmp_path)
    assert (settings.options, settings.running, settings.values, settings.broken_line, settings.newer) == (None, False, {}, 0, False)


def test_a_file_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "etc/bluetooth/main.conf").mkdir(parents=True)  # reading a directory fails for root too
    settings = read_settings(tmp_path)
    assert settings.values is None
    assert settings.get("GATT", "Cache") is None


def test_a_broken_file_gives_nothing_and_its_line(tmp_path: Path) -> None:
    main_conf(tmp_path, "[GATT]\nCache = no\noops\n")
    settings = read_settings(tmp_path)
    assert (settings.values, settings.broken_line) == ({}, 3)


def test_a_process_that_ends_while_it_is_looked_at_is_none(tmp_path: Path) -> None:
    (tmp_path / "proc/812").mkdir(parents=True)
    assert not read_settings(tmp_path).running
