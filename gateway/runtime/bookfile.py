"""The file with what a gateway knows of its federation: read once, then replaced as a whole."""

from pathlib import Path

from gateway.bridge.membership_book import Book, decode_book
from gateway.errors import ConfigError, DecodeError
from gateway.limits import MAX_BOOK
from hw.durable import put_in_place


class BookFile:
    """One file, and no other process writes it.

    Args:
        path: where it is; its folder exists.

    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Book:
        """Return the book, a new one if there is no file yet.

        Raises:
            ConfigError: it cannot be read, is damaged, or was written by a newer Meshgate. To begin with an empty one
                would let used tickets in again, and those who were shut out.

        """
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_BOOK + 1)
            return decode_book(data)
        except FileNotFoundError:
            return Book()
        except OSError as error:
            raise ConfigError(f"The list of the federation's members, {self.path}, cannot be read: {error.strerror}.") from error
        except DecodeError as error:
            hint = "Restore it from a backup; or move it away, revoke whom you do not trust, and let the others join anew."
            raise ConfigError(f"The list of the federation's members, {self.path}, is damaged or of a newer Meshgate. {hint}") from error

    def save(self, data: bytes) -> None:
        """Put these bytes in its place; when this returns, a power cut does not undo it. Raises `OSError`."""
        put_in_place(self.path, data)
