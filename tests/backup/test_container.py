"""The container: it opens as it was made, or not at all."""

import hashlib
import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.backup.container import HEAD_BYTES, PIECE, TAG, Opening, Sealing
from gateway.backup.errors import BackupError, Flaw
from gateway.backup.limits import (
    MAX_BACKUP_LANES,
    MAX_BACKUP_MEMORY_KIB,
    MAX_BACKUP_PASSES,
    MAX_BACKUP_PASSPHRASE,
    MIN_BACKUP_LETTERS,
    MIN_BACKUP_PASSPHRASE,
)
from gateway.backup.passphrase import COST, Cost, check, derive
from tests.backup.files import CHEAP, PASSPHRASE, opened, sealed

SEALED_PIECE = PIECE + TAG
CONTENT = bytes(range(256)) * (5 * PIECE // 512)  # two pieces and a half
WHOLE = sealed(CONTENT)
HEAD, PIECES = WHOLE[:HEAD_BYTES], [WHOLE[at : at + SEALED_PIECE] for at in range(HEAD_BYTES, len(WHOLE), SEALED_PIECE)]


def flaw_of(data: bytes, passphrase: str = PASSPHRASE, size: int = len(CONTENT)) -> Flaw:
    with pytest.raises(BackupError) as refused:
        opened(data, size, passphrase)
    assert PASSPHRASE not in str(refused.value)
    return refused.value.flaw


@pytest.mark.parametrize("size", [1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 7])
def test_what_went_in_comes_out(size) -> None:
    content = CONTENT[:size]
    whole = sealed(content)
    assert opened(whole, size) == content
    assert len(whole) == HEAD_BYTES + size + TAG * -(-size // PIECE)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_no_byte_can_be_another(place, change) -> None:
    spoiled = bytearray(WHOLE)
    spoiled[place] ^= change
    assert flaw_of(bytes(spoiled)) in {Flaw.FOREIGN, Flaw.DAMAGED, Flaw.PASSPHRASE}


@pytest.mark.parametrize("place", range(HEAD_BYTES))
def test_no_bit_of_the_head_can_be_another(place) -> None:
    for bit in range(8):
        spoiled = bytearray(WHOLE)
        spoiled[place] ^= 1 << bit
        assert flaw_of(bytes(spoiled)) in {Flaw.FOREIGN, Flaw.DAMAGED, Flaw.PASSPHRASE}


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_nothing_can_be_cut_off(length) -> None:
    assert flaw_of(WHOLE[:length]) in {Flaw.FOREIGN, Flaw.DAMAGED}


@pytest.mark.parametrize(
    "pieces",
    [PIECES[:2], PIECES[:1], [], PIECES[1:], [*PIECES, PIECES[-1]], [PIECES[1], PIECES[0], PIECES[2]], [PIECES[0], *PIECES], [PIECES[2]]],
    ids=["two of three", "one of three", "none", "not the first", "the last twice", "in another order", "the first twice", "the last"],
)
def test_pieces_cannot_be_left_out_doubled_or_moved(pieces) -> None:
    assert flaw_of(HEAD + b"".join(pieces)) is Flaw.DAMAGED


def test_what_ends_sooner_than_it_is_read_and_what_goes_on_are_seen() -> None:
    assert flaw_of(WHOLE, size=len(CONTENT) + 1) is Flaw.DAMAGED
    assert flaw_of(WHOLE, size=len(CONTENT) - 1) is Flaw.DAMAGED
    assert flaw_of(WHOLE, size=PIECE) is Flaw.DAMAGED
    assert flaw_of(WHOLE + WHOLE) is Flaw.DAMAGED


@pytest.mark.parametrize("count", [1, 2])
def test_a_cut_between_two_pieces_is_seen_by_who_would_read_no_further(count) -> None:
    assert flaw_of(HEAD + b"".join(PIECES[:count]), size=count * PIECE) is Flaw.DAMAGED


def test_a_piece_of_another_backup_with_the_same_passphrase_does_not_fit() -> None:
    other = sealed(CONTENT, seed=2)
    assert flaw_of(WHOLE[: HEAD_BYTES + SEALED_PIECE] + other[HEAD_BYTES + SEALED_PIECE :]) is Flaw.DAMAGED
    assert flaw_of(HEAD + other[HEAD_BYTES:]) is Flaw.DAMAGED


@pytest.mark.parametrize("wrong", ["", "x", PASSPHRASE[:-1], PASSPHRASE.upper(), f"{PASSPHRASE} ", "x" * 10_000])
def test_another_passphrase_does_not_open_it(wrong) -> None:
    assert flaw_of(WHOLE, wrong) is Flaw.PASSPHRASE


def test_a_passphrase_is_the_same_on_every_keyboard() -> None:
    whole = sealed(b"x", "caf\N{LATIN SMALL LETTER E WITH ACUTE} au bord du lac")
    assert opened(whole, 1, "cafe\N{COMBINING ACUTE ACCENT} au bord du lac") == b"x"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + bytes(200), b"-----BEGIN", bytes(HEAD_BYTES), b"SQLite format 3\0" * 20])
def test_another_file_is_told_to_be_one(data) -> None:
    assert flaw_of(data) is Flaw.FOREIGN


@pytest.mark.parametrize(("place", "value"), [(8, 2), (9, 2), (10, 20)])
def test_a_newer_container_is_told_to_be_one(place, value) -> None:
    assert flaw_of(rehead(place, bytes((value,)))) is Flaw.NEWER


def rehead(place: int, value: bytes) -> bytes:
    """The container with something else in its head, the sum put right."""
    head = bytearray(HEAD[:36])
    head[place : place + len(value)] = value
    return bytes(head) + hashlib.sha256(head).digest()[:8] + WHOLE[44:]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (16, struct.pack(">I", 64 * 1024 * 1024)),  # 64 GiB
        (16, struct.pack(">I", MAX_BACKUP_MEMORY_KIB + 1)),
        (16, struct.pack(">I", 7)),
        (12, struct.pack(">I", MAX_BACKUP_PASSES + 1)),
        (12, struct.pack(">I", 2**32 - 1)),
        (12, struct.pack(">I", 0)),
        (11, bytes((MAX_BACKUP_LANES + 1,))),
        (11, b"\0"),
    ],
)
def test_a_file_cannot_ask_for_more_memory_or_time_than_any_needs(place, value, monkeypatch) -> None:
    monkeypatch.setattr("gateway.backup.passphrase.hash_secret_raw", None)  # called, it would be seen
    assert flaw_of(rehead(place, value)) is Flaw.COSTLY


def test_what_is_written_is_within_what_is_read() -> None:
    derive(PASSPHRASE, bytes(16), Cost(8 * MAX_BACKUP_LANES, MAX_BACKUP_PASSES, MAX_BACKUP_LANES), b"")
    assert COST.memory_kib <= MAX_BACKUP_MEMORY_KIB
    assert COST >= (64 * 1024, 3, 4)


@pytest.mark.parametrize(
    "weak",
    ["", "a" * 40, "abcdefghijk", "ab" * 20, "seven quiet\nherons wade", "\ud800" + PASSPHRASE, "ab cdefghijklm" * 40],
)
def test_a_passphrase_that_would_be_guessed_makes_no_backup(weak) -> None:
    file = io.BytesIO()
    with pytest.raises(BackupError) as refused:
        Sealing(file, weak, bytes, CHEAP)
    assert (refused.value.flaw, file.getvalue()) == (Flaw.WEAK, b"")


def test_the_bounds_of_a_passphrase_are_those_that_are_named() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    assert check(letters[:MIN_BACKUP_PASSPHRASE])
    assert check((letters * 10)[:MAX_BACKUP_PASSPHRASE])
    assert check((letters[:MIN_BACKUP_LETTERS] * 10)[:20])
    for weak in (letters[: MIN_BACKUP_PASSPHRASE - 1], (letters * 10)[: MAX_BACKUP_PASSPHRASE + 1], letters[: MIN_BACKUP_LETTERS - 1] * 10):
        with pytest.raises(BackupError):
            check(weak)


def test_nothing_is_told_of_the_content_but_its_length() -> None:
    assert CONTENT[:64] not in WHOLE
    assert PASSPHRASE.encode() not in WHOLE
    assert sealed(CONTENT, seed=3)[36:] != WHOLE[36:]


def test_an_empty_container_is_not_made() -> None:
    with pytest.raises(ValueError, match="holds something"):
        Sealing(io.BytesIO(), PASSPHRASE, bytes, CHEAP).close()


def test_what_is_read_in_small_steps_is_the_same() -> None:
    opening = Opening(io.BytesIO(WHOLE), PASSPHRASE)
    assert b"".join(opening.read(min(1000, len(CONTENT) - at)) for at in range(0, len(CONTENT), 1000)) == CONTENT
    opening.end()
