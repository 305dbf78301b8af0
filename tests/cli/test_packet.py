"""``meshgate packet`` against the published vectors, through the real command."""

import json
import subprocess

import pytest

from gateway.cli.packet_fields import FieldError, from_fields, parse_hex
from gateway.limits import MAX_FRAME, MAX_PACKET_LINE
from tests.cli.support import meshgate, objects, start, vectors

VALID = vectors("packet_valid")
INVALID = vectors("packet_invalid")
SIGNING = vectors("signing")
GOLDEN = VALID[0]
KEYS = [
    *("version", "type", "type_name", "ttl", "timestamp_ms", "sender_id", "recipient_id", "route", "is_rsr", "payload", "signature"),
    *("compressed_on_wire", "dedup_key", "sync_packet_id", "decoded"),
]
WORKED_OUT = ("compressed_on_wire", "dedup_key", "sync_packet_id")


def lines(*packets):
    return "".join(f"{packet}\n" for packet in packets)


def fields(**changes):
    return json.dumps(GOLDEN["fields"] | changes)


def test_decode_answers_every_valid_vector_with_its_fields():
    done = meshgate("packet", "decode", stdin=lines(*(vector["wire"] for vector in VALID)))
    assert (done.returncode, done.stderr) == (0, "")
    answers = objects(done.stdout)
    assert len(answers) == len(VALID)
    for vector, answer in zip(VALID, answers, strict=True):
        assert list(answer) == KEYS, vector["name"]
        expected = vector["fields"] | {name: vector[name] for name in WORKED_OUT if name in vector}
        assert {name: answer[name] for name in expected} == expected, vector["name"]


def test_decode_answers_every_invalid_vector_with_an_error():
    packets = [vector for vector in INVALID if vector["wire"]]  # an empty line is nothing to answer
    done = meshgate("packet", "decode", stdin=lines(*(vector["wire"] for vector in packets)))
    assert (done.returncode, done.stderr) == (1, "")
    answers = objects(done.stdout)
    assert len(answers) == len(packets)
    for vector, answer in zip(packets, answers, strict=True):
        assert list(answer) == ["error"], vector["name"]
        assert list(answer["error"]) == ["code", "message"], vector["name"]


def test_encode_gives_the_bytes_of_every_vector_that_is_meant_for_encoding():
    for padded in (False, True):
        meant = [vector for vector in VALID if "encode" in vector["direction"] and vector["padded"] is padded]
        assert meant
        arguments = ["--padded"] if padded else []
        done = meshgate("packet", "encode", *arguments, stdin=lines(*(json.dumps(vector["fields"]) for vector in meant)))
        assert (done.returncode, done.stderr) == (0, "")
        # Another zlib build may compress to other bytes; decoding must agree even then.
        plain = [(vector, wire) for vector, wire in zip(meant, done.stdout.split(), strict=True) if not vector["compressed_on_wire"]]
        assert plain
        for vector, wire in plain:
            assert wire == vector["wire"], vector["name"]
        again = objects(meshgate("packet", "decode", stdin=done.stdout).stdout)
        for vector, answer in zip(meant, again, strict=True):
            assert {name: answer[name] for name in vector["fields"]} == vector["fields"], vector["name"]


def test_what_decode_prints_can_be_encoded_again():
    plain = [vector["wire"] for vector in VALID if vector.get("compressed_on_wire") is False and not vector.get("padded")]
    done = meshgate("packet", "encode", stdin=meshgate("packet", "decode", stdin=lines(*plain)).stdout)
    assert done.stdout.split() == plain


def test_verify_tells_every_signing_vector_apart():
    for key in {vector["ed25519_public"] for vector in SIGNING}:
        signed = [vector for vector in SIGNING if vector["ed25519_public"] == key]
        done = meshgate("packet", "verify", "--key", key, stdin=lines(*(vector["wire"] for vector in signed)))
        assert objects(done.stdout) == [{"valid": vector["expect_valid"]} for vector in signed]
        assert done.returncode == (0 if all(vector["expect_valid"] for vector in signed) else 1)


def test_verify_of_packets_given_as_arguments():
    good = next(vector for vector in SIGNING if vector["expect_valid"])
    done = meshgate("packet", "verify", good["wire"], "--key", good["ed25519_public"])
    assert (done.returncode, done.stdout) == (0, '{"valid":true}\n')
    done = meshgate("packet", "verify", "--key", good["ed25519_public"], good["wire"], GOLDEN["wire"], "00")
    assert done.returncode == 1
    assert objects(done.stdout)[:2] == [{"valid": True}, {"valid": False}]
    assert objects(done.stdout)[2]["error"]["code"] == "short"


@pytest.mark.parametrize("key", ["", "00", "zz" * 32, "00" * 33])
def test_verify_refuses_a_key_that_is_none(key):
    assert meshgate("packet", "verify", "--key", key, GOLDEN["wire"]).returncode == 2
    assert meshgate("packet", "verify", GOLDEN["wire"]).returncode == 2


def test_decode_shows_what_a_payload_says_or_null():
    plain = (vector for vector in vectors("announce") if "packet_wire" in vector and not int(vector["packet_wire"][22:24], 16) & 0x04)
    announce = next(plain)
    cut = bytearray.fromhex(announce["packet_wire"])
    cut[23] = 0xFF  # the length of the first field now runs past the end
    done = meshgate("packet", "decode", announce["packet_wire"], cut.hex())
    whole, broken = objects(done.stdout)
    assert whole["decoded"]["nickname"] == announce["nickname"]
    assert broken["decoded"] is None
    assert list(broken) == KEYS


def test_a_bad_line_never_stops_the_good_ones():
    good = GOLDEN["wire"]
    done = meshgate("packet", "decode", stdin=lines(good, "", "   ", "zz", "012", "01", "Grüße", good))
    answers = objects(done.stdout)
    assert done.returncode == 1
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, "hex", "hex", "short", "hex", None]


def test_each_line_is_answered_before_the_next_is_read():
    running = start("packet", "decode", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for vector in VALID[:3]:
        running.stdin.write(vector["wire"] + "\n")
        running.stdin.flush()
        assert json.loads(running.stdout.readline())["payload"] == vector["fields"]["payload"]
    running.communicate()
    assert running.returncode == 0


def test_a_line_longer_than_any_packet_is_skipped_and_the_next_answered():
    done = meshgate("packet", "decode", stdin=lines("00" * MAX_PACKET_LINE, GOLDEN["wire"], "0" * (MAX_PACKET_LINE + 1)))
    first, second, third = objects(done.stdout)
    assert first["error"]["code"] == third["error"]["code"] == "oversized"
    assert second["payload"] == GOLDEN["fields"]["payload"]


def test_a_line_of_the_greatest_length_is_still_read():
    spaced = GOLDEN["wire"].ljust(MAX_PACKET_LINE)
    done = meshgate("packet", "decode", stdin=lines(spaced))
    assert done.returncode == 0
    too_large = bytes.fromhex(GOLDEN["wire"]).ljust(MAX_FRAME + 1, b"\0").hex()
    assert objects(meshgate("packet", "decode", stdin=too_large).stdout)[0]["error"]["code"] == "oversized"


def test_hex_is_read_as_people_paste_it():
    wire = GOLDEN["wire"]
    pairs = [wire[index : index + 2] for index in range(0, len(wire), 2)]
    forms = [
        wire.upper(),
        f"0x{wire}",
        f"0X{wire}",
        ":".join(pairs),
        " ".join(pairs),
        " ".join(f"0x{pair}" for pair in pairs),
        f"\t{wire[:7]} {wire[7:]} ",
        f"{wire}\r",
    ]
    done = meshgate("packet", "decode", stdin=lines(*forms))
    assert done.returncode == 0
    assert {answer["sync_packet_id"] for answer in objects(done.stdout)} == {GOLDEN["sync_packet_id"]}


@pytest.mark.parametrize("text", ["1:2", "0102:3", "0", "0xx0", "--", "0x0x00", "0102,03", "\u0660\u0661"])
def test_hex_that_could_mean_two_things_is_refused(text):
    with pytest.raises(FieldError):
        parse_hex(text)


def test_encode_reads_one_object_over_several_lines():
    done = meshgate("packet", "encode", stdin=json.dumps(GOLDEN["fields"], indent=2))
    assert (done.returncode, done.stdout) == (0, GOLDEN["wire"] + "\n")


def test_encode_goes_on_after_a_bad_object_and_fails():
    done = meshgate("packet", "encode", stdin=lines(fields(), fields(ttl=256), fields()))
    assert (done.returncode, done.stdout) == (1, lines(GOLDEN["wire"], GOLDEN["wire"]))
    assert done.stderr == "meshgate: packet 2: ttl: must be a whole number from 0 to 255, not 256\n"
    done = meshgate("packet", "encode", "--json", stdin=lines(fields(), fields(ttl=256)))
    assert done.stderr == ""
    assert objects(done.stdout)[0] == {"packet": GOLDEN["wire"]}
    assert list(objects(done.stdout)[1]["error"]) == ["code", "message"]


@pytest.mark.parametrize("stdin", ["", "\n\n", "null", "[1]", "not JSON", "{", '{"type": 2}', '{\n"a":\n}', "[" * 100_000])
def test_encode_refuses_what_is_no_packet(stdin):
    done = meshgate("packet", "encode", stdin=stdin)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("meshgate: ")
    assert "Traceback" not in done.stderr


def test_encode_keeps_no_more_of_an_object_than_a_packet_can_need():
    done = meshgate("packet", "encode", stdin="{\n" + '"payload": "00",\n' * (MAX_PACKET_LINE // 15))
    assert done.returncode == 1
    assert "cannot be a packet" in done.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": 1}, "kind: there is no such field"),
        ({"version": 3}, "version: must be a whole number from 1 to 2"),
        ({"type": -1}, "type: must be a whole number"),
        ({"ttl": True}, "ttl: must be a whole number"),
        ({"ttl": 1.0}, "ttl: must be a whole number"),
        ({"timestamp_ms": 2**64}, "timestamp_ms: must be a whole number"),
        ({"sender_id": None}, "sender_id: must be 8 bytes of hexadecimal text, not null"),
        ({"sender_id": "00"}, "sender_id: must be 8 bytes, not 1"),
        ({"recipient_id": "zz" * 8}, "recipient_id: not hexadecimal"),
        ({"payload": None}, "payload: must be hexadecimal text"),
        ({"payload": "0"}, "payload: not whole bytes"),
        ({"signature": "00" * 63}, "signature: must be 64 bytes, not 63"),
        ({"route": "00"}, "route: must be null or a list"),
        ({"route": ["00" * 8, 1]}, "route[1]: must be 8 bytes"),
        ({"is_rsr": 0}, "is_rsr: must be true or false"),
    ],
)
def test_a_bad_field_is_named(change, said):
    with pytest.raises(FieldError) as caught:
        from_fields(fields(**change))
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("change", [{"route": ["00" * 8]}, {"payload": "00" * 70_000}])
def test_a_packet_its_version_cannot_carry_is_refused(change):
    done = meshgate("packet", "encode", stdin=fields(version=1, **change))
    # Seventy thousand zeros may still fit by compression; then it must come back whole.
    if done.returncode:
        assert done.stderr.startswith("meshgate: packet 1: ")
    else:
        assert objects(meshgate("packet", "decode", stdin=done.stdout).stdout)[0]["payload"] == change["payload"]


def test_optional_fields_may_be_left_out():
    needed = {name: GOLDEN["fields"][name] for name in ("type", "ttl", "timestamp_ms", "sender_id", "payload")}
    assert meshgate("packet", "encode", stdin=json.dumps(needed)).stdout == GOLDEN["wire"] + "\n"
