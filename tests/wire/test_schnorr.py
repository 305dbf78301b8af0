"""BIP-340, by the vectors that come with it (bitcoin/bips, bip-0340/test-vectors.csv, numbers 0 to 14)."""

import csv
from pathlib import Path

import pytest

from gateway.wire.schnorr import is_signed, public_key_of, sign

PATH = Path(__file__).parent.parent / "vectors" / "bip340" / "test-vectors.csv"
with PATH.open() as file:
    VECTORS = list(csv.DictReader(file))


def number(vector):
    return vector["index"]


def octets(vector, name):
    return bytes.fromhex(vector[name])


def test_every_vector_with_a_message_of_32_bytes_is_here():
    assert [number(vector) for vector in VECTORS] == [str(index) for index in range(15)]
    assert sum(vector["verification result"] == "TRUE" for vector in VECTORS) == 5


@pytest.mark.parametrize("vector", VECTORS, ids=number)
def test_a_signature_is_judged_as_bip_340_says(vector):
    judged = is_signed(octets(vector, "message"), octets(vector, "signature"), octets(vector, "public key"))
    assert judged == (vector["verification result"] == "TRUE")


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if vector["secret key"]], ids=number)
def test_a_signature_is_made_as_bip_340_says(vector):
    secret = octets(vector, "secret key")
    assert public_key_of(secret) == octets(vector, "public key")
    assert sign(octets(vector, "message"), secret, octets(vector, "aux_rand")) == octets(vector, "signature")


@pytest.mark.parametrize("index", [0, 31, 32, 63])
def test_one_wrong_bit_anywhere_in_a_signature_is_noticed(index):
    vector = VECTORS[1]
    signature = bytearray(octets(vector, "signature"))
    signature[index] ^= 1
    assert not is_signed(octets(vector, "message"), bytes(signature), octets(vector, "public key"))


@pytest.mark.parametrize(("signature", "key"), [(63, 32), (65, 32), (0, 32), (64, 31), (64, 33), (64, 0)])
def test_a_key_or_a_signature_of_another_size_is_never_right(signature, key):
    assert not is_signed(bytes(32), bytes([1]) * signature, bytes([2]) * key)


def test_what_cannot_be_signed_is_refused():
    for arguments in [(bytes(31), bytes([1]) * 32, bytes(32)), (bytes(32), bytes(32), bytes(32)), (bytes(32), bytes([1]) * 32, b"")]:
        with pytest.raises(ValueError):
            sign(*arguments)
