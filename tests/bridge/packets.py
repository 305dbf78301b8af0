"""Packets as a rule sees them."""

from hypothesis import strategies as st

from gateway.bridge.policy import HERE, NOSTR, Action, Direction, Facts, Kind, Limit, Mode, Per, Policy, Rule
from transports.libp2p.identity import peer_id_from

HUT, HALL = (peer_id_from(bytes([number]) * 32).encode() for number in (1, 2))


def facts(**changes):
    plain = {
        "kind": Kind.MESSAGE,
        "direction": Direction.OUT,
        "origin": HERE,
        "target": HUT,
        "size": 200,
        "directed": False,
        "signed": True,
        "mode": Mode.OPEN,
    }
    return Facts(**(plain | changes))


SITES = st.sampled_from([HERE, HUT, HALL])
PLACES = SITES | st.just(NOSTR)
FACTS = st.builds(
    Facts,
    kind=st.sampled_from(Kind),
    direction=st.sampled_from(Direction),
    origin=PLACES,
    target=st.none() | PLACES,
    size=st.integers(0, 5_000),
    directed=st.booleans(),
    signed=st.booleans(),
    mode=st.sampled_from(Mode),
)
RULES = st.builds(
    Rule,
    name=st.uuids().map(str),
    action=st.sampled_from([Action.ALLOW, Action.DENY]),
    kinds=st.frozensets(st.sampled_from(Kind), max_size=3),
    direction=st.none() | st.sampled_from(Direction),
    origins=st.frozensets(SITES, max_size=2),
    targets=st.frozensets(SITES, max_size=2),
    directed=st.none() | st.booleans(),
    signed=st.none() | st.booleans(),
    mode=st.none() | st.sampled_from(Mode),
    larger_than=st.none() | st.integers(0, 5_000),
)
LIMITED = st.builds(
    Rule,
    name=st.uuids().map(str),
    action=st.just(Action.LIMIT),
    kinds=st.frozensets(st.sampled_from(Kind), max_size=3),
    limit=st.builds(Limit, packets=st.integers(1, 9), size=st.none() | st.integers(1, 9_000), per=st.sampled_from(Per)),
)
POLICIES = st.builds(
    Policy,
    default=st.sampled_from([Action.ALLOW, Action.DENY]),
    rules=st.lists(RULES | LIMITED, max_size=5).map(tuple),
)
