"""A link's budget for single recipients: who asks for little gets it, whoever else floods."""

from gateway.limits import (
    DIRECTED_BURST,
    DIRECTED_RATE,
    DIRECTED_RESERVE,
    DIRECTED_SHARE_BURST,
    DIRECTED_SHARE_IDLE_S,
    DIRECTED_SHARE_RATE,
    MAX_DIRECTED_ORIGINS,
)
from gateway.mesh.shares import Shares

SIZE = 400


def flood(shares: Shares, origin: bytes, now: float) -> int:
    """Take as much as there is; returns the bytes."""
    taken = 0
    while shares.take(origin, now, SIZE):
        taken += SIZE
    return taken


def named(number: int) -> bytes:
    return number.to_bytes(8)


def test_somebody_alone_has_the_whole_rate() -> None:
    shares = Shares()
    taken = flood(shares, b"ada", 0.0)
    assert taken + SIZE > DIRECTED_BURST
    later = sum(flood(shares, b"ada", float(second)) for second in range(1, 11))
    assert DIRECTED_RATE * 10 - SIZE * 10 <= later <= DIRECTED_RATE * 10 + DIRECTED_RESERVE


def test_who_asks_for_no_more_than_a_share_always_gets_it() -> None:
    shares = Shares()
    for tick in range(600):
        now = tick * SIZE / DIRECTED_SHARE_RATE
        flood(shares, b"loud", now)
        for number in range(MAX_DIRECTED_ORIGINS - 1):
            assert shares.take(named(number), now, SIZE)
            flood(shares, b"loud", now)


def test_a_share_lets_a_burst_through_and_no_more() -> None:
    shares = Shares()
    flood(shares, b"loud", 0.0)
    assert flood(shares, b"ada", 0.0) == DIRECTED_SHARE_BURST // SIZE * SIZE


def test_invented_origins_get_no_more_than_the_link_may_bring_and_push_nobody_out() -> None:
    shares = Shares()
    flood(shares, b"loud", 0.0)
    assert shares.take(b"ada", 0.0, SIZE)
    taken = 0
    for second in range(1, 61):
        for number in range(1_000):
            taken += SIZE * shares.take(named(second * 1_000 + number), float(second), SIZE)
        assert shares.take(b"ada", float(second), SIZE) == (DIRECTED_SHARE_RATE >= SIZE)
        assert len(shares) <= MAX_DIRECTED_ORIGINS
    assert taken <= DIRECTED_RATE * 60 + DIRECTED_RESERVE


def test_a_place_that_was_quiet_is_given_to_a_newcomer() -> None:
    shares = Shares()
    flood(shares, b"loud", 0.0)
    for number in range(MAX_DIRECTED_ORIGINS):
        shares.take(named(number), 0.0, SIZE)
    later = DIRECTED_SHARE_IDLE_S
    flood(shares, b"loud", later)
    assert shares.take(b"new", later, SIZE)
    assert len(shares) == MAX_DIRECTED_ORIGINS
