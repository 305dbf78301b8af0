"""A policy tried on the past: what would have crossed under it that did not, and what would not have.

The history says of each packet what a rule could have seen, and what became of it. Only what was
decided by a rule, or crossed, can change: a packet that was refused for its signature stays
refused under any policy.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.bridge.allowances import Allowances
from gateway.bridge.gate import CROSSED
from gateway.bridge.policy import HERE, Direction, Facts, Mode, Policy, decide, kind_of, mark_of
from gateway.errors import Reason
from gateway.wire.types import MessageType

_RULED = frozenset({CROSSED, Reason.POLICY.value, Reason.POLICY_LIMIT.value})


@dataclass(frozen=True, slots=True)
class Past:
    """One packet of the past on one of its ways: in from a site, or out to one.

    Args:
        at: when it was heard, in seconds; only differences matter.
        facts: what a rule could have seen; a place is its `gateway.bridge.policy.mark_of`.
        sender: who sent it, or whatever stands for that in the record.
        verdict: `CROSSED`, or the value of the `Reason` it did not.

    """

    at: float
    facts: Facts
    sender: bytes
    verdict: str


class Shape(Protocol):
    """A packet as a store keeps it."""

    @property
    def at_ms(self) -> int:
        """When it was heard, Unix milliseconds."""

    @property
    def kind(self) -> int:
        """Its `gateway.wire.types.MessageType`."""

    @property
    def size(self) -> int:
        """Its bytes."""

    @property
    def directed(self) -> bool:
        """Whether it was for one peer."""

    @property
    def signed(self) -> bool:
        """Whether it bore a signature that was verified."""

    @property
    def origin(self) -> bytes:
        """What stands for its sender."""

    @property
    def via(self) -> bytes:
        """What stands for the site it came from, empty for our own island."""

    @property
    def verdict(self) -> str:
        """`CROSSED`, or the value of the `Reason` it did not."""

    @property
    def sites(self) -> Sequence[tuple[bytes, str]]:
        """What stands for the sites a rule was asked about, each with the same."""


@dataclass(slots=True)
class Tally:
    """How many packets of one sort, and their bytes."""

    packets: int = 0
    size: int = 0

    def add(self, facts: Facts) -> None:
        """Count one more."""
        self.packets += 1
        self.size += facts.size


@dataclass(slots=True)
class Trial:
    """What a policy would have changed."""

    looked_at: Tally = field(default_factory=Tally)
    still_crosses: Tally = field(default_factory=Tally)
    newly_crosses: Tally = field(default_factory=Tally)
    no_longer_crosses: Tally = field(default_factory=Tally)
    still_stays: Tally = field(default_factory=Tally)
    refused_anyway: Tally = field(default_factory=Tally)  # for reasons no rule can change
    target_unknown: int = 0  # packets that rules with "to" could not be tried on, though the policy has such rules
    changes: Counter[tuple[str, str, bool]] = field(default_factory=Counter)  # by rule, kind, and whether they cross now
    kinds: dict[str, tuple[int, int]] = field(default_factory=dict)  # how many of a kind crossed, and how many would
    rules: dict[str, tuple[int, int]] = field(default_factory=dict)  # how many a rule would let across, and how many it would keep


def dry_run(policy: Policy, history: Iterable[Past]) -> Trial:
    """Return what the policy would have done with the packets of the past, given oldest first."""
    policy, trial, allowances = _of_marks(policy), Trial(), Allowances()
    names_targets = any(rule.targets for rule in policy.rules)
    for past in history:
        trial.looked_at.add(past.facts)
        if past.verdict not in _RULED:
            trial.refused_anyway.add(past.facts)
            continue
        trial.target_unknown += names_targets and past.facts.target is None
        verdict = decide(past.facts, policy)
        crosses = allowances.admit(verdict, past.facts, past.sender, past.at)
        did = past.verdict == CROSSED
        _sort(trial, did=did, crosses=crosses).add(past.facts)
        kind, (before, after) = past.facts.kind.value, trial.kinds.get(past.facts.kind.value, (0, 0))
        trial.kinds[kind] = (before + did, after + crosses)
        let, kept = trial.rules.get(verdict.rule, (0, 0))
        trial.rules[verdict.rule] = (let + crosses, kept + (not crosses))
        if did != crosses:
            trial.changes[verdict.rule, kind, crosses] += 1
    return trial


def pasts_of(shape: Shape) -> Iterator[Past]:
    """Walk the ways of one packet as a policy sees them, from its shape in the store.

    What a site brought has one way in, and one out for each site it was to be passed on to. What is of our own island has
    one out for each site; one to nobody knows where, if no rule was asked about it.
    """
    facts = Facts(
        kind=kind_of(shape.kind),
        direction=Direction.IN if shape.via else Direction.OUT,
        origin=shape.via,
        target=HERE if shape.via else None,
        size=shape.size,
        directed=shape.directed,
        signed=shape.signed,
        mode=Mode.CONSENT if shape.kind == MessageType.NOSTR_CARRIER else Mode.OPEN,
    )
    if shape.via or not shape.sites:
        yield Past(shape.at_ms / 1000, facts, shape.origin, shape.verdict)
    for site, verdict in shape.sites:
        yield Past(shape.at_ms / 1000, replace(facts, direction=Direction.OUT, target=site), shape.origin, verdict)


def _of_marks(policy: Policy) -> Policy:
    """Return the same policy for places as a record names them."""
    rules = (
        replace(rule, origins=frozenset(map(mark_of, rule.origins)), targets=frozenset(map(mark_of, rule.targets))) for rule in policy.rules
    )
    return replace(policy, rules=tuple(rules))


def _sort(trial: Trial, *, did: bool, crosses: bool) -> Tally:
    if did:
        return trial.still_crosses if crosses else trial.no_longer_crosses
    return trial.newly_crosses if crosses else trial.still_stays
