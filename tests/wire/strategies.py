"""What hypothesis draws packets from, and the effort it takes."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gateway.wire.packet import Packet

# How long an example takes says how busy the machine is, and no more.
thorough = settings(deadline=None, max_examples=100, database=None, suppress_health_check=[HealthCheck.too_slow])

peer_ids = st.binary(min_size=8, max_size=8)
texts = st.text(alphabet="abcde fgh", min_size=0, max_size=600).map(str.encode)
payloads = st.binary(max_size=400) | texts
routes = st.none() | st.lists(peer_ids, min_size=1, max_size=5).map(tuple)


@st.composite
def packets(draw: st.DrawFn, payload: st.SearchStrategy[bytes] = payloads) -> Packet:
    """Any packet that can be encoded."""
    version = draw(st.sampled_from([1, 2]))
    return Packet(
        type=draw(st.integers(0, 255)),
        ttl=draw(st.integers(0, 255)),
        timestamp_ms=draw(st.integers(0, 2**64 - 1)),
        sender_id=draw(peer_ids),
        payload=draw(payload),
        recipient_id=draw(st.none() | peer_ids | st.just(b"\xff" * 8)),
        route=draw(routes) if version == 2 else None,
        signature=draw(st.none() | st.binary(min_size=64, max_size=64)),
        is_rsr=draw(st.booleans()),
        version=version,
    )
