"""Judges a new version by what it does: it has to be as well as the one before was."""

from dataclasses import dataclass

from gateway.update.limits import HOLD_S, MAX_RESTARTS, TRIAL_S


@dataclass(frozen=True, slots=True)
class Look:
    """How the gateway is at one moment.

    Args:
        failed: systemd has given it up.
        restarts: how often systemd has started it again.
        version: that answers, empty if nobody does.
        troubles: conditions for which it is not ready; None if it does not answer.

    """

    failed: bool
    restarts: int
    version: str = ""
    troubles: frozenset[str] | None = None


class Trial:
    """One trial.

    Args:
        version: on trial.
        baseline: conditions that held before and so are not its fault; None if the gateway before did not answer.
        now: monotonic seconds.
        hold: seconds it has to be well without a break.

    """

    def __init__(self, version: str, baseline: frozenset[str] | None, now: float, hold: float = HOLD_S) -> None:
        self._version = version
        self._baseline = baseline
        self._began = now
        self._hold = hold
        self._well_since: float | None = None
        self._restarts = 0
        self._wrong = "it did not answer"

    @property
    def wrong(self) -> str:
        """What was last seen to be wrong with it, a clause."""
        return self._wrong

    def held(self, now: float) -> float:
        """Return the share of the time it has to be well for that is over, 0 to 1."""
        return 0.0 if self._well_since is None else min(1.0, (now - self._well_since) / self._hold)

    def judge(self, look: Look, now: float) -> bool | None:
        """Return whether it has passed or failed; None while that is open."""
        if look.failed:
            self._wrong = "systemd gave it up"
            return False
        if look.restarts > MAX_RESTARTS:
            self._wrong = f"it had to be started again {look.restarts} times"
            return False
        wrong = self._wrong_with(look)
        if wrong:
            self._wrong = wrong
        if wrong or look.restarts != self._restarts:
            self._restarts, self._well_since = look.restarts, None
        elif self._well_since is None:
            self._well_since = now
        if self._well_since is not None and now - self._well_since >= self._hold:
            return True
        return False if now - self._began >= TRIAL_S else None

    def _wrong_with(self, look: Look) -> str:
        if look.troubles is None:
            return "it did not answer"
        if look.version != self._version:
            return "another version answers in its place"
        new = sorted(look.troubles - self._baseline) if self._baseline is not None else []
        return f"it was not ready: {', '.join(new)}" if new else ""
