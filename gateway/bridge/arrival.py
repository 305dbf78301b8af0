"""One event that a site or a relay brings, on its way through the gate."""

from gateway.bridge.events import Carried
from gateway.bridge.gate import CROSSED, Gate, Refusal, event_subject
from gateway.bridge.sites import Site
from gateway.bridge.telling import judge_event, tell_refused
from gateway.errors import Reason
from gateway.mesh.effects import Effect


class Arrival:
    """Asks the gate about an event once it is known to have the right shape, and remembers the answer.

    Args:
        gate: what may cross.
        site: which brings it.
        size: bytes of the carrier.
        now: seconds.

    `refusal` is why the gate keeps it out, None if it does not or was not asked.

    """

    def __init__(self, gate: Gate, site: Site, size: int, now: float) -> None:
        self.refusal: Refusal | None = None
        self._gate = gate
        self._site = site
        self._size = size
        self._now = now
        self._carried: Carried | None = None
        self._on_air = False

    def refuses(self, carried: Carried, on_air: bool) -> Reason | None:
        """Say why an event is kept out, None if it is not; where it is for the radio, its air time is paid."""
        self._on_air = on_air
        reason = self.keeps_out(carried)
        return self.charges(carried) if reason is None and on_air else reason

    def keeps_out(self, carried: Carried) -> Reason | None:
        """Say why a rule keeps an event out, None if none does."""
        self._carried = carried
        self.refusal = self._gate.refuses(event_subject(carried, self._size), self._site, self._now)
        return self.refusal.reason if self.refusal is not None else None

    def charges(self, carried: Carried) -> Reason | None:
        """Take the air time of an event for the radio, or say why it is kept out for want of it."""
        if self._gate.pays(event_subject(carried, self._size), self._site, self._now):
            return None
        self.refusal = Refusal(Reason.AIR_TIME)
        return Reason.AIR_TIME

    def tell(self, effects: list[Effect]) -> None:
        """Tell that it was kept out, once, and only where somebody says something in it."""
        carried, refusal = self._carried, self.refusal
        if carried is None or refusal is None or not carried.is_message:
            return
        if self._gate.is_news(carried.identifier, self._site, self._now):
            tell_refused(carried.identifier, self._site, refusal, effects)
            judge_event(event_subject(carried, self._size), refusal.reason.value, effects, self._site.place)

    def tell_taken(self, effects: list[Effect]) -> None:
        """Tell what a rule could have seen of it, where somebody says something in it."""
        carried = self._carried
        if carried is not None and carried.is_message:
            judge_event(event_subject(carried, self._size), CROSSED, effects, self._site.place)

    def settle(self, origin: bytes) -> None:
        """Count it as taken; `origin` is the site where the envelope says that it set out, or whoever brings it."""
        if self._carried is None:
            return
        what = event_subject(self._carried, self._size)
        self._gate.passed(what, self._site, self._now)
        if self._on_air:
            self._gate.earns(what, origin, self._site, self._now)
