"""Sealing of things at rest: the primitives against published vectors, the blob against everything else."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import SealError
from gateway.limits import MAX_SEALED_PER_KEY
from gateway.session.aead import OVERHEAD, Algorithm, Sealer, key_id_of, new_cipher
from tests.session.support import given as given_bytes

KEY = bytes(range(32))
BOTH = pytest.mark.parametrize("algorithm", list(Algorithm))

_GCM_KEY = "feffe9928665731c6d6a8f9467308308" * 2
_GCM_PLAIN = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
_GCM_SEALED = (
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
)
# key, nonce, plaintext, associated data, ciphertext, tag: "The Galois/Counter Mode of Operation", the
# specification submitted to NIST, appendix B, test cases 13 to 16; the last from NIST CAVP gcmEncryptExtIV256.
GCM = [
    ("00" * 32, "00" * 12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    ("00" * 32, "00" * 12, "00" * 16, "", "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"),
    (_GCM_KEY, "cafebabefacedbaddecaf888", _GCM_PLAIN, "", _GCM_SEALED, "b094dac5d93471bdec1a502270e3cc6c"),
    (
        _GCM_KEY,
        "cafebabefacedbaddecaf888",
        _GCM_PLAIN[:120],
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        _GCM_SEALED[:120],
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
    (
        "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
        "516c33929df5a3284ff463d7",
        "",
        "",
        "",
        "bdc1ac884d332457a1d2664f168c76f0",
    ),
]
# RFC 8439, sections 2.8.2 and A.5.
CHACHA = [
    (
        "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
        "070000004041424344454647",
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.".hex(),
        "50515253c0c1c2c3c4c5c6c7",
        (
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
            "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116"
        ),
        "1ae10b594f09e26a7e902ecbd0600691",
    ),
    (
        "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
        "000000000102030405060708",
        (
            "496e7465726e65742d4472616674732061726520647261667420646f63756d656e74732076616c696420666f722061206d6178696d756d206f6620736978206d"
            "6f6e74687320616e64206d617920626520757064617465642c207265706c616365642c206f72206f62736f6c65746564206279206f7468657220646f63756d65"
            "6e747320617420616e792074696d652e20497420697320696e617070726f70726961746520746f2075736520496e7465726e65742d4472616674732061732072"
            "65666572656e6365206d6174657269616c206f7220746f2063697465207468656d206f74686572207468616e206173202fe2809c776f726b20696e2070726f67"
            "726573732e2fe2809d"
        ),
        "f33388860000000000004e91",
        (
            "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf"
            "332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c8559797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4"
            "b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
            "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29"
            "a6ad5cb4022b02709b"
        ),
        "eead9d67890cbb22392336fea1851f38",
    ),
]


@pytest.mark.parametrize(
    ("algorithm", "vector"), [(Algorithm.AES_256_GCM, v) for v in GCM] + [(Algorithm.CHACHA20_POLY1305, v) for v in CHACHA]
)
def test_primitives_agree_with_the_published_vectors(algorithm: Algorithm, vector: tuple[str, ...]) -> None:
    key, nonce, plaintext, associated_data, ciphertext, tag = (bytes.fromhex(part) for part in vector)
    cipher = new_cipher(algorithm, key)
    assert cipher.encrypt(nonce, plaintext, associated_data) == ciphertext + tag
    assert cipher.decrypt(nonce, ciphertext + tag, associated_data) == plaintext


@BOTH
def test_the_blob_is_laid_out_as_documented(algorithm: Algorithm) -> None:
    nonce = bytes(range(100, 112))
    sealer = Sealer(KEY, given_bytes(nonce), algorithm)
    blob = sealer.seal(b"plain", b"backup")
    head = b"\xa1" + bytes((algorithm,)) + sealer.key_id
    assert blob[:10] == head
    assert blob[10:22] == nonce
    assert new_cipher(algorithm, KEY).decrypt(nonce, blob[22:], head + b"backup") == b"plain"
    assert len(blob) == len(b"plain") + OVERHEAD
    assert key_id_of(blob) == sealer.key_id


@settings(deadline=None)
@given(st.sampled_from(Algorithm), st.binary(max_size=200), st.binary(min_size=1, max_size=50))
def test_what_is_sealed_opens(algorithm: Algorithm, plaintext: bytes, associated_data: bytes) -> None:
    sealer = Sealer(KEY, Random(1).randbytes, algorithm)
    assert sealer.open(sealer.seal(plaintext, associated_data), associated_data) == plaintext


@BOTH
def test_any_changed_or_missing_byte_is_refused(algorithm: Algorithm) -> None:
    sealer = Sealer(KEY, Random(1).randbytes, algorithm)
    blob = sealer.seal(b"a secret", b"backup")
    for i in range(len(blob)):
        for forged in (blob[:i] + bytes((blob[i] ^ 1,)) + blob[i + 1 :], blob[:i], blob[:i] + blob[i + 1 :]):
            with pytest.raises(SealError):
                sealer.open(forged, b"backup")
    with pytest.raises(SealError):
        sealer.open(blob + b"\0", b"backup")


@settings(deadline=None)
@given(st.binary(max_size=120))
def test_random_bytes_are_refused_with_a_seal_error(blob: bytes) -> None:
    with pytest.raises(SealError):
        Sealer(KEY, Random(1).randbytes).open(blob, b"backup")


def test_another_place_is_refused() -> None:
    sealer = Sealer(KEY, Random(1).randbytes)
    blob = sealer.seal(b"a secret", b"row 1")
    with pytest.raises(SealError, match="altered, or belongs elsewhere"):
        sealer.open(blob, b"row 2")


def test_another_key_or_algorithm_is_named_in_the_error() -> None:
    sealer = Sealer(KEY, Random(1).randbytes)
    blob = sealer.seal(b"a secret", b"backup")
    for other in (Sealer(bytes(32), Random(2).randbytes), Sealer(KEY, Random(2).randbytes, Algorithm.AES_256_GCM)):
        assert other.key_id != sealer.key_id
        with pytest.raises(SealError, match=sealer.key_id.hex()):
            other.open(blob, b"backup")


def test_unknown_formats_are_named_in_the_error() -> None:
    with pytest.raises(SealError, match="0x02"):
        key_id_of(b"\x02" + bytes(60))
    with pytest.raises(SealError, match="too short"):
        key_id_of(b"\xa1" + bytes(OVERHEAD - 2))


def test_nonces_are_fresh_for_every_blob() -> None:
    sealer = Sealer(KEY, Random(1).randbytes)
    assert len({sealer.seal(b"same", b"same")[10:22] for _ in range(100)}) == 100


def test_a_key_stops_sealing_before_its_nonces_may_repeat_and_still_opens() -> None:
    sealer = Sealer(KEY, Random(1).randbytes)
    sealer.sealed = MAX_SEALED_PER_KEY - 1
    blob = sealer.seal(b"last", b"backup")
    with pytest.raises(SealError, match="new one"):
        sealer.seal(b"one too many", b"backup")
    assert sealer.open(blob, b"backup") == b"last"


def test_callers_mistakes_are_value_errors() -> None:
    sealer = Sealer(KEY, Random(1).randbytes)
    with pytest.raises(ValueError, match="associated data"):
        sealer.seal(b"", b"")
    with pytest.raises(ValueError, match="associated data"):
        sealer.open(bytes(60), b"")
    for size in (0, 16, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            Sealer(bytes(size), Random(1).randbytes)


def test_the_key_is_not_in_the_key_id() -> None:
    assert Sealer(KEY, Random(1).randbytes).key_id not in KEY
