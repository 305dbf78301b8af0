"""Nothing that names people, carries what they say or opens something gets out."""

import json

import pytest

from gateway.telemetry.redaction import DROPPED, KEY, PSEUDONYMOUS, REDACTED, TOKEN, Redactor

SITE = "12D3KooWBtfsk3rTBqgALqPDKN7pgxow3GvKiRdFyoK2L4mZ6LZQ"
PEER = "1d524716417ecc8c"
MAC = "AA:BB:CC:DD:EE:FF"
MESSAGE = "5f" * 16


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(b"salt of this run")


@pytest.mark.parametrize("name", sorted(DROPPED))
def test_a_field_with_such_a_name_is_never_shown(redactor: Redactor, name: str) -> None:
    assert redactor.fields({name: "Ada said hello"}) == {name: REDACTED}
    assert redactor.fields({name: b"\x01\x02"}) == {name: REDACTED}
    assert redactor.fields({f"radio.{name}": ["Ada"]}) == {f"radio.{name}": REDACTED}


@pytest.mark.parametrize("name", sorted(PSEUDONYMOUS))
def test_a_field_with_such_a_name_is_a_pseudonym(redactor: Redactor, name: str) -> None:
    shown = redactor.fields({name: "somebody"})[name]
    assert "somebody" not in shown
    assert "~" in shown
    assert redactor.fields({name: ""}) == {name: ""}


@pytest.mark.parametrize(
    ("text", "secret", "stands"),
    [
        (f"The connection with {SITE} ended.", SITE, "site~"),
        (f"wss://192.0.2.7:8443#{SITE} cannot be reached", SITE, "site~"),
        (f"/ip4/192.0.2.7/tcp/4001/p2p/{SITE}", SITE, "site~"),
        (f"{PEER} was lost", PEER, "peer~"),
        (f"peer {PEER.upper()}.", PEER.upper(), "peer~"),
        (f"dev_{MAC.replace(':', '_')} has gone", MAC.replace(":", "_"), "device~"),
        (f"calls {MAC.lower()}", MAC.lower(), "device~"),
        ("npub1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnqqqsyq", "npub1qqqs", "signer~"),
        ("a key " + "0a" * 32, "0a" * 32, KEY),
        ("nsec1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0jqscdket", "nsec1", KEY),
        ("key Xk3u0Hq0qvJ7aO6WcC2c9lY1F9s3kZp5tVbN8mQeR4A= end", "Xk3u0Hq0", KEY),
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----", "MC4C", KEY),
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw", "MC4C", KEY),
        ("Authorization: Bearer abc.def-123", "abc.def", TOKEN),
        ("mg1_AbCdEfGhIjKlMnOpQrStUv", "AbCdEf", TOKEN),
        ("password=hunter2&x=1", "hunter2", REDACTED),
        ('"token": "s3cret value"', "s3cret", REDACTED),
        ("ticket: AAAA-BBBB", "AAAA-BBBB", REDACTED),
    ],
)
def test_a_value_that_looks_like_one_is_found_wherever_it_stands(redactor: Redactor, text: str, secret: str, stands: str) -> None:
    for shown in (
        redactor.text(text),
        redactor.fields({"sentence": text})["sentence"],
        json.dumps(redactor.fields({"deep": {"list": [{"also": text}]}})),
    ):
        assert secret not in shown
        assert stands in shown


@pytest.mark.parametrize(
    "text",
    [
        "libp2p listens on /ip4/192.0.2.7/tcp/4001.",
        "3 phones near. Linked to 1 site. Nothing is waiting.",
        "The database /var/lib/meshgate/store.db was moved aside.",
        "radio stopped: the adapter is gone. Starting it again in 1 s.",
        "The token for metrics, /etc/meshgate/metrics.token, cannot be read: Permission denied.",
        "It keeps going for 1234567890123456 ns"[:20],
    ],
)
def test_what_a_person_needs_stays(redactor: Redactor, text: str) -> None:
    assert redactor.text(text) == text


def test_the_thread_through_the_logs_stays(redactor: Redactor) -> None:
    fields = {"message": MESSAGE, "known_as": "ab" * 32, "verb": "sent"}
    assert redactor.fields(fields) == fields
    assert SITE not in str(redactor.fields({"message": SITE}))


def test_pseudonyms_join_entries_of_one_run_and_of_no_other() -> None:
    first, second = Redactor(b"one"), Redactor(b"two")
    assert first.text(SITE) == first.text(SITE) == first.fields({"site": SITE})["site"]
    assert first.text(PEER) == first.fields({"sender": bytes.fromhex(PEER)})["sender"]
    assert first.text(SITE) != second.text(SITE)


def test_a_gateway_may_name_itself(redactor: Redactor) -> None:
    redactor.allow(SITE, PEER)
    assert redactor.text(f"Other sites know this one as {SITE}, phones as {PEER}.") == (
        f"Other sites know this one as {SITE}, phones as {PEER}."
    )


def test_bytes_show_their_length_and_numbers_themselves(redactor: Redactor) -> None:
    assert redactor.fields({"raw": b"abc", "count": 3, "share": 0.5, "on": True, "none": None}) == {
        "raw": "[3 bytes]",
        "count": 3,
        "share": 0.5,
        "on": True,
        "none": None,
    }


def test_hostile_texts_take_no_time(redactor: Redactor) -> None:
    for text in ("a" * 4096, "12D3KooW" * 500, "A1" * 2048, "aa:" * 1300, "-----BEGIN " * 300, "Bearer " * 600):
        redactor.text(text)
