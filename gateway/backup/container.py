"""The container of a backup: a head in the clear, and behind it pieces that open only whole, in order, and to the last.

    bytes 0-7    89 4D 47 42 4B 0D 0A 1A: spoiled by whatever takes a backup for text
    byte  8      1, the version
    byte  9      1: ChaCha20-Poly1305
    byte  10     16: a piece has 2^16 bytes
    byte  11     lanes of argon2id
    bytes 12-15  passes of argon2id
    bytes 16-19  KiB of memory of argon2id
    bytes 20-35  salt
    bytes 36-43  the first bytes of SHA-256 over bytes 0-35, which tells a damaged head from a wrong passphrase
    bytes 44-75  proof of the passphrase, see `gateway.backup.passphrase`
    rest         pieces of 65,536 bytes and a 16-byte tag each; the last one is shorter or as long, and never empty

The nonce of a piece is its number in 11 bytes and one byte that is 1 for the last piece and 0 for every other (STREAM: Hoang,
Reyhanitabar, Rogaway, Vizár, CRYPTO 2015). What is missing, doubled, moved or appended changes a number or which piece is the last.
Numbers are big-endian. A key is used for one file, because its salt is.
"""

import hashlib
import hmac
import struct
from collections.abc import Callable
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from gateway.backup.errors import BackupError, Flaw
from gateway.backup.passphrase import COST, Cost, check, derive

MAGIC: Final = b"\x89MGBK\r\n\x1a"
VERSION: Final = 1
CIPHER: Final = 1
PIECE_BITS: Final = 16
PIECE: Final = 1 << PIECE_BITS  # bytes
TAG: Final = 16  # bytes
SALT: Final = 16  # bytes
_HEAD: Final = struct.Struct(">8sBBBBII16s")
_SUM: Final = 8
_PROOF: Final = 32
HEAD_BYTES: Final = _HEAD.size + _SUM + _PROOF

_AGAIN: Final = "Take another copy of the file."


def damaged(how: str) -> BackupError:
    """Return the error for a file that is not as it was made."""
    return BackupError(Flaw.DAMAGED, f"This backup is damaged: {how}.", _AGAIN)


class Sealing:
    """Writes a container.

    Args:
        file: takes it.
        passphrase: opens it.
        randbytes: a cryptographic source of random bytes.
        cost: cheaper only in tests.

    Raises:
        BackupError: the passphrase would be guessed.

    """

    def __init__(self, file: BinaryIO, passphrase: str, randbytes: Callable[[int], bytes], cost: Cost = COST) -> None:
        chosen, salt = check(passphrase), randbytes(SALT)
        head = _HEAD.pack(MAGIC, VERSION, CIPHER, PIECE_BITS, cost.lanes, cost.passes, cost.memory_kib, salt)
        keys = derive(chosen, salt, cost, head)
        self._file = file
        self._cipher = ChaCha20Poly1305(keys.cipher)
        self._number = 0
        self._held = bytearray()
        file.write(head + hashlib.sha256(head).digest()[:_SUM] + keys.proof)

    def write(self, data: bytes) -> None:
        """Take more of what is kept."""
        self._held += data
        while len(self._held) > PIECE:  # a piece as long as can be may be the last
            self._put(bytes(self._held[:PIECE]), last=False)
            del self._held[:PIECE]

    def close(self) -> None:
        """Write the last piece."""
        if not self._held:
            raise ValueError("a container holds something")
        self._put(bytes(self._held), last=True)
        self._held.clear()

    def _put(self, piece: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last=last), piece, None))
        self._number += 1


class Opening:
    """Reads a container, and gives out nothing that is not proved to stand where it stands.

    Args:
        file: where it is, from its beginning.
        passphrase: what somebody has typed.

    Raises:
        BackupError: it is no backup, of a newer program, damaged, asks for too much, or has another passphrase.

    """

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        whole = file.read(HEAD_BYTES)
        head, rest = whole[: _HEAD.size], whole[_HEAD.size :]
        if whole[: len(MAGIC)] != MAGIC[: len(whole)] or not whole:
            raise BackupError(Flaw.FOREIGN, "This file is no backup of Meshgate.", "Choose the file `meshgate backup create` has made.")
        if len(whole) < HEAD_BYTES:
            raise damaged("it ends in its head")
        _, version, cipher, bits, lanes, passes, memory_kib, salt = _HEAD.unpack(head)
        if rest[:_SUM] != hashlib.sha256(head).digest()[:_SUM]:
            raise damaged("its head was altered")
        if (version, cipher, bits) != (VERSION, CIPHER, PIECE_BITS):
            raise BackupError(Flaw.NEWER, "This backup was made by a newer Meshgate.", "Update this one first.")
        keys = derive(passphrase, salt, Cost(memory_kib, passes, lanes), head)
        if not hmac.compare_digest(rest[_SUM:], keys.proof):
            raise BackupError(Flaw.PASSPHRASE, "The passphrase is not the one of this backup.", "Type it again: nobody opens it without.")
        self._file = file
        self._cipher = ChaCha20Poly1305(keys.cipher)
        self._number = 0
        self._ahead = file.read(PIECE + TAG)
        self._held = bytearray()

    def read(self, size: int) -> bytes:
        """Return exactly so many bytes; raises `BackupError` if there are fewer or they were altered."""
        while len(self._held) < size:
            self._held += self._next()
        found = bytes(self._held[:size])
        del self._held[:size]
        return found

    def end(self) -> None:
        """Raise `BackupError` unless everything was read."""
        if self._held or self._ahead:
            raise damaged("something follows its end")

    def _next(self) -> bytes:
        sealed, self._ahead = self._ahead, self._file.read(PIECE + TAG)
        if len(sealed) <= TAG:
            raise damaged("it is cut short")
        last = not self._ahead
        try:
            piece = self._cipher.decrypt(_nonce(self._number, last=last), sealed, None)
        except InvalidTag:
            raise damaged("it was altered or is cut short" if last else "it was altered") from None
        self._number += 1
        return piece


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11) + bytes((last,))
