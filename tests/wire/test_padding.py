"""Padding: the block rule and the golden vectors."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.padding import block_size, pad, unpad
from tests.wire.strategies import thorough
from tests.wire.vectors import load

PAD = [v for v in load("padding") if v["op"] == "pad"]
UNPAD = [v for v in load("padding") if v["op"] == "unpad"]


def test_no_vector_is_left_out():
    assert len(PAD) + len(UNPAD) == len(load("padding"))


@pytest.mark.parametrize("vector", PAD, ids=lambda v: str(v["length"]))
def test_block_and_padded_length(vector: dict[str, Any]) -> None:
    data = bytes(vector["length"])
    padded = pad(data)
    assert block_size(vector["length"]) == vector["block"]
    assert len(padded) == vector["padded_length"]
    assert padded.startswith(data)
    gap = vector["padded_length"] - vector["length"]
    assert vector["pad_byte"] == (gap or None)
    assert set(padded[vector["length"] :]) == ({vector["pad_byte"]} if gap else set())
    assert (vector["data_sha256"] == vector["padded_sha256"]) == (gap == 0)


@pytest.mark.parametrize("vector", [v for v in PAD if v["data"] is not None], ids=lambda v: str(v["length"]))
def test_padded_bytes(vector: dict[str, Any]) -> None:
    data, padded = bytes.fromhex(vector["data"]), bytes.fromhex(vector["padded"])
    assert pad(data) == padded
    assert sha256(data).hexdigest() == vector["data_sha256"]
    assert sha256(pad(data)).hexdigest() == vector["padded_sha256"]


@pytest.mark.parametrize("vector", UNPAD, ids=lambda v: v["data"][:20])
def test_unpadded_bytes(vector: dict[str, Any]) -> None:
    assert unpad(bytes.fromhex(vector["data"])).hex() == vector["result"]


@thorough
@given(st.integers(0, 2100), st.integers(0, 255))
def test_padding_comes_off_again(length, filler):
    data = bytes((filler,)) * length
    padded = pad(data)
    assert len(padded) == length or unpad(padded) == data


def test_a_gap_that_does_not_fit_a_byte_is_left_open() -> None:
    gaps = {len(pad(bytes(length))) - length for length in range(2100)}
    assert gaps == {0, *range(16, 256)}
