import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from noise.connection import Keypair, NoiseConnection

from tests.transports.betanet.vectors import load, unhex
from transports.betanet.binding import HYBRID_FROM, L2_NAME, Bind, Hybrid, Pattern, answers, pattern_to_dial, prologue
from transports.betanet.errors import BetanetError, Fault
from transports.betanet.handshake import FIRST_MESSAGE, Handshake, Secrets, Split
from transports.betanet.identity import check_static, prove_static

PATTERNS = list(Pattern)
A_STATIC, A_EPHEMERAL, B_STATIC, B_EPHEMERAL, OTHER = (bytes((number,)) * 32 for number in range(1, 6))
SEED = bytes(range(64))
PROLOGUE = prologue(Bind.EXPORTER, b"x" * 32)


def public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def pair(pattern: Pattern, *, theirs: bytes = PROLOGUE, expected: bytes | None = None) -> tuple[Handshake, Handshake]:
    a = Handshake(
        pattern, Secrets(A_STATIC, A_EPHEMERAL, SEED), prologue=PROLOGUE, remote_static=public(B_STATIC) if expected is None else expected
    )
    return a, Handshake(pattern, Secrets(B_STATIC, B_EPHEMERAL), prologue=theirs, remote_static=None)


def run(a: Handshake, b: Handshake) -> tuple[list[bytes], list[bytes]]:
    messages, payloads = [], []
    for number, (writer, reader) in enumerate(((a, b), (b, a), (a, b))):
        messages.append(writer.write(b"payload %d" % number))
        payloads.append(reader.read(messages[-1]))
    return messages, payloads


def sealed_by_noise(key: bytes, plaintext: bytes, counter: int) -> bytes:
    return ChaCha20Poly1305(key).encrypt(bytes(4) + counter.to_bytes(8, "little"), plaintext, b"")


@pytest.mark.parametrize("vector", load("noise_xk_cacophony")["vectors"], ids=lambda vector: vector["protocol_name"])
def test_xk_is_the_handshake_of_cacophony(vector: dict[str, Any]) -> None:
    before = unhex(vector["init_prologue"])
    pattern = Pattern(vector["protocol_name"])
    a = Handshake(
        pattern,
        Secrets(unhex(vector["init_static"]), unhex(vector["init_ephemeral"])),
        prologue=before,
        remote_static=unhex(vector["init_remote_static"]),
    )
    b = Handshake(pattern, Secrets(unhex(vector["resp_static"]), unhex(vector["resp_ephemeral"])), prologue=before, remote_static=None)
    assert public(unhex(vector["resp_static"])) == unhex(vector["init_remote_static"])
    for (writer, reader), message in zip(((a, b), (b, a), (a, b)), vector["messages"], strict=False):
        assert writer.write(unhex(message["payload"])).hex() == message["ciphertext"]
        assert reader.read(unhex(message["ciphertext"])).hex() == message["payload"]
    split = a.split()
    assert split.handshake_hash == b.split().handshake_hash == unhex(vector["handshake_hash"])
    for number, message in enumerate(vector["messages"][3:]):
        key = split.initiator_key if number % 2 else split.responder_key
        assert sealed_by_noise(key, unhex(message["payload"]), number // 2).hex() == message["ciphertext"]


@pytest.mark.parametrize("vector", load("noise_xk_selfgen")["vectors"], ids=lambda vector: vector["protocol_name"])
def test_xk_gives_the_keys_of_the_vector(vector: dict[str, Any]) -> None:
    before = unhex(vector["prologue"])
    pattern = Pattern(vector["protocol_name"])
    own = Secrets(unhex(vector["init_static"]), unhex(vector["init_ephemeral"]))
    a = Handshake(pattern, own, prologue=before, remote_static=unhex(vector["resp_static_pub"]))
    b = Handshake(pattern, Secrets(unhex(vector["resp_static"]), unhex(vector["resp_ephemeral"])), prologue=before, remote_static=None)
    for (writer, reader), message, payload in zip(((a, b), (b, a), (a, b)), vector["messages"], vector["payloads"], strict=True):
        assert writer.write(unhex(payload)).hex() == message
        assert reader.read(unhex(message)).hex() == payload
    assert [len(unhex(message)) for message in vector["messages"]] == vector["message_lengths"]
    check_keys(vector, a.split(), b.split())
    assert b.split().remote_static == public(unhex(vector["init_static"]))


def check_keys(vector: dict[str, Any], a: Split, b: Split) -> None:
    for split in (a, b):
        assert split.handshake_hash.hex() == vector["handshake_hash"]
        assert split.initiator_key.hex() == vector["k_initiator_to_responder"]
        assert split.responder_key.hex() == vector["k_responder_to_initiator"]


@pytest.mark.parametrize("vector", load("noise_xkhfs_mlkem768")["vectors"], ids=lambda vector: vector["prologue"] or "empty prologue")
def test_the_hybrid_handshake_gives_the_messages_and_keys_of_the_vector(vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    before = unhex(vector["prologue"])
    pattern = Pattern(vector["protocol_name"])
    seed = unhex(vector["init_mlkem_seed_d_z"])
    own = Secrets(unhex(vector["init_static"]), unhex(vector["init_ephemeral"]), seed)
    a = Handshake(pattern, own, prologue=before, remote_static=unhex(vector["resp_static_pub"]))
    encapsulated = given_encapsulation(vector, a, monkeypatch)
    secrets = Secrets(unhex(vector["resp_static"]), unhex(vector["resp_ephemeral"]), b"", encapsulated)
    b = Handshake(pattern, secrets, prologue=before, remote_static=None)
    first, second, third = vector["messages"]
    assert a.write(unhex(vector["payloads"][0])).hex() == first
    assert b.read(unhex(first)).hex() == vector["payloads"][0]
    assert a.read(unhex(second)).hex() == vector["payloads"][1]
    assert b.write(unhex(vector["payloads"][1])).hex() == second
    assert a.write(unhex(vector["payloads"][2])).hex() == third
    assert b.read(unhex(third)).hex() == vector["payloads"][2]
    assert [len(unhex(message)) for message in vector["messages"]] == vector["message_lengths"]
    check_keys(vector, a.split(), b.split())


def given_encapsulation(vector: dict[str, Any], a: Handshake, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The encapsulation of the vector: its secret by FIPS 203, its ciphertext as the initiator finds and checks it.

    Decapsulation encrypts once more and compares, so that a secret of FIPS 203's own formula means the right ciphertext.
    """
    found = []

    class Watched:
        def decapsulate(self, ciphertext: bytes) -> bytes:
            found.append(ciphertext)
            return kem.decapsulate(ciphertext)

        def public_key(self) -> Any:
            return kem.public_key()

    kem = a._kem
    assert kem is not None
    monkeypatch.setattr(a, "_kem", Watched())

    def encapsulated(public_key: bytes) -> tuple[bytes, bytes]:
        secret = hashlib.sha3_512(unhex(vector["resp_encaps_m"]) + hashlib.sha3_256(public_key).digest()).digest()[:32]
        assert kem.decapsulate(found[0]) == secret
        return secret, found[0]

    return encapsulated


def test_xk_speaks_with_the_handshake_of_the_library() -> None:
    library = NoiseConnection.from_name(Pattern.XK.encode())
    library.set_as_responder()
    library.set_keypair_from_private_bytes(Keypair.STATIC, B_STATIC)
    library.set_prologue(PROLOGUE)
    library.start_handshake()
    a, _ = pair(Pattern.XK)
    assert library.read_message(a.write(b"one")) == b"one"
    assert a.read(bytes(library.write_message(b"two"))) == b"two"
    assert library.read_message(a.write(b"three")) == b"three"
    assert library.decrypt(sealed_by_noise(a.split().initiator_key, b"hello", 0)) == b"hello"


@pytest.mark.parametrize("pattern", PATTERNS)
def test_both_sides_end_with_the_same_keys_and_the_payloads_arrive(pattern: Pattern) -> None:
    a, b = pair(pattern)
    messages, payloads = run(a, b)
    assert payloads == [b"payload 0", b"payload 1", b"payload 2"]
    assert a.finished
    assert b.finished
    one, other = a.split(), b.split()
    assert (one.initiator_key, one.responder_key, one.handshake_hash) == (other.initiator_key, other.responder_key, other.handshake_hash)
    assert one.initiator_key != one.responder_key
    assert (one.remote_static, other.remote_static) == (public(B_STATIC), public(A_STATIC))
    assert messages


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_length_of_the_first_message_tells_the_pattern(pattern: Pattern) -> None:
    a, _ = pair(pattern)
    assert FIRST_MESSAGE[len(a.write())] is pattern


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("number", range(3))
def test_8_11_a_handshake_message_cut_at_any_byte_ends_the_handshake(pattern: Pattern, number: int) -> None:
    whole, _ = run(*pair(pattern))
    step = max(1, len(whole[number]) // 60)
    for size in range(0, len(whole[number]), step):
        a, b = pair(pattern)
        sides = ((a, b), (b, a), (a, b))
        for writer, reader in sides[:number]:
            reader.read(writer.write())
        message = sides[number][0].write(b"payload %d" % number)
        reader = sides[number][1]
        with pytest.raises(BetanetError) as caught:
            reader.read(message[:size])
        assert caught.value.fault is Fault.AUTH_FAILED
        assert not reader.finished


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("number", range(3))
def test_8_2_a_flipped_bit_anywhere_in_a_handshake_is_refused_and_nothing_is_read_after_it(pattern: Pattern, number: int) -> None:
    whole, _ = run(*pair(pattern))
    for at in range(0, len(whole[number]), max(1, len(whole[number]) // 25)):
        a, b = pair(pattern)
        sides = ((a, b), (b, a), (a, b))
        for writer, reader in sides[:number]:
            reader.read(writer.write())
        message = bytearray(sides[number][0].write(b"payload %d" % number))
        message[at] ^= 1
        reader = sides[number][1]
        # A key whose bit was flipped is another key, and the tag at the end of the message does not fit.
        with pytest.raises(BetanetError):
            reader.read(bytes(message))
        message[at] ^= 1
        with pytest.raises(BetanetError):
            reader.read(bytes(message))
        assert not reader.finished
        with pytest.raises(ValueError, match="not finished"):
            reader.split()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_8_4_a_wrong_responder_key_is_refused_at_the_first_message_as_anything_else_is(pattern: Pattern) -> None:
    a, b = pair(pattern, expected=public(OTHER))
    with pytest.raises(BetanetError) as caught:
        b.read(a.write())
    a, b = pair(pattern)
    with pytest.raises(BetanetError) as noise:
        b.read(bytes(len(a.write())))
    assert (caught.value.fault, str(caught.value)) == (noise.value.fault, str(noise.value))


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    "theirs",
    [
        prologue(Bind.NONE, None),
        prologue(Bind.EXPORTER, b"y" * 32),
        prologue(Bind.EXPORTER, b"x" * 32, l2="betanet/htx/1.2.0"),
        prologue(Bind.EXPORTER, b"x" * 32, template_id=b"t" * 32),
    ],
    ids=["other mode", "other TLS connection", "other l2 id", "other template"],
)
def test_8_10_a_changed_prologue_ends_the_handshake(pattern: Pattern, theirs: bytes) -> None:
    a, b = pair(pattern, theirs=theirs)
    with pytest.raises(BetanetError) as caught:
        b.read(a.write())
    assert caught.value.fault is Fault.AUTH_FAILED


@pytest.mark.parametrize("small", [bytes(32), (1).to_bytes(32, "little"), (2**255 - 20).to_bytes(32, "little")])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_key_of_small_order_is_refused(pattern: Pattern, small: bytes) -> None:
    a, b = pair(pattern)
    message = a.write()
    with pytest.raises(BetanetError):
        b.read(small + message[32:])
    a, _ = pair(pattern, expected=small)
    with pytest.raises(BetanetError):
        a.write()


def test_a_message_out_of_turn_is_refused() -> None:
    a, b = pair(Pattern.XK)
    first = a.write()
    with pytest.raises(BetanetError):
        a.write()
    b.read(first)
    with pytest.raises(BetanetError):
        b.read(first)


@pytest.mark.parametrize(
    ("bind", "exporter"), [(Bind.EXPORTER, None), (Bind.EXPORTER, bytes(32)), (Bind.EXPORTER, b"x"), (Bind.NONE, b"x" * 32)]
)
def test_a_binding_is_never_taken_silently_for_the_other(bind: Bind, exporter: bytes | None) -> None:
    with pytest.raises(BetanetError) as caught:
        prologue(bind, exporter)
    assert caught.value.fault is Fault.UNSUPPORTED_FEATURE


def test_the_prologue_is_the_hash_of_what_it_binds() -> None:
    expected = hashlib.sha256(b"betanet-gw/1" + L2_NAME.encode() + b"e" * 32 + bytes(32)).digest()
    assert prologue(Bind.EXPORTER, b"e" * 32) == expected
    assert prologue(Bind.NONE, None) == hashlib.sha256(b"betanet-gw/1" + L2_NAME.encode() + bytes(64)).digest()


def test_initiators_use_the_hybrid_from_2027_unless_told_otherwise() -> None:
    assert HYBRID_FROM == 1_798_761_600
    assert pattern_to_dial(Hybrid.BY_DATE, HYBRID_FROM - 0.001) is Pattern.XK
    assert pattern_to_dial(Hybrid.BY_DATE, HYBRID_FROM) is Pattern.XKHFS
    assert pattern_to_dial(Hybrid.ALWAYS, HYBRID_FROM - 1) is Pattern.XKHFS
    assert pattern_to_dial(Hybrid.NEVER, HYBRID_FROM + 1) is Pattern.XK


def test_a_box_that_does_not_know_the_date_uses_the_hybrid() -> None:
    assert pattern_to_dial(Hybrid.BY_DATE, None) is Pattern.XKHFS


def test_a_responder_set_to_the_hybrid_answers_nothing_else() -> None:
    assert [answers(Hybrid.ALWAYS, pattern) for pattern in PATTERNS] == [False, True]
    assert all(answers(hybrid, pattern) for hybrid in (Hybrid.BY_DATE, Hybrid.NEVER) for pattern in PATTERNS)


def test_the_last_payload_proves_whose_channel_key_it_is() -> None:
    identity = Ed25519PrivateKey.from_private_bytes(OTHER)
    proof = prove_static(identity, public(A_STATIC))
    assert len(proof) == 96
    assert check_static(proof, public(A_STATIC)) == identity.public_key().public_bytes_raw()
    for wrong, key in (
        (proof, public(B_STATIC)),
        (proof[:-1], public(A_STATIC)),
        (b"", public(A_STATIC)),
        (proof + b"x", public(A_STATIC)),
    ):
        with pytest.raises(BetanetError) as caught:
            check_static(wrong, key)
        assert caught.value.fault is Fault.AUTH_FAILED
