"""What somebody who records a whole session, and knows every public key, can do with it: nothing.

The derivations tried are those that published implementations use, with every value an observer has. Each is also
run with the real secret, so that a search that would overlook a weakness fails too.
"""

from collections.abc import Iterator
from hashlib import sha256
from itertools import permutations

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from transports.betanet.binding import Bind, Pattern, prologue
from transports.betanet.channel import Channel
from transports.betanet.frames import split_frames
from transports.betanet.handshake import Handshake, Secrets
from transports.betanet.keys import Generation11, Generation12, expand, hkdf, nonce

A, A_ONCE, B, B_ONCE = (bytes((number,)) * 32 for number in (11, 12, 13, 14))
PROLOGUE = prologue(Bind.NONE, None)
SECRET = b"meet me at the north gate"


def public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def session(pattern: Pattern) -> tuple[list[bytes], bytes, bytes, bytes]:
    """A recorded session: handshake messages, handshake hash, a frame with `SECRET`, and its real key."""
    a = Handshake(pattern, Secrets(A, A_ONCE, bytes(range(64))), prologue=PROLOGUE, remote_static=public(B))
    b = Handshake(pattern, Secrets(B, B_ONCE), prologue=PROLOGUE, remote_static=None)
    messages = []
    for writer, reader in ((a, b), (b, a), (a, b)):
        messages.append(writer.write())
        reader.read(messages[-1])
    split = a.split()
    sender = Channel(
        Generation11(split.initiator_key, split.handshake_hash),
        Generation11(split.responder_key, split.handshake_hash),
        initiator=True,
        now=0.0,
    )
    return messages, split.handshake_hash, sender.write(sender.open_stream(), SECRET, 0.0), split.initiator_key


def derived(values: dict[str, bytes]) -> Iterator[tuple[str, bytes, bytes]]:
    """Every key and salt that one derivation, or two in a row, make of what is known."""
    for name, value in values.items():
        secrets = {name: value, f"sha256 {name}": sha256(value).digest()}
        for salt_name, salt in {"none": b"", **values}.items():
            secrets[f"hkdf {name} salt {salt_name}"] = hkdf(value, salt, b"", 32)
            for info in (b"betanet/noise", b"split", b"htx inner v1", b"key", b"ts_c"):
                secrets[f"hkdf {name} salt {salt_name} info {info!r}"] = hkdf(value, salt, info, 64)[:32]
        for secret_name, secret in secrets.items():
            if len(secret) != 32:
                continue
            yield f"1.1 {secret_name}", secret, Generation11(secret, values["handshake hash"]).salt
            yield f"1.2 {secret_name}", Generation12(secret).key, Generation12(secret).salt
            for key_label, salt_label in ((b"key", b"nonce"), (b"key_c", b"nonce_c")):
                yield f"plain {secret_name}", expand(secret, key_label, 32), expand(secret, salt_label, 12)


def opened_with(frame: bytes, values: dict[str, bytes]) -> list[str]:
    (sealed,) = split_frames(frame)
    found = []
    for name, key, salt in derived(values):
        for tried in (nonce(salt, 0), bytes(12), salt):
            try:
                assert ChaCha20Poly1305(key).decrypt(tried, sealed.sealed, sealed.header) == SECRET
            except InvalidTag:
                continue
            found.append(name)
    return found


def known_to_everybody(messages: list[bytes], handshake_hash: bytes) -> dict[str, bytes]:
    known = {f"message {number}": message[:32] for number, message in enumerate(messages)}
    known |= {"responder": public(B), "initiator": public(A), "handshake hash": handshake_hash, "prologue": PROLOGUE}
    known |= {"zeros": bytes(32), "name": sha256(Pattern.XK.encode()).digest()}
    known |= {"all messages": sha256(b"".join(messages)).digest()}
    pairs = permutations([messages[0][:32], messages[1][:32], public(B)], 2)
    return known | {f"pair {number}": sha256(one + other).digest() for number, (one, other) in enumerate(pairs)}


@pytest.mark.parametrize("pattern", Pattern)
def test_8_1_frame_keys_do_not_follow_from_the_transcript_and_the_public_keys(pattern: Pattern) -> None:
    messages, handshake_hash, frame, _ = session(pattern)
    assert opened_with(frame, known_to_everybody(messages, handshake_hash)) == []


def test_8_1_the_search_would_find_keys_that_follow_from_what_is_known() -> None:
    messages, handshake_hash, frame, key = session(Pattern.XK)
    assert opened_with(frame, {"handshake hash": handshake_hash, "the key": key})
    weak = Channel(Generation12(hkdf(handshake_hash, b"", b"split", 64)[:32]), Generation12(b"x" * 32), initiator=True, now=0.0)
    frame = weak.write(weak.open_stream(), SECRET, 0.0)
    assert opened_with(frame, known_to_everybody(messages, handshake_hash))


@pytest.mark.parametrize("pattern", Pattern)
def test_8_1_the_handshake_hash_is_known_to_everybody_and_the_initiator_is_not(pattern: Pattern) -> None:
    """The first is why no key may come from the hash; the second is what XK is for."""
    messages, handshake_hash, _, _ = session(pattern)
    name = pattern.encode()
    value = name.ljust(32, b"\0") if len(name) <= 32 else sha256(name).digest()
    sizes = {Pattern.XK: ((32, 16), (32, 16), (48, 16)), Pattern.XKHFS: ((32, 1200, 16), (32, 1104, 16), (48, 16))}[pattern]
    pieces = [PROLOGUE, public(B)]
    for message, parts in zip(messages, sizes, strict=True):
        ends = [sum(parts[: number + 1]) for number in range(len(parts))]
        assert ends[-1] == len(message)
        pieces += [message[end - size : end] for end, size in zip(ends, parts, strict=True)]
    for piece in pieces:
        value = sha256(value + piece).digest()
    assert value == handshake_hash
    assert not [message for message in messages if public(A) in message]


@pytest.mark.parametrize("pattern", Pattern)
def test_8_1_other_ephemeral_keys_give_other_frame_keys(pattern: Pattern) -> None:
    keys = set()
    for number in range(5):
        a = Handshake(pattern, Secrets(A, bytes((20 + number,)) * 32, bytes(64)), prologue=PROLOGUE, remote_static=public(B))
        b = Handshake(pattern, Secrets(B, B_ONCE), prologue=PROLOGUE, remote_static=None)
        for writer, reader in ((a, b), (b, a), (a, b)):
            reader.read(writer.write())
        keys |= {a.split().initiator_key, a.split().responder_key}
    assert len(keys) == 10
