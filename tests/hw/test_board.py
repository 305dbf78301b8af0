from pathlib import Path

import pytest

from hw.board import Board, read_board
from tests.hw.sysfs import write


@pytest.mark.parametrize(
    ("model", "long_packets"),
    [
        ("Raspberry Pi Zero 2 W Rev 1.0", False),
        ("Raspberry Pi 3 Model B Rev 1.2", False),
        ("Raspberry Pi 3 Model B Plus Rev 1.3", None),
        ("Raspberry Pi 4 Model B Rev 1.4", True),
        ("Raspberry Pi 5 Model B Rev 1.0", None),
    ],
)
def test_what_is_known_of_a_pi_and_nothing_else(tmp_path: Path, model: str, long_packets: bool | None) -> None:
    write(tmp_path, "proc/device-tree/model", f"{model}\0")
    assert read_board(tmp_path) == Board(model, long_packets, shares_wifi=True)


def test_another_board_has_a_name_and_nothing_is_known_of_it(tmp_path: Path) -> None:
    write(tmp_path, "proc/device-tree/model", b"Banana \xff Pi\0")
    assert read_board(tmp_path) == Board("Banana \ufffd Pi", None, None)


def test_a_pc_has_no_device_tree(tmp_path: Path) -> None:
    assert read_board(tmp_path) == Board()
