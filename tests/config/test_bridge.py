"""The bridge's keys: what is taken, and what is refused with a sentence."""

from pathlib import Path

import pytest

from gateway.config import BridgeMode
from gateway.limits import MAX_CHANNELS
from tests.config.support import read, refusal


def test_without_a_word_the_bridge_asks_authors_and_does_not_know_its_place(tmp_path: Path) -> None:
    bridge = read(tmp_path).config.bridge
    assert (bridge.mode, bridge.cell, bridge.geohash_channels) == (BridgeMode.CONSENT, "", ())


def test_the_cell_and_the_channels_are_taken(tmp_path: Path) -> None:
    bridge = read(tmp_path, '[bridge]\nmode = "consent"\ncell = "u4pruy"\ngeohash_channels = ["u4", "u4pru"]\n').config.bridge
    assert (bridge.mode, bridge.cell, bridge.geohash_channels) == (BridgeMode.CONSENT, "u4pruy", ("u4", "u4pru"))


@pytest.mark.parametrize("cell", ["u4pru", "u4pruyd", "U4PRUY", "u4prua", "56.9,24.1"])
def test_what_is_no_cell_is_refused_with_what_one_looks_like(tmp_path: Path, cell: str) -> None:
    (problem,) = refusal(tmp_path, f'[bridge]\ncell = "{cell}"\n').problems
    assert problem.key == "bridge.cell"
    assert "no geohash of 6 characters" in problem.message
    assert "u4pruy" in problem.allowed


@pytest.mark.parametrize("channel", ["", "a", "u4pruydqqvj12"])
def test_what_is_no_channel_is_refused(tmp_path: Path, channel: str) -> None:
    (problem,) = refusal(tmp_path, f'[bridge]\ncell = "u4pruy"\ngeohash_channels = ["{channel}"]\n').problems
    assert problem.key == "bridge.geohash_channels[0]"


def test_there_are_not_too_many_channels(tmp_path: Path) -> None:
    names = [f"u{a}{b}" for a in "01234" for b in "0123"][: MAX_CHANNELS + 1]
    (problem,) = refusal(tmp_path, f'[bridge]\ncell = "u4pruy"\ngeohash_channels = {names}\n').problems
    assert problem.allowed == f"at most {MAX_CHANNELS}"


def test_whoever_writes_consent_must_also_write_where(tmp_path: Path) -> None:
    (problem,) = refusal(tmp_path, '[bridge]\nmode = "consent"\n').problems
    assert problem.key == "bridge.mode"
    assert "set bridge.cell to the geohash of this place" in problem.message
    assert read(tmp_path, '[bridge]\nmode = "consent"\ncell = ""\n').config.bridge.cell == ""  # closed, as the example has it


def test_channels_need_a_cell(tmp_path: Path) -> None:
    (problem,) = refusal(tmp_path, '[bridge]\ngeohash_channels = ["u4"]\n').problems
    assert problem.key == "bridge.geohash_channels"
