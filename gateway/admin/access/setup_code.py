"""The setup code: what somebody beside the box can read and a stranger cannot, good for one passphrase.

It is shown where only somebody at the box, or with rights on the machine, sees it. It lives in memory only.
"""

import hmac
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from gateway.admin.access.throttle import Throttle
from gateway.admin.limits import CODE_S

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without what is mistaken for something else: 0 O, 1 I L, U V."""
LETTERS: Final = 9  # of 30: 44 bits, of which a stranger tries a few
_GROUP: Final = 3
_KEY: Final = "code"


class Try(Enum):
    """What became of a code somebody gave."""

    RIGHT = auto()
    WRONG = auto()
    WAIT = auto()  # and was not looked at
    NONE = auto()  # there is none to be right


class SetupCode:
    """The code of the moment, if there is one.

    Args:
        randbytes: cryptographic randomness.
        throttle: counts wrong ones.

    """

    def __init__(self, randbytes: Callable[[int], bytes], throttle: Throttle) -> None:
        self._randbytes = randbytes
        self._throttle = throttle
        self._code = ""
        self._until = 0.0

    def issue(self, now: float, *, forgive: bool = False) -> str:
        """Make a new one, which ends the one before it; returns it as it is shown.

        Args:
            now: monotonic seconds.
            forgive: end the wait of those who guessed wrong: only for somebody who may do everything anyway.

        """
        letters = ""
        while len(letters) < LETTERS:
            byte = self._randbytes(1)[0]
            if byte < 256 // len(ALPHABET) * len(ALPHABET):  # each letter is as likely as the others
                letters += ALPHABET[byte % len(ALPHABET)]
        self._code, self._until = letters, now + CODE_S
        if forgive:
            self._throttle.forgive(_KEY)
        return "-".join(letters[at : at + _GROUP] for at in range(0, LETTERS, _GROUP))

    def is_open(self, now: float) -> bool:
        """Whether there is a code that can be used."""
        return bool(self._code) and now < self._until

    def wait(self, now: float) -> float:
        """Seconds until a code is looked at again, 0 if it would be now."""
        return self._throttle.wait(_KEY, now)

    def redeem(self, text: str, now: float) -> Try:
        """Use a code somebody gave; the right one is gone then."""
        if self.wait(now) > 0:
            return Try.WAIT
        self._throttle.fail(_KEY, now)
        shown = "".join(text.split()).replace("-", "").upper().encode(errors="replace")
        fits = hmac.compare_digest(shown, self._code.encode())
        if not self.is_open(now):
            return Try.NONE
        if not fits:
            return Try.WRONG
        self._throttle.forgive(_KEY)
        self._code = ""
        return Try.RIGHT
