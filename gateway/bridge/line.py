"""One link of a trunk: what it has shown of itself lately, and when it should be asked whether it is alive."""

from dataclasses import dataclass, field

from gateway.bridge.route import Breaker, Health, Way
from gateway.limits import MAX_ENVELOPE, PROBE_IDLE_S, PROBE_RETRY_S, PROBE_SPARE_S, STALL_S, TRUNK_PING_BURST, TRUNK_PING_RATE
from gateway.session.rate import TokenBucket
from gateway.wire.trunk import OVERHEAD
from transports.link import LinkId

SMALLEST_MTU = MAX_ENVELOPE + OVERHEAD  # bytes a link must take: what is numbered cannot be left out


@dataclass(slots=True)
class Line:
    """One link to a site."""

    link: LinkId
    mtu: int
    order: int  # the operator's
    metered: bool
    breaker: Breaker
    name: bytes = b""  # of the far numbering, once its hello has come over this link
    heard: float = 0.0  # when anything came in
    proven: float = 0.0  # when it last showed that it works both ways
    asked: float = 0.0  # when the last ping left
    nonce: int | None = None  # of a ping that is not answered
    pings: TokenBucket = field(default_factory=lambda: TokenBucket(TRUNK_PING_RATE, TRUNK_PING_BURST))

    @property
    def is_greeted(self) -> bool:
        """Whether frames may go over it."""
        return bool(self.name)

    def way(self) -> Way:
        """What the choice needs to know."""
        return Way(self.link, self.order, self.metered, self.breaker.health, self.mtu >= SMALLEST_MTU)

    def ask_at(self, *, in_use: bool, idle: bool) -> float | None:
        """When it should be sent a ping; None if not before something else happens."""
        if self.nonce is not None or (in_use and not idle and self.breaker.health is Health.WELL):
            return None
        if self.breaker.health is Health.WELL:
            return max(self.proven, self.asked) + (PROBE_IDLE_S if in_use else PROBE_SPARE_S)
        return max(self.asked + PROBE_RETRY_S, self.breaker.rests_until)

    def overdue_at(self) -> float | None:
        """When a ping that is not answered counts against it."""
        if self.nonce is None or self.breaker.health is Health.FAILED:
            return None
        return max(self.asked, self.heard) + STALL_S
