"""The shape of the database, in numbered steps: `schema/0001.sql` and on.

A step is applied in one transaction together with its number, so that a power cut leaves the
database before it or after it. A step that has been released is never changed; the next one
changes what it made.
"""

import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final

APPLICATION_ID: Final = 0x4D455348  # "MESH"; `file` and SQLite show it, and a foreign database has another


@cache
def steps() -> tuple[str, ...]:
    """Return the SQL of every step, in order."""
    found = sorted((file.name, file.read_text()) for file in files(__package__).joinpath("schema").iterdir() if file.name.endswith(".sql"))
    return tuple(sql for _, sql in found)


def newest() -> int:
    """Return the version this program makes and reads."""
    return len(steps())


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version a database has, 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, *, upto: int | None = None) -> int:
    """Apply the steps a database lacks; returns how many. Raises `sqlite3.Error`, and then the last whole step stands."""
    first, last = version_of(connection), newest() if upto is None else upto
    for number in range(first + 1, last + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements(steps()[number - 1]):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return max(0, last - first)


def statements(sql: str) -> Iterator[str]:
    """Cut a script at the ends of its statements; `executescript` would commit what is under way."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise ValueError("a step of the schema ends in the middle of a statement")
