"""Two tables on a link that loses, repeats, reorders and forges; and one table fed with noise."""

from contextlib import suppress
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import SessionError
from gateway.limits import HANDSHAKE_WINDOW_S
from gateway.session.noise import public_key_of
from tests.session.support import Node, assert_talking, handshake, node

FORGED_KEY = public_key_of(b"\x07" * 32)
# Weighted so that sessions come to be, carry messages, and are then disturbed.
KINDS = {
    "send": 10,
    "deliver": 8,
    "deliver_all": 3,
    "initiate": 3,
    "repeat": 3,
    "lose": 2,
    "flip": 2,
    "wait": 2,
    "forge": 1,
    "drop": 1,
    "restart": 1,
}
ACTIONS = st.tuples(st.sampled_from([kind for kind, weight in KINDS.items() for _ in range(weight)]), st.integers(0, 255))


class BadLink:
    """Two nodes, and everything on its way between them."""

    def __init__(self) -> None:
        self.nodes = [node(1), node(2)]
        self.now = 0.0
        self.restarts = 0
        self.on_its_way: list[tuple[int, str, bytes]] = []  # (from, kind, message)
        self.sent: list[set[bytes]] = [set(), set()]
        self.delivered: list[list[bytes]] = [[], []]  # by sender

    def other(self, who: int) -> Node:
        return self.nodes[1 - who]

    def act(self, kind: str, number: int) -> None:
        with suppress(SessionError):
            getattr(self, kind)(number)

    def initiate(self, number: int) -> None:
        who = number % 2
        message = self.nodes[who].table.initiate(self.other(who).peer_id, self.now, rekey=number % 4 > 1)
        if message is not None:
            self.on_its_way.append((who, "handshake", message))

    def send(self, number: int) -> None:
        who = number % 2
        plaintext = b"%d:%d" % (who, len(self.sent[who]))
        message = self.nodes[who].table.encrypt(self.other(who).peer_id, plaintext, self.now)
        self.sent[who].add(plaintext)
        self.on_its_way.append((who, "transport", message))

    def deliver(self, number: int) -> None:
        if self.on_its_way:
            self.arrive(*self.on_its_way.pop(number % len(self.on_its_way)))

    def deliver_all(self, _: int) -> None:
        for _ in range(len(self.on_its_way) + 3):
            self.act("deliver", 0)

    def repeat(self, number: int) -> None:
        if self.on_its_way:
            self.on_its_way.append(self.on_its_way[number % len(self.on_its_way)])

    def arrive(self, who: int, kind: str, message: bytes) -> None:
        receiver, sender = self.other(who), self.nodes[who]
        if kind == "transport":
            self.delivered[who].append(receiver.table.decrypt(sender.peer_id, message, self.now))
            return
        step = receiver.table.on_handshake(sender.peer_id, message, self.now)
        self.delivered[who] += step.early
        if step.established:
            assert step.remote_static == public_key_of(sender.private)
        if step.reply is not None:
            self.on_its_way.append((1 - who, "handshake", step.reply))

    def flip(self, number: int) -> None:
        if self.on_its_way:
            who, kind, message = self.on_its_way[number % len(self.on_its_way)]
            forged = bytearray(message)
            forged[number % len(forged)] ^= 1 << number % 8
            self.on_its_way.append((who, kind, bytes(forged)))

    def lose(self, number: int) -> None:
        if self.on_its_way:
            del self.on_its_way[number % len(self.on_its_way)]

    def drop(self, number: int) -> None:
        self.nodes[number % 2].table.drop(self.other(number % 2).peer_id)

    def restart(self, number: int) -> None:
        who = number % 2
        self.restarts += 1
        self.nodes[who] = Node.of(self.nodes[who].private, Random(self.restarts).randbytes)

    def forge(self, number: int) -> None:
        self.on_its_way.append((number % 2, "handshake", FORGED_KEY))

    def wait(self, number: int) -> None:
        self.now += number % 24

    def check(self) -> None:
        for who in (0, 1):
            assert len(self.delivered[who]) == len(set(self.delivered[who])), "a message came out twice"
            assert set(self.delivered[who]) <= self.sent[who], "a message came out that nobody sent"


def run(actions: list[tuple[str, int]]) -> BadLink:
    link = BadLink()
    for kind, number in actions:
        link.act(kind, number)
        link.check()
    link.now += HANDSHAKE_WINDOW_S
    one, two = link.nodes
    for first, second in ((one, two), (two, one)):
        assert handshake(first, second, link.now, rekey=True).established
        assert_talking(one, two, link.now)
    return link


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(ACTIONS, min_size=20, max_size=120))
def test_no_message_twice_none_wrong_and_always_a_way_back(actions: list[tuple[str, int]]) -> None:
    run(actions)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_over_a_long_time(seed: int) -> None:
    rng = Random(seed)
    kinds = rng.choices(list(KINDS), list(KINDS.values()), k=6_000)
    link = run([(kind, rng.randrange(256)) for kind in kinds])
    assert sum(len(delivered) for delivered in link.delivered) > 150  # the link was bad, not dead


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"peer---1", b"peer---2"]),
            st.booleans(),
            st.binary(max_size=120) | st.sampled_from([32, 64, 96]).flatmap(lambda n: st.binary(min_size=n, max_size=n)),
        ),
        max_size=30,
    )
)
def test_random_bytes_raise_only_session_errors(messages: list[tuple[bytes, bool, bytes]]) -> None:
    table = node(1).table
    table.initiate(b"peer---1", 0.0)
    for peer_id, is_handshake, message in messages:
        try:
            if is_handshake:
                step = table.on_handshake(peer_id, message, 0.0)
                assert not step.established
            else:
                table.decrypt(peer_id, message, 0.0)
        except SessionError:
            continue
        assert is_handshake
    assert len(table) == 0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.binary(max_size=120), max_size=20))
def test_random_bytes_never_harm_a_session(messages: list[bytes]) -> None:
    one, two = node(1), node(2)
    handshake(one, two)
    for i, message in enumerate(messages):
        for take in (one.table.decrypt, one.table.on_handshake):
            try:
                assert not getattr(take(two.peer_id, message, float(i)), "established", False)
            except SessionError:
                continue
    assert_talking(one, two, float(len(messages)))
