"""The one place where whoever can take new settings while running says so; SIGHUP asks them all."""

from collections.abc import Callable

from gateway.errors import ConfigError

Take = Callable[[], None]
"""Reads what has changed and puts it in force as a whole, or raises `ConfigError` and leaves everything as it was."""


class Reloads:
    """Who is asked, and how it went the last time.

    Attributes:
        successful: whether everybody took what they found, the start included.
        taken_at: monotonic seconds when that was last so, None before the start.
        refusals: a sentence for each that did not, with the name it is known by.

    """

    def __init__(self) -> None:
        self._listeners: dict[str, Take] = {}
        self.successful = True
        self.taken_at: float | None = None
        self.refusals: dict[str, str] = {}

    def listen(self, name: str, take: Take) -> None:
        """Ask `take` from now on, in the order in which they came; `name` is for people, such as "the policy"."""
        self._listeners[name] = take

    def begin(self, now: float) -> None:
        """Everything was read at the start."""
        self.taken_at = now

    def reload(self, now: float) -> bool:
        """Ask everybody; False if somebody keeps what was in force. One that refuses does not keep the others from taking theirs."""
        self.refusals = {}
        for name, take in self._listeners.items():
            try:
                take()
            except ConfigError as error:
                self.refusals[name] = str(error)
        self.successful = not self.refusals
        if self.successful:
            self.taken_at = now
        return self.successful

    def taken_after_all(self, name: str, now: float) -> None:
        """Note that somebody who refused has found since, by itself, what it can use."""
        if self.refusals.pop(name, None) is not None and not self.refusals:
            self.successful, self.taken_at = True, now

    @property
    def trouble(self) -> tuple[str, str] | None:
        """What is wrong and what to do, None while all is well."""
        if not self.refusals:
            return None
        told = "; ".join(f"{name}: {why}" for name, why in self.refusals.items())
        return f"New settings were not taken, and the old ones stay in force. {told}", "Correct them, then: systemctl reload meshgate."
