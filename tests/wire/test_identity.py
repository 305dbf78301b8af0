"""Who somebody is follows from his keys alone."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.wire.announce import fingerprint, peer_id_of
from tests.wire.vectors import load

identities = pytest.mark.parametrize("vector", load("identity"))


@identities
def test_fingerprint_and_peer_id_are_the_hash_of_the_noise_key(vector):
    noise_key = bytes.fromhex(vector["noise_static_public"])
    assert fingerprint(noise_key) == vector["fingerprint_sha256"]
    assert peer_id_of(noise_key).hex() == vector["peer_id"]


@identities
def test_the_public_keys_belong_to_the_private_ones(vector):
    noise = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["noise_static_private"]))
    signing = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["ed25519_seed"]))
    assert noise.public_key().public_bytes_raw().hex() == vector["noise_static_public"]
    assert signing.public_key().public_bytes_raw().hex() == vector["ed25519_public"]
