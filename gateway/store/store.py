"""Everything that outlives a restart, behind one door."""

from pathlib import Path
from random import Random

from gateway.store.audit import AuditLog
from gateway.store.carried import CarriedEvents
from gateway.store.database import Database, open_database
from gateway.store.decisions import Decisions
from gateway.store.events import Events
from gateway.store.history import History
from gateway.store.mail import Mail
from gateway.store.pins import Pins
from gateway.store.series import Series
from gateway.store.shapes import Shapes
from gateway.store.spool import Spool


class Store:
    """The tables of one database.

    Args:
        database: where they are.
        rng: chance for retries and for the keys that hide who sent what; cryptographic unless a test says otherwise.

    """

    def __init__(self, database: Database, rng: Random) -> None:
        self.database = database
        self.spool = Spool(database, rng)
        self.mail = Mail(database, self.spool)
        self.history = History(database)
        self.pins = Pins(database)
        self.events = Events(database)
        self.carried = CarriedEvents(database)
        self.decisions = Decisions(database)
        self.shapes = Shapes(database, rng.randbytes)
        self.audit = AuditLog(database)
        self.series = Series(database)

    def prune(self, now_ms: int) -> int:
        """Forget what is over, in one transaction; returns how many rows. Raises `StoreError`."""
        kept = (self.spool, self.mail, self.history, self.pins, self.events, self.carried)
        parts = (*kept, self.decisions, self.shapes, self.audit, self.series)
        with self.database.transaction():
            return sum(part.prune(now_ms) for part in parts)

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()


def open_store(path: Path, rng: Random, *, distrust: bool = False) -> Store:
    """Open the store at `path`, or begin one; see `gateway.store.database.open_database` for what is refused and what is moved aside."""
    return Store(open_database(path, distrust=distrust), rng)
