"""What gateways say about the federation: one spelling, everything bounded, nothing half read."""

from dataclasses import replace

import msgpack
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import DecodeError, Reason
from gateway.limits import MAX_CAPABILITIES, MAX_CAPABILITY, MAX_FEDERATION, MAX_REVOKED, MAX_RPC, MAX_SOFTWARE, MAX_TICKET
from gateway.wire import federation, roster
from gateway.wire.federation import (
    AskHistory,
    AskStatus,
    Capabilities,
    Have,
    Held,
    Hello,
    Join,
    Leave,
    Membership,
    Refused,
    ShutOut,
    Status,
    Welcome,
)
from gateway.wire.roster import Listed, Revocations, Revoked, Roster
from gateway.wire.ticket import EVERYTHING, Scope

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ISSUER = KEY.public_key().public_bytes_raw()
KEYS = st.binary(min_size=32, max_size=32)
U64 = st.integers(0, 2**64 - 1)


def signed(document):
    return replace(document, signature=KEY.sign(roster.signed_bytes(document)))


def in_order(entries):
    return tuple(sorted({entry.key: entry for entry in entries}.values(), key=lambda entry: entry.key))


ROSTERS = st.builds(
    lambda version, entries: signed(Roster(ISSUER, version, in_order(entries))),
    U64,
    st.lists(st.builds(Listed, KEYS, st.integers(0, EVERYTHING).map(Scope), U64), max_size=5),
)
REVOCATIONS = st.builds(
    lambda version, entries: signed(Revocations(ISSUER, version, in_order(entries))),
    U64,
    st.lists(st.builds(Revoked, KEYS, st.integers(1, 0xFFFF), U64), max_size=5),
)
HELD = st.builds(Held, KEYS, U64, st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=8))
MESSAGES = st.one_of(
    st.builds(Hello, st.just(1), st.integers(1, 255), st.binary(min_size=8, max_size=8), st.sampled_from(["", "meshgate 0.2.0"])),
    st.builds(Capabilities, st.lists(st.sampled_from(["history/1", "status/1"])).map(lambda names: tuple(names[:4]))),
    st.builds(Have, st.lists(HELD, max_size=5).map(tuple)),
    st.builds(Membership, ROSTERS),
    st.builds(ShutOut, REVOCATIONS),
    st.builds(Join, st.binary(max_size=300)),
    st.builds(Welcome, st.integers(0, EVERYTHING).map(Scope), U64),
    st.builds(Refused, st.sampled_from(["expired", "forged"])),
    st.just(Leave()),
    st.builds(AskHistory, U64),
    st.just(AskStatus()),
    st.builds(Status, U64, U64, U64, U64),
)


def reason(call, what):
    with pytest.raises(DecodeError) as caught:
        call(what)
    return caught.value.reason


@given(MESSAGES)
def test_a_message_survives(message):
    assert federation.decode(federation.encode(message)) == message


@given(MESSAGES)
def test_a_message_has_one_spelling(message):
    data = federation.encode(message)
    for other in (data + b"\0", b"\xdc" + (data[0] & 0x0F).to_bytes(2) + data[1:], data[:1] + b"\xcc" + data[1:]):
        assert reason(federation.decode, other) is Reason.FIELD


@given(
    st.binary(max_size=200)
    | st.builds(msgpack.packb, st.lists(st.integers(-(2**63), 2**64 - 1) | st.binary() | st.booleans() | st.floats(), max_size=6))
)
def test_no_bytes_do_more_than_be_refused(data):
    for call in (federation.decode, roster.decode_roster, roster.decode_revocations):
        try:
            call(data)
        except DecodeError:
            continue


@given(MESSAGES, st.data())
def test_a_message_that_was_cut_or_changed_is_refused_or_another_message(message, data):
    raw = federation.encode(message)
    end = data.draw(st.integers(0, len(raw) - 1))
    reason(federation.decode, raw[:end])
    changed = bytearray(raw)
    changed[end] ^= data.draw(st.integers(1, 255))
    try:
        assert federation.decode(bytes(changed)) != message
    except DecodeError:
        return


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([], Reason.FIELD),
        ([1], Reason.FIELD),
        ([2, 9], Reason.VERSION),
        ([True, 9], Reason.VERSION),
        ([1, 10], Reason.FIELD),
        ([1, 0], Reason.FIELD),
        ([1, -1], Reason.FIELD),
        ([1, True], Reason.FIELD),
        ([1, 9, 0], Reason.FIELD),
        ([1, 1, 0, 1, bytes(8), ""], Reason.FIELD),
        ([1, 1, 2, 1, bytes(8), ""], Reason.FIELD),
        ([1, 1, 1, 256, bytes(8), ""], Reason.FIELD),
        ([1, 1, 1, 1, bytes(7), ""], Reason.FIELD),
        ([1, 1, 1, 1, bytes(8), b""], Reason.FIELD),
        ([1, 1, 1, 1, bytes(8), "a\nb"], Reason.TEXT),
        ([1, 1, 1, 1, bytes(8), "s" * (MAX_SOFTWARE + 1)], Reason.OVERSIZED),
        ([1, 2, ["x"] * (MAX_CAPABILITIES + 1)], Reason.OVERSIZED),
        ([1, 2, ["x" * (MAX_CAPABILITY + 1)]], Reason.OVERSIZED),
        ([1, 2, "x"], Reason.FIELD),
        ([1, 3, [[bytes(32), 1, bytes(8), bytes(8)]] * (MAX_FEDERATION + 2)], Reason.OVERSIZED),
        ([1, 3, [[bytes(32), 1, bytes(8)]]], Reason.FIELD),
        ([1, 4, b""], Reason.FIELD),
        ([1, 6, bytes(MAX_TICKET + 1)], Reason.OVERSIZED),
        ([1, 7, EVERYTHING + 1, 0], Reason.FIELD),
        ([1, 7, 1, 1.5], Reason.FIELD),
        ([1, 8, "r" * 33], Reason.OVERSIZED),
    ],
)
def test_what_is_no_message_is_refused_with_its_reason(row, expected):
    assert reason(federation.decode, msgpack.packb(row)) is expected


def test_the_longest_documents_fit_a_message_and_one_entry_more_does_not():
    keys = [number.to_bytes(32) for number in range(MAX_REVOKED + 1)]
    most = signed(Revocations(ISSUER, 2**64 - 1, tuple(Revoked(key, 0xFFFF, 2**64 - 1) for key in keys[:-1])))
    assert len(federation.encode(ShutOut(most))) <= MAX_RPC
    full = signed(Roster(ISSUER, 2**64 - 1, tuple(Listed(key, EVERYTHING, 2**64 - 1) for key in keys[:MAX_FEDERATION])))
    assert federation.decode(federation.encode(Membership(full))) == Membership(full)
    for over in (
        Revocations(ISSUER, 1, tuple(Revoked(key, 1, 0) for key in keys)),
        Roster(ISSUER, 1, tuple(Listed(key, Scope.LINK, 0) for key in keys[: MAX_FEDERATION + 1])),
    ):
        with pytest.raises(ValueError, match="oversized"):
            roster.encode(over)
    assert reason(federation.decode, bytes(MAX_RPC + 1)) is Reason.OVERSIZED


def test_entries_stand_in_order_and_once():
    one, two = Listed(bytes(32), Scope.LINK, 0), Listed(b"\1" * 32, Scope.LINK, 0)
    for members in ((two, one), (one, one)):
        with pytest.raises(ValueError, match="out of order"):
            roster.encode(Roster(ISSUER, 1, members))


def test_a_roster_is_no_list_of_revocations():
    assert reason(roster.decode_revocations, roster.encode(signed(Roster(ISSUER, 1, ())))) is Reason.VERSION


@given(ROSTERS, st.data())
def test_a_signature_covers_every_bit_of_a_document(document, data):
    assert roster.is_genuine(document)
    raw = bytearray(roster.encode(document))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    try:
        changed = roster.decode_roster(bytes(raw))
    except DecodeError:
        return
    assert not roster.is_genuine(changed)
