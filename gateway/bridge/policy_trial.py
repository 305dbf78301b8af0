"""A policy tried on the past: what would have crossed under it that did not, and what would not have.

The history says of each packet what a rule could have seen, and what became of it. Only what was
decided by a rule, or crossed, can change: a packet that was refused for its signature stays
refused under any policy.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from gateway.bridge.allowances import Allowances
from gateway.bridge.policy import HERE, Direction, Facts, Mode, Policy, decide, kind_of
from gateway.errors import Reason

CROSSED = "crossed"
"""The verdict of a packet that crossed; any other is the `Reason` it did not."""

_RULED = frozenset({CROSSED, Reason.POLICY.value, Reason.POLICY_LIMIT.value})


@dataclass(frozen=True, slots=True)
class Past:
    """One packet of the past.

    Args:
        at: when it was heard, in seconds; only differences matter.
        facts: what a rule could have seen.
        sender: who sent it, or whatever stands for that in the record.
        verdict: `CROSSED`, or the value of the `Reason` it did not.

    """

    at: float
    facts: Facts
    sender: bytes
    verdict: str


class History(Protocol):
    """Where the past is kept."""

    def between(self, from_ms: int, to_ms: int) -> Iterable[Past]:
        """Walk the packets heard from one moment until before another (Unix milliseconds), the oldest first."""


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
        """The site it came from, empty for our own island."""

    @property
    def verdict(self) -> str:
        """`CROSSED`, or the value of the `Reason` it did not."""


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
    changes: Counter[tuple[str, str, bool]] = field(default_factory=Counter)  # packets by rule, kind, and whether they cross now


def dry_run(policy: Policy, history: Iterable[Past]) -> Trial:
    """Return what the policy would have done with the packets of the past, given oldest first."""
    trial, allowances = Trial(), Allowances()
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
        if did != crosses:
            trial.changes[verdict.rule, past.facts.kind.value, crosses] += 1
    return trial


def past_of(shape: Shape, mode: Mode) -> Past:
    """Return a packet as a policy sees it, from its shape in the store; where it was going is not kept there."""
    inward = bool(shape.via)
    facts = Facts(
        kind=kind_of(shape.kind),
        direction=Direction.IN if inward else Direction.OUT,
        origin=shape.via,
        target=HERE if inward else None,
        size=shape.size,
        directed=shape.directed,
        signed=shape.signed,
        mode=mode,
    )
    return Past(shape.at_ms / 1000, facts, shape.origin, shape.verdict)


def _sort(trial: Trial, *, did: bool, crosses: bool) -> Tally:
    if did:
        return trial.still_crosses if crosses else trial.no_longer_crosses
    return trial.newly_crosses if crosses else trial.still_stays
