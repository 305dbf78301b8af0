"""Reads the shapes of packets out of a database that nobody has open, without touching it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from gateway.errors import StoreError, StoreFault
from gateway.store import migrations
from gateway.store.database import Database
from gateway.store.faults import explained
from gateway.store.shapes import Shape, Shapes


def read_shapes(path: Path, from_ms: int, to_ms: int) -> Iterator[Shape]:
    """Walk the packets heard from one moment until before another, as `Shapes.between` does.

    Nothing is written, no log is played in and no lock is taken, so whoever may read the file can do it, and no file of theirs is left
    behind. What the gateway had not moved into the file when it was killed is not seen.

    Raises:
        StoreError: there is no database of this version there, or it cannot be read.

    """
    with (
        explained(path),
        closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True, isolation_level=None)) as connection,
    ):
        owner = connection.execute("PRAGMA application_id").fetchone()[0]
        if owner != migrations.APPLICATION_ID or migrations.version_of(connection) != migrations.newest():
            raise StoreError(
                StoreFault.UNREADABLE, f"{path} is no database of this version.", "Start the gateway once: it brings it up to date."
            )
        yield from Shapes(Database(path, connection), bytes).between(from_ms, to_ms)
