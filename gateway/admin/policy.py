"""The documents of ``/api/v1/policy``: the rules in force, and what rules could have seen of the past."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from gateway.bridge.allowances import Left
from gateway.bridge.policy import Limit, Policy, Rule
from gateway.bridge.policy_words import explain, explain_rule
from gateway.store.shapes import Shape


class RuleDocument(msgspec.Struct, frozen=True):
    """One rule."""

    name: str
    line: int  # of the file
    then: str
    words: str


class LimitDocument(msgspec.Struct, frozen=True):
    """The limit of a rule, and what is left of it."""

    rule: str
    per: str  # site, origin or all: for whom it is counted separately
    packets_per_minute: int | None  # None: they are not counted
    bytes_per_minute: int | None
    packets_left: int | None  # for whoever has least left
    bytes_left: int | None
    counted: int  # for how many it is counted now


class PolicyDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/policy``: the rules in force, in the order in which they are asked."""

    source: str
    default: str
    rules: tuple[RuleDocument, ...]
    sites: Mapping[str, str]  # the names the rules give to sites, each with the peer ID
    words: tuple[str, ...]
    running: bool = False  # whether a gateway goes by them, or they only stand in a file
    trouble: str = ""  # why the file is not used as it stands now, empty if it is
    limits: tuple[LimitDocument, ...] = ()  # of a gateway that runs


class SiteVerdict(msgspec.Struct, frozen=True, array_like=True):
    """What became of a packet at one site."""

    site: str
    verdict: str


class ShapeDocument(msgspec.Struct, frozen=True, array_like=True):
    """What a rule could have seen of one packet."""

    at_ms: int
    kind: int
    size: int
    directed: bool
    signed: bool
    origin: str  # a hash of the sender that lasts a day
    via: str
    verdict: str
    sites: tuple[SiteVerdict, ...]


class HistoryDocument(msgspec.Struct, frozen=True):
    """``GET /api/v1/policy/history?from_ms=…&to_ms=…&after=…``: some of the past, and what to ask for `after` it."""

    shapes: tuple[ShapeDocument, ...]
    next: int | None


class Rules(Protocol):
    """What the API wants of whoever has the rules."""

    def document(self) -> PolicyDocument:
        """Return the rules in force."""


def policy_document(policy: Policy, *, running: bool = False, trouble: str = "", left: Mapping[str, Left] | None = None) -> PolicyDocument:
    """Make the document of a policy; `left` is what its limits have left, by rule."""
    return PolicyDocument(
        source=policy.source,
        default=policy.default.value,
        rules=tuple(RuleDocument(rule.name, rule.line, rule.action.value, explain_rule(rule, policy)) for rule in policy.rules),
        sites={name: site.decode() for site, name in policy.sites.items()},
        words=explain(policy),
        running=running,
        trouble=trouble,
        limits=tuple(_limit(rule, rule.limit, (left or {}).get(rule.name)) for rule in policy.rules if running and rule.limit is not None),
    )


def _limit(rule: Rule, limit: Limit, left: Left | None) -> LimitDocument:
    whole = Left(limit.packets, limit.size, 0) if left is None else left
    return LimitDocument(
        rule.name,
        limit.per.value,
        limit.packets,
        limit.size,
        None if whole.packets is None else int(whole.packets),
        None if whole.size is None else int(whole.size),
        whole.counted,
    )


def shape_document(shape: Shape) -> ShapeDocument:
    """Make the document of a shape."""
    return ShapeDocument(
        shape.at_ms,
        shape.kind,
        shape.size,
        shape.directed,
        shape.signed,
        shape.origin.hex(),
        shape.via.hex(),
        shape.verdict,
        tuple(SiteVerdict(site.hex(), verdict) for site, verdict in shape.sites),
    )


def shape_from(document: ShapeDocument) -> Shape:
    """Return the shape a document was made of, without its packet ID, which is of no use to a rule; raises `ValueError`."""
    return Shape(
        b"",
        document.at_ms,
        document.kind,
        document.size,
        document.directed,
        document.signed,
        bytes.fromhex(document.origin),
        bytes.fromhex(document.via),
        document.verdict,
        tuple((bytes.fromhex(one.site), one.verdict) for one in document.sites),
    )
