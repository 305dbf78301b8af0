"""The passphrase of a backup, and the keys made of it.

    secret    = argon2id 1.3 (passphrase in NFKC and UTF-8, salt of the file, cost of the file), 32 bytes
    cipher    = HKDF-SHA256(secret, info "meshgate backup 1 cipher" || head)
    proof     = HMAC-SHA256(HKDF-SHA256(secret, info "meshgate backup 1 proof" || head), head)

Both keys depend on every byte of the head, so that a file with another head is a file with another key.
"""

import hashlib
import hmac
import unicodedata
from typing import Final, NamedTuple

from argon2.exceptions import Argon2Error
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from gateway.backup.errors import BackupError, Flaw
from gateway.backup.limits import (
    MAX_BACKUP_LANES,
    MAX_BACKUP_MEMORY_KIB,
    MAX_BACKUP_PASSES,
    MAX_BACKUP_PASSPHRASE,
    MIN_BACKUP_LETTERS,
    MIN_BACKUP_PASSPHRASE,
)

KEY_BYTES: Final = 32


class Cost(NamedTuple):
    """What it costs to try a passphrase: KiB of memory, passes over it, lanes beside each other."""

    memory_kib: int
    passes: int
    lanes: int


COST: Final = Cost(64 * 1024, 3, 4)  # RFC 9106, section 4, the choice for little memory


class Keys(NamedTuple):
    """What opens one file, and what shows that it is the right one."""

    cipher: bytes
    proof: bytes


def check(text: str) -> str:
    """Return a new passphrase; raises `BackupError` if it would be guessed or cannot be typed again."""
    chosen = _normal(text)
    why = ""
    if not MIN_BACKUP_PASSPHRASE <= len(chosen) <= MAX_BACKUP_PASSPHRASE:
        why = f"A passphrase has {MIN_BACKUP_PASSPHRASE} to {MAX_BACKUP_PASSPHRASE} characters."
    elif any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in chosen):
        why = "A passphrase stands on one line."
    elif len(set(chosen)) < MIN_BACKUP_LETTERS:
        why = f"A passphrase has at least {MIN_BACKUP_LETTERS} different characters."
    if why:
        raise BackupError(Flaw.WEAK, why, "Four words that have nothing to do with each other will do.")
    return chosen


def derive(passphrase: str, salt: bytes, cost: Cost, head: bytes) -> Keys:
    """Return the keys of the file with this head.

    Raises:
        BackupError: it costs more than any backup needs, or the passphrase cannot be one.

    """
    if not (
        8 * cost.lanes <= cost.memory_kib <= MAX_BACKUP_MEMORY_KIB
        and 1 <= cost.passes <= MAX_BACKUP_PASSES
        and 1 <= cost.lanes <= MAX_BACKUP_LANES
    ):
        asked = f"{cost.memory_kib // 1024} MiB of memory and {cost.passes} passes"
        raise BackupError(Flaw.COSTLY, f"This file wants {asked} to be opened, more than any backup needs.", "It was not made by Meshgate.")
    if len(passphrase) > MAX_BACKUP_PASSPHRASE:
        raise BackupError(Flaw.PASSPHRASE, "No backup has a passphrase as long as that.", "Type it again.")
    try:
        secret = hash_secret_raw(
            _normal(passphrase).encode(errors="replace"), salt, cost.passes, cost.memory_kib, cost.lanes, KEY_BYTES, Type.ID
        )
    except (Argon2Error, MemoryError) as error:
        raise BackupError(Flaw.COSTLY, "There is too little memory to open this file.", "Open it on a larger machine.") from error
    cipher, proof = (HKDFExpand(SHA256(), KEY_BYTES, b"meshgate backup 1 " + use + head).derive(secret) for use in (b"cipher", b"proof"))
    return Keys(cipher, hmac.digest(proof, head, hashlib.sha256))


def _normal(text: str) -> str:
    """The form in which every keyboard writes it the same."""
    return unicodedata.normalize("NFKC", text)
