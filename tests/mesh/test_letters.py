"""The caps on letters that are held: each refuses the newest, and none lets a crowd crowd out those who are known."""

from dataclasses import replace

import pytest

from gateway.errors import Reason
from gateway.limits import (
    MAX_MAIL,
    MAX_MAIL_BYTES,
    MAX_MAIL_HOLDERS,
    MAX_MAIL_OF_STRANGERS,
    MAX_MAIL_PER_REGULAR,
    MAX_MAIL_PER_SITE,
    MAX_MAIL_PER_STRANGER,
    MAX_MAIL_PER_TAG,
)
from gateway.mesh.letters import Letter, Mailbag, letter_of
from gateway.wire.courier import CourierEnvelope, decode_courier
from tests.bridge.sites import vectors


def letter(
    number: int, *, depositor: int | None = None, tag: int | None = None, size: int = 8, regular: bool = False, via: bytes = b""
) -> Letter:
    """A letter of nobody's in particular: another depositor and another recipient each, unless said otherwise."""
    envelope = CourierEnvelope((number if tag is None else tag).to_bytes(16), 1, number.to_bytes(8) + bytes(size - 8), 1)
    owner = (number if depositor is None else depositor).to_bytes(8)
    return letter_of(envelope, depositor=b"" if via else owner, via=via, regular=regular)


def filled(count: int, **options: object) -> Mailbag:
    bag = Mailbag()
    for number in range(count):
        one = letter(number, **options)
        assert bag.refusal(one) is None
        bag.add(one)
    return bag


@pytest.mark.parametrize(
    ("count", "options", "reason"),
    [
        (MAX_MAIL_PER_STRANGER, {"depositor": 1}, Reason.QUOTA_PEER),
        (MAX_MAIL_PER_REGULAR, {"depositor": 1, "regular": True}, Reason.QUOTA_PEER),
        (MAX_MAIL_PER_TAG, {"tag": 1}, Reason.QUOTA_PEER),
        (MAX_MAIL_OF_STRANGERS, {}, Reason.QUOTA_CLASS),
        (MAX_MAIL_PER_SITE, {"via": b"somesite"}, Reason.QUOTA_SITE),
        (MAX_MAIL, {"regular": True}, Reason.QUOTA_CLASS),
    ],
)
def test_so_many_letters_and_not_one_more(count: int, options: dict, reason: Reason) -> None:
    bag = filled(count, **options)
    assert bag.refusal(letter(count, **options)) is reason
    bag.remove(letter(0, **options).name)
    assert bag.refusal(letter(count, **options)) is None


def test_so_many_bytes_and_not_one_more() -> None:
    size = 16_384
    count = MAX_MAIL_BYTES // len(letter(0, size=size).payload)
    if count >= MAX_MAIL:
        bag = filled(MAX_MAIL - 1, size=size, regular=True)
        bag.bytes = MAX_MAIL_BYTES - 10
    else:
        bag = filled(count, size=size, regular=True)
    assert bag.refusal(letter(count, size=size, regular=True)) is Reason.QUOTA_CLASS


def test_a_crowd_of_strangers_leaves_room_for_those_who_are_known_and_for_sites() -> None:
    bag = filled(MAX_MAIL_OF_STRANGERS)
    assert bag.refusal(letter(MAX_MAIL, regular=True)) is None
    assert bag.refusal(letter(MAX_MAIL, via=b"somesite")) is None


def test_what_was_taken_out_is_counted_nowhere() -> None:
    bag = filled(5, tag=1)
    for number in range(5):
        assert bag.remove(letter(number, tag=1).name) is not None
    assert bag.remove(letter(0, tag=1).name) is None
    assert (len(bag), bag.bytes, bag.tagged([(1).to_bytes(16)])) == (0, 0, [])
    assert (bag._by_tag, dict(bag._by_owner), bag._of_strangers) == ({}, {}, 0)


def test_only_so_many_holders_are_remembered() -> None:
    one = letter(1)
    for number in range(MAX_MAIL_HOLDERS + 3):
        given = one.hold(number.to_bytes(8))
    assert len(given.holders) == MAX_MAIL_HOLDERS


def test_the_name_is_that_of_all_but_the_copies() -> None:
    plain = CourierEnvelope(bytes(16), 1, b"sealed", 4, 7)
    assert letter_of(plain).name == letter_of(replace(plain, copies=1)).name
    others = [
        replace(plain, expiry_ms=2),
        replace(plain, ciphertext=b"other"),
        replace(plain, prekey_id=8),
        replace(plain, recipient_tag=b"t" * 16),
    ]
    assert len({letter_of(one).name for one in (plain, *others)}) == 5


@pytest.mark.parametrize("vector", [one for one in vectors("courier") if one["kind"].startswith("courier_envelope") and "payload" in one])
def test_an_envelope_of_a_phone_is_handed_over_as_it_came_but_for_the_copies(vector: dict) -> None:
    envelope = decode_courier(bytes.fromhex(vector["payload"]))
    held = letter_of(envelope)
    assert held.copies == envelope.copies
    assert decode_courier(held.payload) == replace(envelope, copies=1)
    if envelope.copies == 1:
        assert held.payload.hex() == vector["payload"]
