"""How often the iOS app announces itself to a central that subscribes again and again.

Source: BitChat iOS BLESubscriptionAnnounceLimiter.swift, made against enumeration of phones.
"""

from dataclasses import dataclass

PAUSE_S, LONGEST_PAUSE_S = 2.0, 30.0  # between two greetings of one central
FORGOTTEN_S = 60.0  # after its last greeting a central starts afresh


@dataclass(slots=True)
class _Central:
    greeted_at: float
    pause: float = PAUSE_S


class GreetingLimiter:
    """Each attempt within the pause doubles it; the pause counts from the last greeting that was made."""

    def __init__(self) -> None:
        self._centrals: dict[str, _Central] = {}

    def allows(self, central: str, now: float) -> bool:
        """Say whether this subscription is answered with an announce."""
        for name in [name for name, known in self._centrals.items() if now - known.greeted_at >= FORGOTTEN_S]:
            del self._centrals[name]
        known = self._centrals.get(central)
        if known is None or now - known.greeted_at >= known.pause:
            self._centrals[central] = _Central(now)
            return True
        known.pause = min(2 * known.pause, LONGEST_PAUSE_S)
        return False
