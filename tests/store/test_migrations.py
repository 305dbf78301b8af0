"""Every version a database ever had is brought to the newest, whole steps at a time, and loses nothing."""

import re
import sqlite3
from importlib.resources import files
from itertools import combinations

import pytest

from gateway.store import migrations
from gateway.store.migrations import APPLICATION_ID, migrate, newest, statements, steps, version_of
from tests.store.stores import NOW, message, opened, writing

VERSIONS = range(newest() + 1)
SHAPE = (  # of version 3, which names its columns because later ones have more
    "INSERT INTO shape (seq, id, at_ms, kind, size, directed, signed, origin, via, verdict) "
    "VALUES (1, x'61', 1000, 2, 9, 0, 1, x'6f', x'', 'crossed')"
)
ROWS = {  # by the step that made the table: what a gateway of that version may have left
    1: (
        "INSERT INTO spool VALUES (1, x'6d', 1, 0, '', x'6f', x'', x'', x'72', 4, 1000, 99999999999999, 1000, 0, 0)",
        "INSERT INTO spool_body VALUES (1, x'626f6479')",
    ),
    2: ("INSERT INTO kept VALUES (1, x'70', 2, x'6672616d65', 5, 99999999999999)",),
    4: ("INSERT INTO event VALUES (x'65', 4, 1801)",),
    6: (
        "INSERT INTO mail VALUES (x'6d', 4, 1, x'')",
        "INSERT INTO pin VALUES (x'61', x'6b', 1000, 99999999999999)",
        "INSERT INTO carried VALUES (1, x'65', 0, x'6f', 1000, 3000, x'65')",
    ),
    3: (
        "INSERT INTO decision VALUES (1, 'aabb', 1000, 'radio', 'heard', '', '', '')",
        SHAPE,
    ),
    7: ("INSERT INTO audit VALUES (1, 1000, 'mqtt', NULL, 'bridge_switched', 'off', 0)",),
    8: ("INSERT INTO series VALUES ('queue_bytes', 1, 5.0)",),
    5: ("UPDATE shape SET sites = x'686974686572212100'",),
}


def make(path, version):
    """A database as a gateway of that version would have left it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    migrate(connection, upto=version)
    for number in range(1, version + 1):
        for row in ROWS[number]:
            connection.execute(row)
    connection.close()


def schema(path):
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
    connection.close()
    return found


def test_steps_are_numbered_from_one_without_a_gap():
    found = sorted(file.name for file in files(migrations.__package__).joinpath("schema").iterdir())
    assert found == [f"{number:04}.sql" for number in range(1, len(found) + 1)]
    assert len(found) == newest() == max(ROWS)


@pytest.mark.parametrize("version", VERSIONS)
def test_from_every_version_the_same_shape_is_reached_and_nothing_is_lost(tmp_path, version):
    make(tmp_path / "old.db", version)
    with opened(tmp_path / "old.db") as store, opened(tmp_path / "new.db"):
        assert store.database.aside == ""
        if version >= 1:
            assert [one.body for one in store.spool.ready(2000)] == [b"body"]
        if version >= 2:
            assert [one.frame for one in store.history.load(2000)] == [b"frame"]
        if version >= 6:
            assert [one.payload for one in store.mail.load()] == [b"body"]
            assert len(store.pins.load(2000)) == len(store.carried.load(2000)) == 1
        if version >= 3:
            assert len(store.decisions.trail("aabb")) == 1
        if version >= 7:
            assert [(one.at_ms, one.detail) for one in store.audit.page(9)] == [(1000, "off")]
        if version >= 4:
            assert [one.identifier for one in store.events.load(1800)] == [b"e"]
        if version >= 3:
            sites = ((b"hither!!", "crossed"),) if version >= 5 else ()
            assert [(one.verdict, one.sites) for one in store.shapes.between(0, 2000)] == [("crossed", sites)]
    assert schema(tmp_path / "old.db") == schema(tmp_path / "new.db")


@pytest.mark.parametrize(("version", "failing"), list(combinations(VERSIONS, 2)))
def test_a_step_that_fails_leaves_the_version_before_it(tmp_path, monkeypatch, version, failing):
    path = tmp_path / "old.db"
    make(path, version)
    broken = tuple(sql + ("\nCREATE TABLE spool (again);" if number == failing else "") for number, sql in enumerate(steps(), 1))
    monkeypatch.setattr(migrations, "steps", lambda: broken)
    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(connection)
    assert version_of(connection) == failing - 1
    connection.close()
    monkeypatch.undo()
    with opened(path) as store:
        assert store.database.rows("PRAGMA user_version") == [(newest(),)]


def test_a_database_that_is_up_to_date_is_left_as_it_is(tmp_path):
    with writing(tmp_path / "store.db") as store:
        store.spool.accept(message(), NOW)
    connection = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    assert migrate(connection) == 0
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    connection.close()


def test_a_script_is_cut_where_its_statements_end():
    assert [one.strip() for one in statements("A 1;\n-- why; indeed\nB\n 2;\n")] == ["A 1;", "-- why; indeed\nB\n 2;"]
    with pytest.raises(ValueError, match="middle of a statement"):
        list(statements("CREATE TABLE a (b"))


def test_a_released_step_is_never_changed_by_a_semicolon_in_a_comment():
    for sql in steps():
        for statement in statements(sql):
            assert len(re.findall(r"^(?:CREATE|ALTER) ", statement, re.MULTILINE)) == 1
