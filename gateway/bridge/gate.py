"""Asks about everything that may cross whether the operator wants it and whether there is air time for it.

* What is to leave is asked about once for each site it would go to; what is passed on as well.
* What a site brings is asked about once, as coming in. What is kept out goes no further from here either.
* A limit is used up by what crosses and by nothing else. What a site brings is therefore asked about before its
  signature is checked, and counted after: who forges packets uses up nobody's limit.
* A site is who its links have proved it to be, to the rules and in the accounts.
* Nothing here says that a site has a packet. A site that was refused one still lacks it, so it gets it when it is
  offered again and a rule lets it across by then: a limit that has something again, or changed rules.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.bridge.allowances import Allowances, Left
from gateway.bridge.credits import Credits, air_ms
from gateway.bridge.events import Carried
from gateway.bridge.policy import BUILT_IN, HERE, UNKNOWN, Action, Direction, Facts, Mode, Policy, Verdict, decide, kind_of
from gateway.bridge.policy import Kind as Sort
from gateway.bridge.remembered import Remembered
from gateway.bridge.rules import UNSIGNED
from gateway.bridge.sites import Site
from gateway.errors import Reason
from gateway.limits import CREDIT_RATE, MAX_ORIGINS_NOTED, MAX_REFUSALS, REFUSAL_MEMORY_S
from gateway.wire.envelope_schema import SITE_ID
from gateway.wire.packet import Header

CROSSED: Final = "crossed"
"""What a record says of a packet that crossed; else it says the `Reason`."""

Ask = Callable[[Verdict, Facts, bytes, float], bool]
_UNSIGNED_MARK: Final = b"?"  # follows a peer ID that nobody has signed for, which has an account of its own


class Refusal(NamedTuple):
    """Why something is not let across."""

    reason: Reason
    rule: str = ""  # of the policy, where it is one's


class Sitewise(NamedTuple):
    """What a record says about one site a packet was to go to."""

    place: bytes
    hop: bytes | str  # what a record of decisions calls it
    verdict: str  # `CROSSED`, or the value of a `Reason`
    rule: str = ""


@dataclass(slots=True)
class Passage:
    """What the gate says of something on its way out.

    Attributes:
        allowed: the sites it may go to.
        record: what is to be written down, for each site.
        untold: of those it may not go to, what has not been told lately.
        lacks_air: whether it stays because its sender's share of the air time is used up; then no site was asked about.

    """

    allowed: list[Site] = field(default_factory=list)
    record: list[Sitewise] = field(default_factory=list)
    untold: list[Sitewise] = field(default_factory=list)
    lacks_air: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to cross, as far as a rule may know it.

    Args:
        identifier: packet ID, or the name of an event.
        sort: what it is, in an operator's word.
        sender: peer ID of who sent it, or the first 8 bytes of an author's key.
        size: bytes of the packet, or of the carrier around an event.
        directed: whether it is for one peer.
        signed: whether it bears a signature; it crosses only once that is verified.
        mode: the mode in which it crosses.

    """

    identifier: bytes
    sort: Sort
    sender: bytes
    size: int
    directed: bool
    signed: bool
    mode: Mode

    def facts(self, direction: Direction, origin: bytes, target: bytes) -> Facts:
        """Return what a rule sees of it on its way from one place to another."""
        return Facts(self.sort, direction, origin, target, self.size, self.directed, self.signed, self.mode)


def packet_subject(identifier: bytes, header: Header, size: int) -> Subject:
    """Return what a rule may know of a packet that crosses as it is."""
    signed = header.type not in UNSIGNED
    return Subject(identifier, kind_of(header.type), header.sender_id, size, not header.is_broadcast, signed, Mode.OPEN)


def event_subject(carried: Carried, size: int) -> Subject:
    """Return what a rule may know of an event, which its author signed for everybody."""
    return Subject(carried.identifier, Sort.CARRIER, carried.signer[:SITE_ID], size, False, True, Mode.CONSENT)


class Gate:
    """The operator's rules and the accounts of air time, as both modes of the bridge ask them.

    Args:
        drops: where refusals are counted.

    Attributes:
        policy: the rules in force.
        credits: the accounts of air time, by place.

    """

    def __init__(self, drops: dict[Reason, int]) -> None:
        self.policy = BUILT_IN
        self.credits = Credits(CREDIT_RATE)
        self._allowances = Allowances()
        self._drops = drops
        self._told = Remembered(MAX_REFUSALS, REFUSAL_MEMORY_S)
        self._kept_out = Remembered(MAX_REFUSALS, REFUSAL_MEMORY_S)
        self._origins: OrderedDict[bytes, bytes] = OrderedDict()

    def use(self, policy: Policy) -> None:
        """Put other rules in force from now on; their limits begin full."""
        if policy != self.policy:
            self.policy = policy
            self._allowances = Allowances()
            self._told = Remembered(MAX_REFUSALS, REFUSAL_MEMORY_S)
            self._kept_out = Remembered(MAX_REFUSALS, REFUSAL_MEMORY_S)

    def left(self, now: float) -> dict[str, Left]:
        """Return what the limits of the rules have left, by rule; one that nothing has used yet is not there."""
        return self._allowances.left(now)

    def note_origin(self, identifier: bytes, place: bytes) -> None:
        """Remember where a packet came from that sites may be offered later."""
        self._origins[identifier] = place
        if len(self._origins) > MAX_ORIGINS_NOTED:
            self._origins.popitem(last=False)

    def origin_of(self, identifier: bytes) -> bytes:
        """Return the place that brought a packet, `UNKNOWN` if nobody knows any more: it is from before a restart."""
        return self._origins.get(identifier, UNKNOWN)

    def forget(self, peer: str) -> None:
        """Close the account of a site that is no member any more."""
        self.credits.forget(peer.encode())

    def outward(self, what: Subject, origin: bytes, targets: Iterable[Site], now: float, *, pays: bool = False) -> Passage:
        """Ask about every site something would go to, and count it where it may.

        Args:
            what: what is to cross.
            origin: the place that brought it.
            targets: the sites.
            now: seconds.
            pays: whether its sender, who is of our own island, pays for it; once, however many the sites are.

        """
        sites = list(targets)
        passage = Passage()
        if pays and any(self._refusal(what, origin, site, now, self._allowances.would_admit) is None for site in sites):
            passage.lacks_air = not self.pays(what, None, now)
        if passage.lacks_air:
            self._drops[Reason.AIR_TIME] += 1
            return passage
        for site in sites:
            refusal = self._refusal(what, origin, site, now, self._allowances.admit)
            if refusal is None:
                passage.allowed.append(site)
                passage.record.append(Sitewise(site.place, site.hop, CROSSED))
                continue
            self._drops[refusal.reason] += 1
            passage.record.append(Sitewise(site.place, site.hop, refusal.reason.value, refusal.rule))
            if self.is_news(what.identifier, site, now):
                passage.untold.append(passage.record[-1])
        return passage

    def is_news(self, identifier: bytes, site: Site, now: float) -> bool:
        """Tell whether a refusal between here and a site has not been told of lately, and count it as told."""
        name = identifier + site.place
        if self._told.knows(name, now):
            return False
        self._told.add(name, now)
        return True

    def may_be_offered(self, what: Subject, origin: bytes, site: Site) -> bool:
        """Tell whether a rule lets something across to a site, now or when its limit has something again; uses nothing up."""
        return decide(what.facts(Direction.OUT, origin, site.place), self.policy).action is not Action.DENY

    def refuses(self, what: Subject, site: Site, now: float) -> Refusal | None:
        """Say why a rule keeps out what a site brings, None if it does not; `passed` must follow if it is taken."""
        facts = what.facts(Direction.IN, site.place, HERE)
        verdict = decide(facts, self.policy)
        if self._allowances.would_admit(verdict, facts, what.sender, now):
            return None
        refusal = _refused(verdict)
        if refusal.reason is Reason.POLICY:
            self._kept_out.add(what.identifier + site.place, now)
        return refusal

    def is_kept_out(self, identifier: bytes, site: Site, now: float) -> bool:
        """Tell whether a rule has kept something out lately that this site brought: it need not bring it again."""
        return self._kept_out.knows(identifier + site.place, now)

    def passed(self, what: Subject, site: Site, now: float) -> None:
        """Count what was taken from a site."""
        facts = what.facts(Direction.IN, site.place, HERE)
        self._allowances.admit(decide(facts, self.policy), facts, what.sender, now)

    def pays(self, what: Subject, site: Site | None, now: float) -> bool:
        """Take the air time of something from its sender's account at a site, None for our own island; False if there is too little.

        Nobody pays from the account of what others signed: what bears no signature has one of its own.
        """
        account = HERE if site is None else site.place
        sender = what.sender if what.signed else what.sender + _UNSIGNED_MARK
        return self.credits.admit(account, sender, air_ms(what.size), now)

    def earns(self, what: Subject, origin: bytes, site: Site, now: float) -> None:
        """Credit a site with what it carried here for a third one, by the envelope's own word."""
        if origin != site.site_id:
            self.credits.earn(site.place, air_ms(what.size), now)

    def _refusal(self, what: Subject, origin: bytes, site: Site, now: float, ask: Ask) -> Refusal | None:
        facts = what.facts(Direction.OUT, origin, site.place)
        verdict = decide(facts, self.policy)
        return None if ask(verdict, facts, what.sender, now) else _refused(verdict)


def _refused(verdict: Verdict) -> Refusal:
    return Refusal(Reason.POLICY if verdict.limit is None else Reason.POLICY_LIMIT, verdict.rule)
