from hashlib import sha256
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transports.betanet.vectors import load, unhex
from transports import limits
from transports.betanet import admission, tickets
from transports.betanet.admission import Admission, Budgets, prefix_of
from transports.betanet.carriers import Carrier, Policy, decode_policy, encode_policy, find_ticket, to_body, to_cookie, to_query
from transports.betanet.errors import BetanetError
from transports.betanet.tickets import HOUR_S, TicketKey, decode_ticket, from_text, issue, proof_of, shared_secret, to_text

VECTORS = load("htx_ticket_v11")
FIRST = VECTORS["valid"][0]
KEY = TicketKey(unhex(FIRST["ticket_priv"]), unhex(FIRST["ticket_key_id"]))
NOW = FIRST["unix_time"]
HERE = prefix_of("192.0.2.1")
TEXT = to_text(unhex(FIRST["payload"]))


def site(*keys: TicketKey, now: float = NOW) -> Admission:
    return Admission(keys or (KEY,), stand_in=b"s" * 32, now=now)


def ticket(rng: Random, now: float = NOW, key: TicketKey = KEY, padding: int = 24) -> str:
    payload = issue(key.public, key.key_id, now, client_private=rng.randbytes(32), nonce=rng.randbytes(32), padding=rng.randbytes(padding))
    return to_text(payload)


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: f"padding {vector['pad_len']}")
def test_tickets_are_those_of_the_vectors(vector: dict[str, Any]) -> None:
    payload = unhex(vector["payload"])
    key = TicketKey(unhex(vector["ticket_priv"]), unhex(vector["ticket_key_id"]))
    assert key.public.hex() == vector["ticket_pub"]
    padding = payload[-vector["pad_len"] :]
    made = issue(
        key.public,
        key.key_id,
        vector["unix_time"],
        client_private=unhex(vector["cli_priv"]),
        nonce=unhex(vector["nonce32"]),
        padding=padding,
    )
    assert made == payload
    assert len(payload) == vector["payload_len"]
    read = decode_ticket(payload)
    assert read.client_public.hex() == vector["cli_pub"]
    assert read.nonce.hex() == vector["nonce32"]
    assert read.proof.hex() == vector["access_ticket"]
    secret = shared_secret(X25519PrivateKey.from_private_bytes(key.private), read.client_public)
    assert secret.hex() == vector["shared_secret"]
    assert vector["unix_time"] // HOUR_S == vector["hour"]
    for offset, proof in vector["tickets_by_hour_offset"].items():
        assert proof_of(secret, key.key_id, vector["hour"] + int(offset)).hex() == proof


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: f"padding {vector['pad_len']}")
def test_a_ticket_is_good_in_the_hours_of_the_vectors(vector: dict[str, Any]) -> None:
    key = TicketKey(unhex(vector["ticket_priv"]), unhex(vector["ticket_key_id"]))
    for offset in (*vector["accept_offsets"], *vector["reject_offsets"]):
        now = vector["unix_time"] - offset * HOUR_S
        assert site(key, now=now).judge(to_text(unhex(vector["payload"])), HERE, now) is (offset in vector["accept_offsets"])


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: f"padding {vector['pad_len']}")
def test_the_three_carriers_are_written_and_found_as_in_the_vectors(vector: dict[str, Any]) -> None:
    text = to_text(unhex(vector["payload"]))
    name = vector["cookie"].partition("=")[0]
    path = vector["query"].partition("?")[0]
    assert to_cookie(name, text) == vector["cookie"]
    assert to_query(path, text) == vector["query"]
    assert to_body(text) == vector["body"]
    assert find_ticket(name, cookie=f"a=b; {vector['cookie']}; c=d") == text
    assert find_ticket(name, query=vector["query"].partition("?")[2] + "&x=y") == text
    assert find_ticket(name, body=vector["body"]) == text
    assert from_text(text) == unhex(vector["payload"])


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["why"])
def test_8_3_what_is_no_good_ticket_is_answered_as_no_ticket_is(vector: dict[str, str]) -> None:
    door = site()
    assert door.judge(vector["payload_b64"], HERE, NOW) is door.judge(None, HERE, NOW) is False
    assert door.judge(TEXT, HERE, NOW) is True


def forged(proof: bytes, *, key_id: bytes = KEY.key_id, client: bytes = b"c" * 32) -> str:
    return to_text(b"\x01" + client + key_id + bytes(32) + proof + bytes(24))


@pytest.mark.parametrize(
    "shown",
    [
        forged(bytes(32)),
        forged(sha256(b"\x01" + b"c" * 32 + b"betanet_fallback").digest()),
        ticket(Random(1), key=TicketKey(b"o" * 32, b"otherkey")),
        ticket(Random(1), key=TicketKey(b"o" * 32, KEY.key_id)),
        ticket(Random(1), now=NOW - 2 * HOUR_S),
        ticket(Random(1), now=NOW + 2 * HOUR_S),
        forged(proof_of(bytes(32), KEY.key_id, NOW // HOUR_S), client=bytes(32)),
        forged(proof_of(bytes(32), KEY.key_id, NOW // HOUR_S), client=(1).to_bytes(32, "little")),
        "",
        "é" * 172,
        TEXT + "\n",
        "A" * 100_000,
    ],
    ids=["zeros", "hash", "other key ID", "other key", "2 h old", "2 h early", "order 4", "order 1", "empty", "unicode", "newline", "long"],
)
def test_8_3_forged_expired_and_low_order_tickets_are_refused(shown: str) -> None:
    assert site().judge(shown, HERE, NOW) is False


def test_8_3_every_key_of_small_order_is_known_and_no_other() -> None:
    private = X25519PrivateKey.from_private_bytes(b"p" * 32)
    for small in tickets._SMALL:
        for public in (small, small[:31] + bytes((small[31] | 0x80,))):
            assert not tickets.has_owner(public)
            with pytest.raises(BetanetError):
                shared_secret(private, public)
    assert tickets.has_owner(KEY.public)


def test_8_3_a_replayed_ticket_is_refused_and_a_new_one_of_the_same_key_is_not() -> None:
    door = site()
    assert door.judge(TEXT, HERE, NOW) is True
    assert door.judge(TEXT, prefix_of("198.51.100.1"), NOW + 60) is False
    assert door.judge(ticket(Random(2)), HERE, NOW + 60) is True
    assert (door.admitted, door.refused) == (2, 1)


def test_8_3_a_ticket_cannot_be_shown_again_with_another_spelling_of_its_key() -> None:
    door = site()
    payload = bytearray(unhex(FIRST["payload"]))
    assert door.judge(TEXT, HERE, NOW) is True
    payload[32] ^= 0x80
    assert door.judge(to_text(bytes(payload)), HERE, NOW) is False
    # Alone it is as good as the other spelling: X25519 ignores that bit.
    assert site().judge(to_text(bytes(payload)), HERE, NOW) is True


def test_8_3_a_ticket_first_shown_an_hour_early_is_remembered_until_it_is_good_no_more() -> None:
    hour = NOW // HOUR_S * HOUR_S
    early = ticket(Random(3), now=hour + HOUR_S)
    door = site(now=hour)
    assert door.judge(early, HERE, hour + 1) is True
    for later in range(60, 4 * HOUR_S, 599):
        assert door.judge(early, HERE, hour + later) is False
    assert site().judge(early, HERE, hour + 2.99 * HOUR_S) is True


def test_8_6_base64_of_another_form_is_refused_without_an_exception() -> None:
    door = site()
    standard = TEXT.replace("-", "+").replace("_", "/")
    assert standard != TEXT
    tail_bits = "_" if TEXT[-1] != "_" else "9"
    for shown in (TEXT[:-1], TEXT + "=", TEXT + "==", standard, TEXT[:-1] + tail_bits + "=", " " + TEXT, TEXT[:50] + "%" + TEXT[50:]):
        assert door.judge(shown, HERE, NOW) is False
    for text in ("AAAAA", "AAAAAB", "AAAAAA==", "AAAA+A", "AAAA/A", "\u0661" * 4):
        with pytest.raises(BetanetError):
            from_text(text)
    assert from_text("AAAAAA") == bytes(4)


def test_8_11_a_ticket_cut_at_any_byte_is_refused() -> None:
    door = site()
    payload = unhex(FIRST["payload"])
    for size in range(len(payload)):
        assert door.judge(to_text(payload[:size]), HERE, NOW) is False
        with pytest.raises(BetanetError):
            decode_ticket(payload[:size])


def test_8_3_every_visitor_is_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts what takes time; the clock's opinion is asked in the slow suite."""
    counts: dict[str, int] = {}

    def counted(name: str) -> None:
        original = getattr(admission, name)

        def call(*args: Any) -> Any:
            counts[name] = counts.get(name, 0) + 1
            return original(*args)

        monkeypatch.setattr(admission, name, call)

    door = site(KEY, TicketKey(b"2" * 32, b"second00"))
    for name in ("shared_secret", "proof_of", "compare_digest"):
        counted(name)
    work = []
    for shown in (
        None,
        TEXT,
        TEXT,
        "",
        "A" * 172,
        ticket(Random(1), now=0),
        ticket(Random(1), key=TicketKey(b"o" * 32, b"otherkey")),
        forged(bytes(32), client=bytes(32)),
    ):
        counts.clear()
        door.judge(shown, HERE, NOW)
        work.append(dict(counts))
    assert work == [{"shared_secret": 1, "proof_of": 3, "compare_digest": 5}] * 8


def test_8_3_no_text_longer_or_shorter_than_a_ticket_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(to_text(bytes(tickets.BARE_BYTES + tickets.MOST_PADDING))) == tickets.MOST_TEXT
    assert len(to_text(bytes(tickets.BARE_BYTES + tickets.LEAST_PADDING))) == tickets.LEAST_TEXT
    lengths: list[int] = []

    def decode(text: str) -> tuple[bytes, bool]:
        lengths.append(len(text))
        return tickets.decode_base64url(text)

    monkeypatch.setattr(admission, "decode_base64url", decode)
    for shown in (None, "A" * 227, "A" * 100_000, "A" * 226):
        assert site().judge(shown, HERE, NOW) is False
    for shown in ("", "A" * 171):
        assert site().judge(shown, HERE, NOW) is False
    assert len(lengths) == 6
    assert tickets.LEAST_TEXT < min(lengths) < max(lengths) == tickets.MOST_TEXT


def test_a_network_shows_as_many_tickets_as_its_budget_and_gets_it_back() -> None:
    door, rng = site(), Random(4)
    near = [prefix_of(f"192.0.2.{number}") for number in range(256)]
    answers = [door.judge(ticket(rng), near[number], NOW) for number in range(20)]
    assert answers == [True] * int(limits.TICKET_BURST) + [False] * (20 - int(limits.TICKET_BURST))
    assert door.judge(ticket(rng), prefix_of("192.0.3.1"), NOW) is True
    assert door.judge(ticket(rng), HERE, NOW + 1 / limits.TICKET_RATE) is True


def test_visitors_without_a_ticket_cost_no_budget() -> None:
    door = site()
    for number in range(100):
        assert door.judge(None, prefix_of(f"10.0.{number}.1"), NOW) is False
    assert len(door._budgets) == 0
    assert door.judge(TEXT, HERE, NOW) is True
    assert (door.admitted, door.refused) == (1, 0)


def test_networks_beyond_the_cap_share_one_budget_until_others_are_whole_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TICKET_PREFIXES", 3)
    budgets = Budgets(0.0)
    for number in range(3):
        assert budgets.take(bytes((number,)), 0.0, 1.0)
    shared = [budgets.take(bytes((number,)), 1.0, 1.0) for number in range(10, 30)]
    assert sum(shared) == limits.TICKET_BURST
    assert len(budgets) == 3
    assert budgets.take(b"new", 20.0, 1.0)
    assert len(budgets) == 1


def test_once_the_memory_is_full_nobody_new_comes_in_until_it_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TICKET_REPLAYS", 5)
    door, rng = site(), Random(5)
    assert [door.judge(ticket(rng), HERE, NOW) for _ in range(6)] == [True] * 5 + [False]
    later = NOW + 3 * HOUR_S
    assert door.judge(ticket(rng, later), HERE, later) is True


def test_a_clock_that_is_set_back_gives_no_budget() -> None:
    budgets = Budgets(1_000.0)
    while budgets.take(HERE, 1_000.0, 1.0):
        pass
    assert not budgets.take(HERE, 0.0, 1.0)
    assert not budgets.take(HERE, 1.0, 1.0)


def test_a_site_changes_its_key_without_turning_anybody_away() -> None:
    second = TicketKey(b"2" * 32, b"second00")
    door, rng = site(KEY, second), Random(6)
    assert door.judge(ticket(rng), HERE, NOW) is True
    assert door.judge(ticket(rng, key=second), HERE, NOW) is True
    for keys in ((), (KEY,) * (limits.TICKET_KEYS + 1)):
        with pytest.raises(ValueError, match="ticket keys"):
            Admission(keys, stand_in=b"s" * 32, now=NOW)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("192.0.2.1", "::ffff:192.0.2.9", True),
        ("2001:db8:0:1::1", "2001:db8:0:ff::1", True),
        ("2001:db8:0:1::1", "2001:db8:0:100::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_a_network_is_a_24_or_a_56(one: str, other: str, same: bool) -> None:
    assert (prefix_of(one) == prefix_of(other)) is same


@pytest.mark.parametrize("vector", VECTORS["policy"]["valid"], ids=lambda vector: vector["header"])
def test_a_policy_is_read_and_written_as_in_the_vectors(vector: dict[str, Any]) -> None:
    policy = decode_policy(vector["header"])
    assert dict(policy.carriers) == vector["carriers"]
    assert [policy.least_padding, policy.most_padding] == vector["len"]
    assert decode_policy(encode_policy(policy)) == policy
    assert encode_policy(Policy()) == VECTORS["policy"]["valid"][0]["header"]


@pytest.mark.parametrize(
    "header",
    [
        *VECTORS["policy"]["invalid"],
        "v1; carriers=cookie:0.5,cookie:0.5; len=24..64",
        "v1; carriers=cookie:0.5; len=24..64",
        "v1; carriers=cookie:1.0; len=40..30",
        "v1; carriers=cookie:1.0; len=24..64; x",
        "v1; carriers=cookie:0.5.0,query:0.5; len=24..64",
        "",
    ],
)
def test_a_policy_out_of_range_is_refused(header: str) -> None:
    with pytest.raises(BetanetError):
        decode_policy(header)


def test_a_visitor_draws_its_carrier_and_padding_from_the_policy() -> None:
    print("seed 7")
    rng, policy = Random(7), decode_policy("v1; carriers=cookie:0.5,query:0.3,body:0.2; len=30..40")
    draws = [policy.draw(rng) for _ in range(5_000)]
    for carrier, share in ((Carrier.COOKIE, 0.5), (Carrier.QUERY, 0.3), (Carrier.BODY, 0.2)):
        assert abs(sum(drawn is carrier for drawn, _ in draws) / 5_000 - share) < 0.03
    assert {padding for _, padding in draws} == set(range(30, 41))


@pytest.mark.parametrize(
    "request_parts",
    [
        {},
        {"cookie": "other=x"},
        {"cookie": f"c={TEXT}; c={TEXT}"},
        {"cookie": f"c={TEXT}", "query": f"bn1={TEXT}"},
        {"query": f"bn1={TEXT}&bn1={TEXT}"},
        {"body": "&".join(f"a{number}=b" for number in range(100)) + f"&bn1={TEXT}"},
    ],
    ids=["nothing", "other cookie", "twice in cookie", "two carriers", "twice in query", "too many fields"],
)
def test_a_request_with_no_ticket_or_two_has_none(request_parts: dict[str, str]) -> None:
    assert find_ticket("c", **request_parts) is None


def test_a_ticket_with_a_field_of_another_size_is_not_written() -> None:
    for padding, key_id in ((23, 8), (65, 8), (24, 7)):
        with pytest.raises(ValueError, match="wrong size"):
            issue(KEY.public, bytes(key_id), NOW, client_private=b"c" * 32, nonce=bytes(32), padding=bytes(padding))
    with pytest.raises(BetanetError):
        issue(bytes(32), KEY.key_id, NOW, client_private=b"c" * 32, nonce=bytes(32), padding=bytes(24))


@settings(max_examples=40)
@given(st.integers(0, 1 << 40), st.integers(24, 64), st.randoms(use_true_random=False), st.integers(-HOUR_S, HOUR_S))
def test_a_fresh_ticket_lets_in_whatever_its_padding_and_hour(now: int, padding: int, rng: Random, skew: int) -> None:
    then = max(0, now + skew)
    assert site(now=then).judge(ticket(rng, now, padding=padding), HERE, then) is True


@settings(max_examples=40)
@given(st.one_of(st.text(max_size=300), st.binary(max_size=200).map(to_text)))
def test_nothing_that_was_not_issued_lets_in_and_nothing_raises(shown: str) -> None:
    assert site().judge(shown, HERE, NOW) is False
