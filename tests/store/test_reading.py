"""The past read from a database that nobody has open: all of it, and without a trace."""

import sqlite3

import pytest

from gateway.errors import StoreError
from gateway.store import migrations
from gateway.store.reading import read_shapes
from gateway.store.shapes import Shape
from tests.store.stores import NOW, opened, writing


def shape(number):
    return Shape(bytes([number]), NOW + number, 2, 300, False, True, b"ada-----", b"", "crossed", ((bytes(8), "policy"),))


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "it's a 100% store?#.db"
    with writing(file) as store:
        for number in range(3):
            store.shapes.add(shape(number))
    return file


def test_what_was_noted_is_there_and_nothing_is_left_behind_or_changed(path):
    before = path.read_bytes()
    assert [(one.at_ms - NOW, one.sites) for one in read_shapes(path, NOW + 1, NOW + 3)] == [
        (1, ((bytes(8), "policy"),)),
        (2, ((bytes(8), "policy"),)),
    ]
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == before


def test_somebody_who_has_the_file_open_is_not_disturbed(path):
    with opened(path) as store:
        assert len(list(read_shapes(path, 0, NOW + 9))) == 3
        with store.database.transaction():
            store.shapes.add(shape(3))


@pytest.mark.parametrize("text", [b"", b"notes", b"SQLite format 3\0 and then nothing"])
def test_what_is_no_database_of_ours_is_refused(tmp_path, text):
    other = tmp_path / "store.db"
    other.write_bytes(text)
    with pytest.raises(StoreError):
        list(read_shapes(other, 0, NOW))


def test_what_is_not_there_is_refused_and_not_made(tmp_path):
    with pytest.raises(StoreError):
        list(read_shapes(tmp_path / "store.db", 0, NOW))
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_version_is_refused_with_what_to_do(path):
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {migrations.newest() - 1}")
    connection.close()
    with pytest.raises(StoreError, match="Start the gateway once"):
        list(read_shapes(path, 0, NOW))
