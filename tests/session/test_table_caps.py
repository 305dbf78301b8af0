"""Every cap of the session table, pushed past."""

import pytest

from gateway.errors import Reason, SessionError
from gateway.limits import (
    HANDSHAKE_WINDOW_S,
    HANDSHAKES_PER_PEER,
    HANDSHAKES_RESERVED,
    HANDSHAKES_TOTAL,
    MAX_EARLY_BYTES,
    MAX_EARLY_PER_PEER,
    MAX_EARLY_TOTAL,
    MAX_HANDSHAKE,
    MAX_HANDSHAKE_PEERS,
    MAX_HANDSHAKES,
    MAX_PAYLOAD,
    MAX_SESSIONS,
    TRANSPORT_RATE_PER_PEER,
    TRANSPORT_RATE_TOTAL,
)
from gateway.session.noise import public_key_of
from gateway.session.rate import TokenBucket
from tests.session.support import Node, assert_talking, handshake, node

MESSAGE_1 = public_key_of(b"\x07" * 32)


def stranger(n: int) -> bytes:
    return n.to_bytes(8, "big")


def unlimited(*nodes: Node) -> None:
    """Take the handshake rate away, to reach the caps behind it."""
    for each in nodes:
        each.table._budget = TokenBucket(1e9, 1e9)


def refusals(calls) -> list[Reason | None]:
    out: list[Reason | None] = []
    for call in calls:
        try:
            call()
        except SessionError as error:
            out.append(error.reason)
        else:
            out.append(None)
    return out


def test_handshakes_of_one_peer_are_limited_in_both_directions_together() -> None:
    table = node(1).table
    peer = stranger(1)
    for i in range(int(HANDSHAKES_PER_PEER)):
        if i % 2:
            assert table.initiate(peer, 0.0) is not None
        else:
            assert table.on_handshake(peer, MESSAGE_1, 0.0).reply is not None
        table.drop(peer)
    with pytest.raises(SessionError) as caught:
        table.initiate(peer, 0.0)
    assert caught.value.reason is Reason.RATE
    with pytest.raises(SessionError) as caught:
        table.on_handshake(peer, MESSAGE_1, 0.0)
    assert caught.value.reason is Reason.RATE
    assert table.counts.rate_limited == 2
    assert table.initiate(stranger(2), 0.0) is not None
    assert table.initiate(peer, HANDSHAKE_WINDOW_S / HANDSHAKES_PER_PEER) is not None


def test_handshakes_of_all_peers_are_limited() -> None:
    table = node(1).table
    got = refusals([lambda n=n: table.initiate(stranger(n), 0.0) for n in range(HANDSHAKES_TOTAL + 1)])
    assert got == [None] * HANDSHAKES_TOTAL + [Reason.RATE]
    assert table.initiate(stranger(999), HANDSHAKE_WINDOW_S / HANDSHAKES_TOTAL) is not None


def test_strangers_cannot_use_up_the_handshakes_we_may_start() -> None:
    table = node(1).table
    got = refusals([lambda n=n: table.on_handshake(stranger(n), MESSAGE_1, 0.0) for n in range(HANDSHAKES_TOTAL)])
    assert got == [None] * (HANDSHAKES_TOTAL - HANDSHAKES_RESERVED) + [Reason.RATE] * HANDSHAKES_RESERVED
    got = refusals([lambda n=n: table.initiate(stranger(100 + n), 0.0) for n in range(HANDSHAKES_RESERVED + 1)])
    assert got == [None] * HANDSHAKES_RESERVED + [Reason.RATE]


def test_handshakes_in_progress_are_capped_and_the_oldest_goes() -> None:
    table = node(1).table
    unlimited(self := node(1))
    table = self.table
    for n in range(MAX_HANDSHAKES + 1):
        table.on_handshake(stranger(n), MESSAGE_1, n / 100)
    assert len(table._handshakes._answered) == MAX_HANDSHAKES
    assert not table._handshakes.running(stranger(0))
    assert table._handshakes.running(stranger(1))
    assert table.counts.crowded_out == 1


def test_strangers_handshakes_never_push_out_ours_or_a_session() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    unlimited(one)
    one.table.initiate(b"awaiting", 0.0)
    for n in range(4 * MAX_HANDSHAKES):
        one.table.on_handshake(stranger(n), MESSAGE_1, 0.0)
    assert one.table._handshakes.started_by_us(b"awaiting")
    assert_talking(one, two)


def test_our_own_handshakes_are_capped_too() -> None:
    one = node(1)
    unlimited(one)
    for n in range(MAX_HANDSHAKES + 1):
        one.table.initiate(stranger(n), 0.0)
    assert len(one.table._handshakes._started) == MAX_HANDSHAKES
    assert not one.table._handshakes.started_by_us(stranger(0))


def test_budgets_of_invented_peers_are_forgotten() -> None:
    one = node(1)
    unlimited(one)
    for n in range(MAX_HANDSHAKE_PEERS + 10):
        one.table.on_handshake(stranger(n), MESSAGE_1, 0.0)
    assert len(one.table._budgets) == MAX_HANDSHAKE_PEERS


def test_a_flood_of_invented_peers_is_refused_before_it_costs_a_budget() -> None:
    table = node(1).table
    refusals([lambda n=n: table.on_handshake(stranger(n), MESSAGE_1, 0.0) for n in range(200)])
    assert len(table._budgets) == HANDSHAKES_TOTAL - HANDSHAKES_RESERVED


def test_sessions_are_capped_and_the_least_used_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.session.established.MAX_SESSIONS", 8)
    assert MAX_SESSIONS > 8
    one = node(1)
    peers = [node(10 + n) for n in range(9)]
    unlimited(one)
    for n, peer in enumerate(peers[:8]):
        handshake(one, peer, float(n))
    one.table.decrypt(peers[0].peer_id, peers[0].table.encrypt(one.peer_id, b"", 9.0), 9.0)
    one.table.encrypt(peers[1].peer_id, b"", 10.0)
    handshake(one, peers[8], 11.0)
    assert len(one.table) == 8
    assert one.table.is_established(peers[0].peer_id)
    assert one.table.is_established(peers[1].peer_id)
    assert not one.table.is_established(peers[2].peer_id)
    assert one.table.counts.evicted == 1
    handshake(one, peers[8], 12.0, rekey=True)
    assert one.table.counts.evicted == 1


def test_early_messages_are_capped_per_peer_in_total_and_in_size() -> None:
    one = node(1)
    unlimited(one)
    table = one.table
    peers = MAX_EARLY_TOTAL // MAX_EARLY_PER_PEER + 1
    for n in range(peers):
        table.on_handshake(stranger(n), MESSAGE_1, 0.0)
    assert refusals([lambda: table.decrypt(stranger(0), bytes(MAX_EARLY_BYTES + 1), 0.0)]) == [Reason.SESSION]
    for n in range(peers):
        room = MAX_EARLY_PER_PEER if n < peers - 1 else 0
        got = refusals([lambda n=n: table.decrypt(stranger(n), bytes(MAX_EARLY_BYTES), 0.0) for _ in range(MAX_EARLY_PER_PEER + 1)])
        assert got == [Reason.EARLY] * room + [Reason.SESSION] * (MAX_EARLY_PER_PEER + 1 - room)
    assert table.counts.deferred == MAX_EARLY_TOTAL
    table.drop(stranger(0))
    assert refusals([lambda: table.decrypt(stranger(peers - 1), bytes(40), 0.0)]) == [Reason.EARLY]


def test_messages_of_one_peer_are_limited_each_way() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    count = int(TRANSPORT_RATE_PER_PEER)
    messages = [one.table.encrypt(two.peer_id, b"", 0.0) for _ in range(count)]
    assert refusals([lambda: one.table.encrypt(two.peer_id, b"", 0.0)]) == [Reason.RATE]
    messages.append(one.table.encrypt(two.peer_id, b"", 1.0))
    got = refusals([lambda m=m: two.table.decrypt(one.peer_id, m, 1.0) for m in messages])
    assert got == [None] * count + [Reason.RATE]
    # What is refused for its rate is not lost: its counter is still fresh.
    assert two.table.decrypt(one.peer_id, messages[-1], 2.0) == b""


def test_messages_of_all_peers_are_limited_each_way() -> None:
    one = node(1)
    unlimited(one)
    peers = [node(10 + n) for n in range(int(TRANSPORT_RATE_TOTAL / TRANSPORT_RATE_PER_PEER) + 1)]
    each = int(TRANSPORT_RATE_PER_PEER)
    for peer in peers:
        handshake(one, peer)
    got = refusals([lambda p=p: one.table.encrypt(p.peer_id, b"", 0.0) for p in peers for _ in range(each)])
    assert got == [None] * int(TRANSPORT_RATE_TOTAL) + [Reason.RATE] * each
    calls = [lambda p=p: one.table.decrypt(p.peer_id, p.table.encrypt(one.peer_id, b"", 0.0), 0.0) for p in peers for _ in range(each)]
    assert refusals(calls) == [None] * int(TRANSPORT_RATE_TOTAL) + [Reason.RATE] * each


def test_oversized_messages_are_refused() -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    assert refusals([lambda: one.table.on_handshake(two.peer_id, bytes(MAX_HANDSHAKE + 1), 0.0)]) == [Reason.OVERSIZED]
    assert refusals([lambda: one.table.decrypt(two.peer_id, bytes(MAX_PAYLOAD + 1), 0.0)]) == [Reason.OVERSIZED]
    assert refusals([lambda: one.table.encrypt(two.peer_id, bytes(MAX_PAYLOAD), 0.0)]) == [Reason.OVERSIZED]
    assert_talking(one, two)
