"""Who may use how much of our radio's air time: a fair share for each site, and in it for each sender.

Air time is counted in milliseconds. What there is a second is shared evenly among the sites that want
any; a site's share evenly among its senders. What nobody uses is saved up, to a limit. While a site
has plenty, anybody of it may use that; once half of its savings are gone, each sender has only its own share.

* A sender costs nothing to invent, so senders have a bounded number of accounts *in each site*: inventing a thousand
  thins out the share of those who are of the same site, and of nobody else. Who used theirs within the last minute keeps it
  whatever comes; newcomers without a place share one account.
* A site that carries packets of third sites to us earns headroom, on top of its share and up to a limit. It is no coin:
  it cannot be given away, and it is gone when the site is.
* What costs more than one sender can save up is bulk, such as a large file. It is paid from an account of its own, one for each
  site, which counts in the sharing like one site more. It passes when that account holds enough or is full, and leaves a debt there
  that only the next bulk has to wait for: talk never waits for it.

A site is whoever brings the packet, proved by its link: what an envelope says about an origin is a claim.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.bridge.fairshare import FairShare
from gateway.limits import (
    AIR_BYTES_PER_MS,
    CREDIT_HEADROOM_MS,
    CREDIT_IDLE_S,
    CREDIT_ORIGIN_MS,
    CREDIT_SITE_MS,
    EARNED_SHARE,
    MAX_CREDIT_ORIGINS,
    MAX_SITES,
)

_STRANGERS = b""
_BULK = b"bulk"  # follows a site's ID in the name of its account for bulk
_RESERVE_MS = CREDIT_SITE_MS / 2  # of a site's savings, for those who ask no more than their share


def air_ms(size: int, bytes_per_ms: float = AIR_BYTES_PER_MS) -> float:
    """Return the air time of `size` bytes on one link, in milliseconds; a measured rate is better than the assumed one."""
    return size / bytes_per_ms


@dataclass(frozen=True, slots=True)
class CreditRow:
    """What the page shows of one sender or one site."""

    site: bytes  # its peer ID, or empty for our own island
    origin: bytes | None  # peer ID; empty: all senders without an account together; None: the site as a whole
    level_ms: float  # saved up
    bulk_ms: float  # saved up for bulk, sites only; negative: owed
    headroom_ms: float  # earned by carrying for others, sites only
    spent_ms: float
    admitted: int
    refused: int


@dataclass(slots=True)
class _Count:
    used_at: float
    spent: float = 0.0
    admitted: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Site:
    origins: FairShare = field(default_factory=lambda: FairShare(CREDIT_ORIGIN_MS))
    counts: OrderedDict[bytes, _Count] = field(default_factory=OrderedDict)  # by origin, used longest ago first
    headroom: float = 0.0
    level: float = CREDIT_SITE_MS  # after the last look, so that the next one sees what was granted meanwhile


@dataclass(slots=True)
class Spending:
    """What was done since the start, whoever is known still."""

    ms: float = 0.0  # granted
    admitted: int = 0  # packets
    refused: int = 0


class Credits:
    """Air-time credits of every sender of every site.

    Args:
        rate: air time there is for all of them, milliseconds a second.

    Raises:
        ValueError: a rate that is not positive.

    """

    def __init__(self, rate: float) -> None:
        if rate <= 0:
            raise ValueError("there must be some air time to share")
        self.rate = rate
        self._shares = FairShare(CREDIT_SITE_MS)
        self._sites: OrderedDict[bytes, _Site] = OrderedDict()
        self._totals: dict[bytes, _Count] = {}
        self._at: float | None = None
        self.own = Spending()  # of our own island
        self.others = Spending()  # of all sites

    def admit(self, site: bytes, origin: bytes, cost: float, now: float) -> bool:
        """Take the air time of one packet, or nothing and return False.

        Args:
            site: who brings it: the identity its links have proved; or empty for our own island.
            origin: peer ID of its sender.
            cost: milliseconds of air time, such as `air_ms` says.
            now: seconds, monotonic.

        """
        self._grant(now)
        one = self._site(site, now)
        spending = self.others if site else self.own
        if one is None:
            spending.refused += 1
            return False
        name = self._origin(one, origin, now)
        self._pass_on(site, one)
        total, count = self._totals[site], one.counts[name]
        total.used_at = count.used_at = now
        is_taken = self._bulk(site, cost) if cost > CREDIT_ORIGIN_MS else self._talk(site, one, name, cost)
        for counted in (total, count):
            counted.admitted += is_taken
            counted.refused += not is_taken
            counted.spent += cost * is_taken
        spending.admitted += is_taken
        spending.refused += not is_taken
        spending.ms += cost * is_taken
        return is_taken

    def _bulk(self, site: bytes, cost: float) -> bool:
        if self._shares.level(site + _BULK) < min(cost, CREDIT_SITE_MS):
            return False
        self._shares.spend(site + _BULK, cost)
        return True

    def _talk(self, site: bytes, one: _Site, name: bytes, cost: float) -> bool:
        level, own = self._shares.level(site), one.origins.level(name)
        there_is = level + one.headroom
        if there_is < cost or (own < cost and there_is - cost < _RESERVE_MS):
            return False
        from_headroom = max(0.0, cost - level)
        one.headroom -= from_headroom
        self._shares.spend(site, cost - from_headroom)
        one.level = self._shares.level(site)
        one.origins.spend(name, min(cost, own))  # plenty that others left costs what one has, and makes no debt
        return True

    def earn(self, site: bytes, cost: float, now: float) -> None:
        """Note that a site carried a packet of somebody else's to us, worth `cost` milliseconds of air."""
        self._grant(now)
        one = self._site(site, now)
        if one is not None:
            one.headroom = min(CREDIT_HEADROOM_MS, one.headroom + EARNED_SHARE * cost)

    def forget(self, site: bytes) -> None:
        """Forget a site that is no member any more, with its savings and senders."""
        self._shares.close(site)
        self._shares.close(site + _BULK)
        self._sites.pop(site, None)
        self._totals.pop(site, None)

    def status(self, now: float) -> tuple[CreditRow, ...]:
        """Return a row for each site, followed by its senders, who used most first."""
        self._grant(now)
        return tuple(self._rows())

    def _rows(self) -> Iterator[CreditRow]:
        for site, one in self._sites.items():
            self._pass_on(site, one)
            level, bulk, total = self._shares.level(site), self._shares.level(site + _BULK), self._totals[site]
            yield CreditRow(site, None, level, bulk, one.headroom, total.spent, total.admitted, total.refused)
            for origin, count in sorted(one.counts.items(), key=lambda item: -item[1].spent):
                yield CreditRow(site, origin, one.origins.level(origin), 0.0, 0.0, count.spent, count.admitted, count.refused)

    def _grant(self, now: float) -> None:
        if self._at is not None and now > self._at:
            self._shares.grant((now - self._at) * self.rate)
        self._at = now if self._at is None else max(now, self._at)

    def _pass_on(self, site: bytes, one: _Site) -> None:
        """Share among its senders what a site was granted since the last look."""
        level = self._shares.level(site)
        one.origins.grant(level - one.level)
        one.level = level

    def _site(self, site: bytes, now: float) -> _Site | None:
        one = self._sites.get(site)
        if one is None:
            if len(self._sites) >= MAX_SITES + 2:  # our own island and the relays
                oldest = next(iter(self._sites))
                if now - self._totals[oldest].used_at < CREDIT_IDLE_S:
                    return None
                self.forget(oldest)
            one = self._sites[site] = _Site()
            self._totals[site] = _Count(now)
            self._shares.open(site, CREDIT_SITE_MS)
            self._shares.open(site + _BULK, CREDIT_SITE_MS)
        self._sites.move_to_end(site)
        return one

    def _origin(self, one: _Site, origin: bytes, now: float) -> bytes:
        """Return the account a sender pays from."""
        if origin in one.counts:
            one.counts.move_to_end(origin)
            return origin
        name = origin
        if len(one.counts) >= MAX_CREDIT_ORIGINS:
            oldest = next(iter(one.counts))
            if now - one.counts[oldest].used_at < CREDIT_IDLE_S:
                name = _STRANGERS
            else:
                one.origins.close(oldest)
                del one.counts[oldest]
        if name not in one.counts:
            one.counts[name] = _Count(now)
            one.origins.open(name)
        one.counts.move_to_end(name)
        return name
