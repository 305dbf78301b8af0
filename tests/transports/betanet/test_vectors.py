"""Every golden vector that has no test file of its own; the last test counts that none is left out."""

import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.transports.betanet.vectors import FILES, load, unhex
from transports.betanet.detcbor import decode_cbor, encode_cbor
from transports.betanet.errors import BetanetError
from transports.betanet.hops import hop_seed
from transports.betanet.identity import node_id, peer_id, peer_id_text, self_certifying_name, service_uri
from transports.betanet.paths import (
    Segment,
    Transition,
    decode_path,
    decode_transition,
    encode_path,
    sign_segment,
    sign_transition,
)
from transports.betanet.records import (
    Alias,
    FrontOrigin,
    Request,
    Response,
    decode_alias,
    decode_request,
    decode_response,
    decode_voucher,
    encode_request,
    encode_response,
    encode_voucher,
    open_front_origin,
    refusal,
    sign_alias,
    sign_front_origin,
)
from transports.betanet.rendezvous import DAY_S, EPOCH_S, beacon_set, fallback_beacon, places, worked
from transports.betanet.signatures import _ORDER_8, _P, _SMALL, check_signature
from transports.betanet.ticket_header import TicketHeader, decode_header_value, encode_header_value, make_header
from transports.betanet.varint import decode_varint, encode_varint

RECORDS = load("signed_records")
KEY = Ed25519PrivateKey.from_private_bytes(unhex(RECORDS["ed25519_seed"]))


def test_varints_are_those_of_rfc_9000() -> None:
    for value, text in load("varint_quic")["rfc_examples"]:
        data = unhex(text.partition(" ")[0])
        assert decode_varint(data) == (value, len(data))
    for value, text in load("varint_quic")["encode"]:
        assert encode_varint(value).hex() == text
        assert decode_varint(b"x" + unhex(text) + b"x", 1) == (value, 1 + len(text) // 2)
    for text in load("varint_quic")["truncated"]:
        with pytest.raises(BetanetError):
            decode_varint(unhex(text))


def plain(value: Any) -> Any:
    """A value of the vectors, where bytes and maps are written as objects."""
    if isinstance(value, dict):
        return unhex(value["bytes"]) if "bytes" in value else {plain(key): plain(item) for key, item in value["map"]}
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("value", "text"), load("detcbor_v12")["encode"], ids=lambda value: str(value)[:30])
def test_cbor_is_written_and_read_as_in_the_vectors(value: Any, text: str) -> None:
    assert encode_cbor(plain(value)).hex() == text
    assert decode_cbor(unhex(text)) == plain(value)


@pytest.mark.parametrize(("text", "why"), load("detcbor_v12")["reject"].items(), ids=load("detcbor_v12")["reject"].values())
def test_8_7_cbor_of_any_other_spelling_is_refused(text: str, why: str) -> None:
    with pytest.raises(BetanetError):
        decode_cbor(unhex(text))


def test_a_key_of_small_order_has_no_owner_and_signs_nothing() -> None:
    d = -121665 * pow(121666, -1, _P) % _P
    assert (d * _ORDER_8**4 + 2 * _ORDER_8**2 - 1) % _P == 0  # its double has y = 0, which is of order 4
    for small in _SMALL:
        for key in (small, small[:31] + bytes((small[31] | 0x80,))):
            for number in range(20):
                with pytest.raises(BetanetError):
                    check_signature(key, bytes(64), bytes((number,)))


@pytest.mark.parametrize("vector", load("identity")["ids"], ids=lambda vector: vector["node_id20"])
def test_names_follow_from_keys(vector: dict[str, str]) -> None:
    public = Ed25519PrivateKey.from_private_bytes(unhex(vector["ed25519_seed"])).public_key().public_bytes_raw()
    assert public.hex() == vector["ed25519_pub"]
    assert peer_id(public).hex() == vector["peer_id"]
    assert peer_id_text(public) == vector["peer_id_mh1"]
    assert node_id(public).hex() == vector["node_id20"]
    assert service_uri(public) == vector["service_uri"]
    assert self_certifying_name(public) == vector["bn1_name"]


def test_the_places_and_beacons_of_a_time_are_those_of_the_vectors() -> None:
    vectors = load("rendezvous_v11")
    assert vectors["unix_time_in_day"] // DAY_S == vectors["epoch_day"]
    assert [place.hex() for place in places(unhex(vectors["beacon_set"]))] == vectors["rendezvous_ids"]
    assert not {place.hex() for place in places(unhex(vectors["beacon_set"]))} & set(vectors["alt_first_two_with_u64be"])
    assert beacon_set([unhex(beacon) for beacon in vectors["beacon_components"]]).hex() == vectors["beacon_xor"]
    fallback = vectors["fallback"]
    assert fallback_beacon(unhex(fallback["k0c"]), fallback["epoch"]).hex() == fallback["beacon_set"]
    assert fallback["epoch"] * EPOCH_S > vectors["unix_time_in_day"] - DAY_S


def test_the_seed_of_hops_is_that_of_the_vector() -> None:
    vector = load("rendezvous_v11")["hop_seed"]
    seed = hop_seed(*(unhex(vector[name]) for name in ("beacon", "src_peer", "dst_peer", "stream_nonce")))
    assert seed.hex() == vector["seed"]


@pytest.mark.parametrize("vector", load("rendezvous_v11")["pow"], ids=lambda vector: str(vector["bits"]))
def test_work_is_proved_by_leading_zero_bits(vector: dict[str, Any]) -> None:
    challenge = unhex(vector["challenge"])
    zeros = 256 - int(vector["hash"], 16).bit_length()
    assert worked(challenge, vector["nonce_u64"], vector["bits"])
    assert worked(challenge, vector["nonce_u64"], zeros)
    assert not worked(challenge, vector["nonce_u64"], zeros + 1)
    assert not worked(challenge, vector["nonce_u64"] + 1, vector["bits"])
    assert not worked(challenge, 1 << 64, 0)


def test_beacons_of_another_size_are_refused() -> None:
    for beacons in ([], [bytes(31)]):
        with pytest.raises(ValueError, match="32 bytes"):
            beacon_set(beacons)


def test_a_path_segment_is_signed_and_written_as_in_the_vector() -> None:
    vector = RECORDS["l1_segment"]
    previous = unhex(vector["prev_node"])
    segment = Segment(unhex(vector["next_node"]), vector["expiry_u32"], vector["timestamp_ms"])
    assert segment.signed(previous).hex() == vector["signed_hash"]
    segment = sign_segment(segment, KEY, previous)
    assert segment.signature.hex() == vector["sig"]
    assert encode_path((segment,)).hex() == vector["path_control_payload"]
    assert decode_path(unhex(vector["path_control_payload"])) == (segment,)
    check_signature(unhex(RECORDS["ed25519_pub"]), segment.signature, segment.signed(previous))
    with pytest.raises(BetanetError):
        check_signature(unhex(RECORDS["ed25519_pub"]), segment.signature, segment.signed(bytes(20)))


def test_a_path_with_any_head_but_the_right_one_is_refused() -> None:
    whole = unhex(RECORDS["l1_segment"]["path_control_payload"])
    for at in (*range(8), 40, 41):
        with pytest.raises(BetanetError):
            decode_path(whole[:at] + bytes((whole[at] ^ 2,)) + whole[at + 1 :])
    for size in range(len(whole)):
        with pytest.raises(BetanetError):
            decode_path(whole[:size])
    segments = decode_path(whole) * 3
    assert decode_path(encode_path(segments)) == segments
    with pytest.raises(ValueError, match="0 segments"):
        encode_path(())


def test_a_transition_is_signed_and_written_as_in_the_vector() -> None:
    vector = RECORDS["transition_control"]
    transition = Transition(vector["prevAS"], vector["nextAS"], vector["TS"], unhex(vector["FLOW"]), unhex(vector["NONCE"]))
    assert transition.signed().hex() == vector["signed"]
    assert sign_transition(transition, KEY).hex() == vector["cbor"]
    read = decode_transition(unhex(vector["cbor"]))
    assert read.signed() == transition.signed()
    check_signature(unhex(RECORDS["ed25519_pub"]), read.signature, read.signed())


def test_an_alias_is_signed_and_written_as_in_the_vector() -> None:
    vector = RECORDS["alias_record"]
    alias = Alias(vector["alias"], unhex(vector["node"]), vector["seq"], vector["ts"])
    assert alias.signed().hex() == vector["signed_hash"]
    assert sign_alias(alias, KEY).hex() == vector["cbor"]
    read = decode_alias(unhex(vector["cbor"]))
    assert (read.signature.hex(), read.signed()) == (vector["sig"], alias.signed())


def test_a_front_origin_is_signed_and_written_as_in_the_vector() -> None:
    vector = RECORDS["front_origin"]
    record, signature, signer = (unhex(vector[name]) for name in ("cbor", "sig", "signer"))
    origin = open_front_origin(record, signature, signer)
    assert origin.encode() == record
    assert sign_front_origin(origin, KEY) == signature
    with pytest.raises(BetanetError):
        open_front_origin(record, signature, bytes(32))
    with pytest.raises(BetanetError):
        open_front_origin(FrontOrigin(origin.template_id, "*", "MINIMAL", 1).encode(), signature, signer)


def test_a_voucher_has_three_parts() -> None:
    vector = RECORDS["voucher"]
    voucher = decode_voucher(unhex(vector["hex"]))
    parts = (voucher.keyset_id, voucher.secret, voucher.signature)
    assert [part.hex() for part in parts] == [vector["keyset_id"], vector["secret"], vector["agg_sig"]]
    assert encode_voucher(voucher).hex() == vector["hex"]
    with pytest.raises(BetanetError):
        decode_voucher(unhex(vector["hex"])[1:])


def test_requests_and_responses_are_those_of_the_vectors() -> None:
    vectors = load("bar_v12")
    request = decode_request(unhex(vectors["request"]))
    assert (request.method, request.target, request.body.hex()) == tuple(vectors["request_fields"][name] for name in "mub")
    assert encode_request(request).hex() == vectors["request"]
    response = decode_response(unhex(vectors["response"]))
    assert encode_response(response).hex() == vectors["response"]
    assert response == Response(201, {"location": "/mesh/public/1"})
    assert refusal(request) is None
    assert refusal(Request("BREW", "/")) == Response(vectors["unknown_method_status"])


@pytest.mark.parametrize("vector", load("bn_ticket_header_v12")["valid"], ids=lambda vector: vector["ctx"] or "no ctx")
def test_the_header_of_1_2_is_made_and_read_as_in_the_vectors(vector: dict[str, Any]) -> None:
    header = make_header(unhex(vector["exporter_secret"]), vector["ctx"])
    assert header.token.hex() == vector["tok"]
    assert encode_header_value(header) == vector["value"]
    assert decode_header_value(vector["value"]) == header
    assert len("BN-Ticket") + len(vector["value"]) == vector["total"]


@pytest.mark.parametrize("value", load("bn_ticket_header_v12")["invalid"], ids=range(len(load("bn_ticket_header_v12")["invalid"])))
def test_the_header_of_1_2_is_refused_in_any_other_form(value: str) -> None:
    with pytest.raises(BetanetError):
        decode_header_value(value)


def test_a_header_nobody_would_take_is_not_written() -> None:
    for header in (TicketHeader(bytes(119)), TicketHeader(bytes(120), "a b"), TicketHeader(bytes(120), "a" * 33)):
        with pytest.raises(ValueError, match="BN-Ticket"):
            encode_header_value(header)


def test_no_file_of_vectors_is_left_out() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert set(FILES) == set(re.findall(r'load\("(\w+)"\)', tests))
