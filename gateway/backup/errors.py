"""Why a backup is not made, not taken, or not restored."""

from enum import StrEnum

from gateway.errors import GatewayError


class Flaw(StrEnum):
    """What is wrong; each is counted."""

    FOREIGN = "foreign"  # no backup of Meshgate
    NEWER = "newer"  # made by a newer program
    PASSPHRASE = "passphrase"  # not the one of this file  # noqa: S105
    WEAK = "weak"  # a new passphrase that would be guessed
    DAMAGED = "damaged"  # altered, cut short, or put together from several
    COSTLY = "costly"  # its key would take more memory or time than any backup needs
    TOO_LARGE = "too_large"
    CONTENTS = "contents"  # it opens, and what is in it is none of what belongs there
    CONFIG = "config"  # the configuration in it cannot be used here
    DISK = "disk"  # a file cannot be read or written here


class BackupError(GatewayError):
    """Nothing was changed; `sentence` says what is wrong, `remedy` what a person can do, `flaw` is for counters."""

    def __init__(self, flaw: Flaw, sentence: str, remedy: str) -> None:
        super().__init__(f"{sentence} {remedy}")
        self.flaw = flaw
        self.sentence = sentence
        self.remedy = remedy
