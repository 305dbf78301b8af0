from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transports.betanet.vectors import load, unhex
from transports import limits
from transports.betanet.binding import L2_NAME
from transports.betanet.capabilities import (
    Capabilities,
    Selection,
    agreement,
    check_selection,
    decides,
    decode_capabilities,
    decode_selection,
    encode_capabilities,
    encode_selection,
    select,
)
from transports.betanet.detcbor import decode_cbor, decode_map, encode_cbor, fixed, text, unsigned
from transports.betanet.errors import BetanetError, Fault

EXAMPLE = unhex(load("detcbor_v12")["caps_example"])
SELECTED = unhex(load("detcbor_v12")["sel_example"])
OURS = Capabilities((L2_NAME,), ("meshgate/link/1", "betanet/mesh/1.2.0"), ("betanet/mix/1.2.0",), features={"mix": True})
THEIRS = Capabilities(("betanet/htx/1.2.0", L2_NAME), ("betanet/mesh/1.2.0", "meshgate/link/1"))
KEYS = st.one_of(st.integers(-(1 << 64), (1 << 64) - 1), st.binary(max_size=8), st.text(max_size=8))
SCALARS = st.one_of(KEYS, st.booleans(), st.none())
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)), max_leaves=20
)


def fault_of(call: Any, *args: Any) -> Fault:
    with pytest.raises(BetanetError) as caught:
        call(*args)
    return caught.value.fault


def depth_of(value: Any) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@settings(max_examples=60)
@given(VALUES)
def test_cbor_is_read_as_it_was_written_and_as_a_library_writes_it(value: Any) -> None:
    data = encode_cbor(value)
    assert cbor2.loads(data) == value
    if depth_of(value) > limits.HTX_CBOR_DEPTH:
        assert fault_of(decode_cbor, data) is Fault.MALFORMED_FRAME
    else:
        assert decode_cbor(data) == value


@given(st.binary(max_size=40))
def test_whatever_cbor_is_taken_is_written_the_same(data: bytes) -> None:
    try:
        value = decode_cbor(data)
    except BetanetError:
        return
    assert encode_cbor(value) == data


@pytest.mark.parametrize("data", [EXAMPLE, SELECTED], ids=["CapMsg", "SelMsg"])
def test_8_11_cbor_cut_at_any_byte_is_refused(data: bytes) -> None:
    for size in range(len(data)):
        assert fault_of(decode_cbor, data[:size]) is Fault.MALFORMED_FRAME


@pytest.mark.parametrize("data", ["a1f500", "a18000", "a1a000", "a1f600", "a200000001", "fc", "1c", "1f", "bf00ff", "a10000" * 2, "ff", ""])
def test_8_7_more_cbor_that_is_refused(data: str) -> None:
    assert fault_of(decode_cbor, unhex(data)) is Fault.MALFORMED_FRAME


def test_cbor_over_its_caps_is_refused() -> None:
    depth = limits.HTX_CBOR_DEPTH
    assert decode_cbor(b"\x81" * depth + b"\x00")
    assert fault_of(decode_cbor, b"\x81" * (depth + 1) + b"\x00") is Fault.MALFORMED_FRAME
    assert fault_of(decode_cbor, b"\x9a\xff\xff\xff\xff" + bytes(1_000)) is Fault.MALFORMED_FRAME
    for size, fits in ((limits.HTX_CBOR - 3, True), (limits.HTX_CBOR - 2, False)):
        data = encode_cbor(bytes(size))
        if fits:
            assert decode_cbor(data) == bytes(size)
        else:
            assert fault_of(decode_cbor, data) is Fault.MALFORMED_FRAME


@pytest.mark.parametrize("value", [1 << 64, -(1 << 64) - 1, 1.5, object()], ids=str)
def test_what_has_no_place_in_cbor_is_not_written(value: Any) -> None:
    with pytest.raises(ValueError, match=r"64 bits|no place"):
        encode_cbor(value)


def test_a_field_of_another_kind_is_refused() -> None:
    for call, args in (
        (unsigned, (True,)),
        (unsigned, (-1,)),
        (unsigned, ("1",)),
        (fixed, (b"12", 3)),
        (fixed, ("123", 3)),
        (text, ("", 3)),
        (text, ("1234", 3)),
        (text, (b"123", 3)),
        (decode_map, (encode_cbor({"a": 1}), "a", "b")),
        (decode_map, (encode_cbor(["a"]), "a")),
    ):
        assert fault_of(call, *args) is Fault.MALFORMED_FRAME


def test_capabilities_are_read_and_written_as_in_the_vectors() -> None:
    offer = decode_capabilities(EXAMPLE)
    assert offer == Capabilities(("betanet/htx/1.2.0", L2_NAME), ("betanet/mesh/1.2.0",), features={"pq": False, "mix": True})
    assert encode_capabilities(offer) == EXAMPLE
    selection = decode_selection(SELECTED)
    assert selection == Selection("betanet/htx/1.2.0", "betanet/mesh/1.2.0", "", "")
    assert encode_selection(selection) == SELECTED
    assert select(offer, offer, "betanet/htx/1.2.0") == selection


def test_the_decider_s_first_choice_is_taken_for_each_layer() -> None:
    assert select(OURS, THEIRS, L2_NAME) == Selection(L2_NAME, "meshgate/link/1", "", "")
    assert select(THEIRS, OURS, L2_NAME) == Selection(L2_NAME, "betanet/mesh/1.2.0", "", "")


def test_the_side_with_the_lower_peer_id_decides_and_equal_ones_end_the_channel() -> None:
    assert decides(b"\x12\x20a", b"\x12\x20b")
    assert not decides(b"\x12\x20b", b"\x12\x20a")
    assert fault_of(decides, b"same", b"same") is Fault.AUTH_FAILED


def test_nothing_in_common_ends_the_channel() -> None:
    for theirs in (Capabilities((L2_NAME,), ("other",)), Capabilities(("betanet/htx/1.2.0",), OURS.l3)):
        assert fault_of(select, OURS, theirs, L2_NAME) is Fault.VERSION_NEGOTIATION_FAILED


def test_a_selection_that_is_not_the_rule_s_is_refused() -> None:
    right = select(OURS, THEIRS, L2_NAME)
    assert check_selection(encode_selection(right), OURS, THEIRS, L2_NAME) == right
    for wrong in (
        Selection("betanet/htx/1.2.0", right.l3, "", ""),
        Selection(L2_NAME, "betanet/mesh/1.2.0", "", ""),
        Selection(L2_NAME, right.l3, "betanet/mix/1.2.0", ""),
    ):
        assert fault_of(check_selection, encode_selection(wrong), OURS, THEIRS, L2_NAME) is Fault.VERSION_NEGOTIATION_FAILED


@pytest.mark.parametrize(
    "changed",
    [
        Capabilities(OURS.l2, OURS.l3[::-1], OURS.l4, OURS.l5, OURS.features),
        Capabilities(OURS.l2, OURS.l3[:1], OURS.l4, OURS.l5, OURS.features),
        Capabilities(OURS.l2, OURS.l3, (), OURS.l5, OURS.features),
        Capabilities(OURS.l2, OURS.l3, OURS.l4, OURS.l5, {}),
    ],
    ids=["another order", "stripped l3", "stripped l4", "stripped feature"],
)
def test_8_10_a_stripped_or_reordered_list_gives_another_agreement(changed: Capabilities) -> None:
    sent, got = encode_capabilities(OURS), encode_capabilities(changed)
    other, selected = encode_capabilities(THEIRS), encode_selection(select(OURS, THEIRS, L2_NAME))
    assert agreement(sent, other, selected) != agreement(got, other, selected)


@pytest.mark.parametrize(
    "fields",
    [
        {"l2": ["a", "a"]},
        {"l2": ["a"] * 2},
        {"l2": "a"},
        {"l2": [""]},
        {"l2": [1]},
        {"l2": ["a" * 65]},
        {"l2": [str(number) for number in range(17)]},
        {"features": {"mix": 1}},
        {"features": {1: True}},
        {"features": []},
        {"features": {str(number): True for number in range(17)}},
        {"more": 1},
    ],
    ids=str,
)
def test_a_malformed_offer_is_refused(fields: dict[str, Any]) -> None:
    good: dict[str, Any] = {"l2": ["a"], "l3": ["b"], "l4": [], "l5": [], "features": {}}
    assert decode_capabilities(encode_cbor(good))
    assert fault_of(decode_capabilities, encode_cbor({**good, **fields})) is Fault.MALFORMED_FRAME
