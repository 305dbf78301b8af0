"""The setup code: what somebody beside the box can read and a stranger cannot, good for one passphrase.

It is shown where only somebody at the box, or with rights on the machine, sees it. It lives in memory, and for some minutes. Only the first
one of a box from a card is kept in a file, until it is used: whoever set the box up may not be able to ask it for another.
"""

import hmac
import math
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from gateway.admin.access.throttle import Throttle
from gateway.admin.limits import CODE_S
from hw.firstboot import codes

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
        letters = codes.letters(codes.CODE_LETTERS, self._randbytes)
        self._code, self._until = letters, now + CODE_S
        if forgive:
            self._throttle.forgive(_KEY)
        return codes.grouped(letters, _GROUP)

    def keep(self, code: str) -> str:
        """Have one that stays until it is used; returns it as it is shown."""
        self._code, self._until = _plain(code), math.inf
        return codes.grouped(self._code, _GROUP)

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
        shown = _plain(text).encode(errors="replace")
        fits = hmac.compare_digest(shown, self._code.encode())
        if not self.is_open(now):
            return Try.NONE
        if not fits:
            return Try.WRONG
        self._throttle.forgive(_KEY)
        self._code = ""
        return Try.RIGHT


def _plain(text: str) -> str:
    """Return a code as it is compared."""
    return "".join(text.split()).replace("-", "").upper()
