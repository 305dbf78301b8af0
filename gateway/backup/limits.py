"""The caps of backups: what a file from anywhere may ask of the gateway that is to read it.

The same rules as in `gateway.limits`; `docs/reference/limits.md` is made from all such files.
"""

from typing import Final

from gateway.limits import MAX_BOOK, MAX_STORE_BYTES

# The passphrase of a backup
MIN_BACKUP_PASSPHRASE: Final = 12  # characters, as for the page: the file may be copied, and guessed at for years
MAX_BACKUP_PASSPHRASE: Final = 256  # characters: longer ones would only cost time
MIN_BACKUP_LETTERS: Final = 5  # different characters
MAX_BACKUP_MEMORY_KIB: Final = 256 * 1024  # KiB of argon2id a file may ask for: four times what is written, half of a small board
MAX_BACKUP_PASSES: Final = 10  # of argon2id a file may ask for
MAX_BACKUP_LANES: Final = 8  # of argon2id a file may ask for

# What is in one
MAX_BACKUP_MANIFEST: Final = 65_536  # bytes of the list of members
MAX_BACKUP_MEMBERS: Final = 32  # members; there are a dozen
MAX_BACKUP_LEFT: Final = 64  # files named that are not in it
MAX_BACKUP_TEXT: Final = 1_024  # characters of a name, a version or a path in the list
MAX_BACKUP_CONFIG: Final = 1024 * 1024  # bytes of the configuration
MAX_BACKUP_SMALL: Final = 262_144  # bytes of every other file but the book of the federation and the database
MAX_BACKUP_BYTES: Final = MAX_STORE_BYTES + MAX_BOOK + 16 * 1024 * 1024  # bytes of all members; nothing is compressed: it takes no more
MAX_BACKUP_FILE: Final = MAX_BACKUP_BYTES + 1024 * 1024  # bytes of a file, uploaded or named

# Files that wait in a running gateway
MAX_BACKUPS_WAITING: Final = 2  # made and not fetched yet, or uploaded; the oldest gives way
BACKUP_WAIT_S: Final = 1_800.0  # seconds each waits at most
BACKUP_STALL_S: Final = 30.0  # seconds between two pieces of an upload
