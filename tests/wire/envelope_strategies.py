"""Hypothesis strategies for envelopes, shared by the test files."""

import json

import msgpack
from hypothesis import strategies as st

from gateway.wire.envelope import Encoding, Envelope, Foreign, Kind, Unknown

u64 = st.integers(0, 2**64 - 1)
site_ids = st.binary(min_size=8, max_size=8)
numbers = st.integers(8, 2**29 - 1)
scalars = u64 | st.binary(max_size=40)
lists = st.lists(scalars, min_size=2, max_size=4).map(tuple)


@st.composite
def unknown_fields(draw):
    chosen = draw(st.lists(numbers, unique=True, max_size=3))
    return tuple(Unknown(number, draw(scalars | lists)) for number in chosen)


def envelopes(unknown=None):
    return st.builds(
        Envelope,
        packet_id=st.binary(min_size=16, max_size=16),
        kind=st.sampled_from(Kind),
        origin=site_ids,
        seen=st.lists(site_ids, max_size=5).map(tuple),
        created_ms=u64,
        expires_ms=u64,
        body=st.binary(max_size=300),
        unknown=unknown_fields() if unknown is None else unknown,
    )


def msgpack_pair(name, value):
    return Foreign(Encoding.MSGPACK, msgpack.packb(name) + msgpack.packb(value))


def json_pair(name, value):
    return Foreign(Encoding.JSON, f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'))}".encode())


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
names = st.text(min_size=1, max_size=8).map(lambda name: f"x-{name}")
FOREIGN = {
    Encoding.MSGPACK: st.builds(msgpack_pair, names, plain),
    Encoding.JSON: st.builds(json_pair, names, plain),
    Encoding.PROTOBUF: st.builds(lambda tail: Foreign(Encoding.PROTOBUF, b"\x45" + tail), st.binary(min_size=4, max_size=4)),
}
