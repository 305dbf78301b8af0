"""A bundle is taken as it was signed, or not at all."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.update.bundle import open_bundle
from gateway.update.container import BLOCK, header
from gateway.update.errors import Refusal, UpdateError
from gateway.update.keys import public_of, read_signing_key, sign, trusted_keys, write_signing_key
from gateway.update.limits import MAX_BUNDLE, MAX_KEYS, MAX_MANIFEST, MAX_MEMBER, MAX_MEMBERS, MAX_UNIT
from gateway.update.manifest import Box, decode_manifest, encode_manifest, fit
from gateway.update.versions import rank
from tests.update.bundles import MACHINE, PARTS, SEED, TRUSTED, bundle_at, manifest_of

BOX = Box("0.1.0", MACHINE, "cp311")
GOOD_LOCK = {"name": "locks/cp311.txt", "size": 0, "sha256": "0" * 64}


@pytest.fixture(scope="module")
def genuine(tmp_path_factory) -> bytes:
    return bundle_at(tmp_path_factory.mktemp("bundle") / "one.meshgate").read_bytes()


class Held(io.BytesIO):
    """Bytes that say how many they are, as a file does."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._descriptor = os.memfd_create("bundle")
        os.ftruncate(self._descriptor, len(data))

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def read(data: bytes, trusted=TRUSTED) -> None:
    with Held(data) as file:
        open_bundle(file, trusted).check()


def refused(data: bytes, trusted=TRUSTED) -> Refusal:
    with pytest.raises(UpdateError) as raised:
        read(data, trusted)
    return raised.value.refusal


def test_a_genuine_bundle_is_read_and_copied(genuine: bytes, tmp_path: Path) -> None:
    seen: list[int] = []
    with Held(genuine) as file:
        bundle = open_bundle(file, TRUSTED)
        bundle.copy(tmp_path, seen.append)
    assert bundle.manifest == manifest_of()
    assert {name: (tmp_path / name).read_bytes() for name, _ in PARTS} == dict(PARTS)
    assert sum(seen) == sum(len(data) for _, data in PARTS)


def test_anybody_can_look_into_a_bundle_with_tar(genuine: bytes, tmp_path: Path) -> None:
    (tmp_path / "one.tar").write_bytes(genuine)
    with tarfile.open(tmp_path / "one.tar") as archive:
        assert archive.getnames() == ["manifest.json", "manifest.sig", *(name for name, _ in PARTS)]
    listed = subprocess.run(["tar", "-tf", tmp_path / "one.tar"], capture_output=True, text=True, check=True)
    assert listed.stdout.splitlines()[2:] == [name for name, _ in PARTS]


@given(data=st.data())
def test_a_bundle_with_any_other_byte_is_refused(genuine: bytes, data) -> None:
    place = data.draw(st.integers(0, len(genuine) - 1))
    other = data.draw(st.integers(1, 255))
    refused(genuine[:place] + bytes([genuine[place] ^ other]) + genuine[place + 1 :])


def test_a_bundle_with_any_flipped_bit_of_what_is_not_hashed_is_refused(genuine: bytes) -> None:
    """Headers, padding, signature and end: what no digest covers."""
    for place in (*range(BLOCK), *range(len(genuine) - 2 * BLOCK, len(genuine))):
        refused(genuine[:place] + bytes([genuine[place] ^ 0x10]) + genuine[place + 1 :])


@given(data=st.data())
def test_a_bundle_that_is_cut_or_longer_is_refused(genuine: bytes, data) -> None:
    refused(genuine[: data.draw(st.integers(0, len(genuine) - 1))])
    refused(genuine + data.draw(st.binary(min_size=1, max_size=2 * BLOCK)))


@given(junk=st.binary(max_size=4 * BLOCK))
def test_what_is_no_bundle_is_refused(junk: bytes) -> None:
    assert refused(junk) is Refusal.FORMAT


def test_a_bundle_of_another_key_is_refused_whatever_it_says(tmp_path: Path) -> None:
    other = bytes(32)
    data = bundle_at(tmp_path / "b", seed=other).read_bytes()
    assert refused(data) is Refusal.KEY
    assert refused(data, frozenset()) is Refusal.KEY
    read(data, frozenset({public_of(other), *TRUSTED}))  # as while a key is being replaced


def test_a_signature_over_something_else_is_none_over_a_bundle(genuine: bytes) -> None:
    manifest = encode_manifest(manifest_of())
    bare = Ed25519PrivateKey.from_private_bytes(SEED).sign(manifest)
    signed = sign(SEED, manifest)
    assert signed in genuine
    assert refused(genuine.replace(signed, public_of(SEED) + bare)) is Refusal.SIGNATURE


def test_a_member_that_is_not_what_was_signed_is_refused(tmp_path: Path) -> None:
    manifest = encode_manifest(manifest_of())
    parts = tuple((name, bytes(len(data))) for name, data in PARTS)
    assert refused(bundle_at(tmp_path / "b", parts, manifest=manifest).read_bytes()) is Refusal.TAMPERED


@pytest.mark.parametrize(
    "name",
    [
        "wheels/../../etc/passwd.whl",
        "/wheels/a.whl",
        "wheels/a/b.whl",
        "wheels/.hidden.whl",
        "wheels/a\x00.whl",
        "wheels/a.whl\n",
        "wheels/-r.whl",
        "locks/cp313.txt.whl",
        "units/etc/shadow",
        "units/etc/systemd/system/ssh.service",
        "units/etc/systemd/system/meshgate.service/../ssh.service",
        "units/etc/systemd/system/multi-user.target.wants/meshgate.service",
        "units/etc/udev/rules.d/80-meshgate.rules",
        "wheels/" + "a" * 100 + ".whl",
        "wheels/ä.whl",
        "",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_even_under_a_good_signature(name: str) -> None:
    with pytest.raises(UpdateError) as raised:
        decode_manifest(encode_manifest(manifest_of((*PARTS, (name, b"")))))
    assert raised.value.refusal is Refusal.FORMAT


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"name": "other"},
        {"version": "1"},
        {"version": "../1.0.0"},
        {"oldest": "x"},
        {"machine": "a/b"},
        {"machine": "x86_64\n"},
        {"pythons": []},
        {"pythons": ["cp312"]},
        {"pythons": ["cp2"]},
        {"members": []},
        {"more": 1},
        {"members": [{"name": "locks/cp311.txt", "size": 0, "sha256": "0" * 64}] * 2},
        {"members": [{"name": "locks/cp311.txt", "size": -1, "sha256": "0" * 64}]},
        {"members": [{"name": "locks/cp311.txt", "size": MAX_MEMBER + 1, "sha256": "0" * 64}]},
        {
            "pythons": ["cp311"],
            "members": [GOOD_LOCK, {"name": "units/etc/systemd/system/meshgate.service", "size": MAX_UNIT + 1, "sha256": "0" * 64}],
        },
        {"members": [{"name": "locks/cp311.txt", "size": 1, "sha256": "0" * 63 + "\n"}]},
        {"members": [{"name": f"wheels/{n}.whl", "size": 0, "sha256": "0" * 64} for n in range(MAX_MEMBERS + 1)]},
        {
            "pythons": ["cp311"],
            "members": [
                GOOD_LOCK,
                *({"name": f"wheels/{n}.whl", "size": MAX_MEMBER, "sha256": "0" * 64} for n in range(MAX_BUNDLE // MAX_MEMBER + 1)),
            ],
        },
    ],
)
def test_a_manifest_that_says_what_none_may_say_is_refused(change) -> None:
    raw = msgspec.to_builtins(manifest_of()) | change
    with pytest.raises(UpdateError) as raised:
        decode_manifest(msgspec.json.encode(raw))
    assert raised.value.refusal is Refusal.FORMAT


@given(junk=st.binary(max_size=300))
def test_a_manifest_that_is_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(UpdateError):
        decode_manifest(junk)


def test_nothing_beyond_the_cap_is_read_before_the_signature_was_checked(genuine: bytes) -> None:
    huge = header("manifest.json", MAX_MANIFEST + 1) + genuine[BLOCK:]
    with Held(huge) as file:
        with pytest.raises(UpdateError):
            open_bundle(file, TRUSTED)
        assert file.tell() == BLOCK
    with pytest.raises(UpdateError):
        decode_manifest(b" " * (MAX_MANIFEST + 1))


def test_a_file_larger_than_any_bundle_is_not_even_begun() -> None:
    with Held(b"") as file:
        os.ftruncate(file.fileno(), MAX_BUNDLE + 1)
        with pytest.raises(UpdateError, match="larger than any bundle"):
            open_bundle(file, TRUSTED)
        assert file.tell() == 0


@pytest.mark.parametrize(
    ("about", "box", "refusal"),
    [
        ({"version": "0.1.0"}, BOX, Refusal.SAME),
        ({"version": "0.0.9", "oldest": "0.0.1"}, BOX, Refusal.OLDER),
        ({"version": "0.1.0rc1"}, BOX, Refusal.OLDER),
        ({"version": "0.3.0", "oldest": "0.2.0"}, BOX, Refusal.TOO_FAR),
        ({"machine": "aarch64"}, BOX, Refusal.MACHINE),
        ({}, Box("0.1.0", MACHINE, "cp312"), Refusal.PYTHON),
    ],
)
def test_a_bundle_that_does_not_fit_is_refused(about, box: Box, refusal: Refusal) -> None:
    with pytest.raises(UpdateError) as raised:
        fit(manifest_of(**about), box)
    assert raised.value.refusal is refusal


def test_an_older_version_is_taken_only_where_that_is_allowed() -> None:
    fit(manifest_of(version="0.0.9", oldest="0.0.1"), BOX, allow_downgrade=True)
    fit(manifest_of(), BOX)


def test_versions_are_ordered_as_releases_follow_each_other() -> None:
    order = ["0.1.0a1", "0.1.0b1", "0.1.0rc1", "0.1.0rc2", "0.1.0rc10", "0.1.0", "0.1.1", "0.2.0", "0.10.0", "1.0.0"]
    assert sorted(sorted(order), key=rank) == order
    for none in ("1.0", "1.0.0.0", "01.0.0", "1.0.0-1", "v1.0.0", "1.0.0\n", "\u0661.0.0", "1.0.0.dev1", ""):
        with pytest.raises(ValueError, match="not a version"):
            rank(none)


def test_keys_are_those_of_the_directory_that_nobody_else_can_write_to(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="no release key"):
        trusted_keys(tmp_path)
    write_signing_key(tmp_path / "release.key", SEED)
    assert read_signing_key(tmp_path / "release.key") == SEED
    assert trusted_keys(tmp_path) == TRUSTED
    (tmp_path / "next.pub").write_text("# the one after it\n" + public_of(bytes(32)).hex())
    assert trusted_keys(tmp_path) == {*TRUSTED, public_of(bytes(32))}
    (tmp_path / "next.pub").chmod(0o664)
    with pytest.raises(UpdateError, match="Others have rights"):
        trusted_keys(tmp_path)


@pytest.mark.parametrize("text", ["", "00" * 31, "zz" * 32, "00" * 32 + " 00", "signing " + "00" * 32, "é"])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.pub").write_text(text)
    with pytest.raises(UpdateError) as raised:
        trusted_keys(tmp_path)
    assert raised.value.refusal is Refusal.NO_KEY


def test_there_are_only_so_many_keys(tmp_path: Path) -> None:
    for number in range(MAX_KEYS + 1):
        (tmp_path / f"{number}.pub").write_text(public_of(bytes([number]) * 32).hex())
    with pytest.raises(UpdateError, match="more than"):
        trusted_keys(tmp_path)


def test_a_signing_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    write_signing_key(tmp_path / "release.key", SEED)
    (tmp_path / "release.key").chmod(0o644)
    with pytest.raises(UpdateError, match="Others have rights"):
        read_signing_key(tmp_path / "release.key")
    (tmp_path / "release.pub").chmod(0o600)
    with pytest.raises(UpdateError, match="not a signing key"):
        read_signing_key(tmp_path / "release.pub")


def test_what_is_refused_above_is_refused_for_nothing_but_that() -> None:
    raw = msgspec.to_builtins(manifest_of())
    assert decode_manifest(msgspec.json.encode(raw)) == manifest_of()
    assert decode_manifest(msgspec.json.encode(raw | {"pythons": ["cp311"], "members": [GOOD_LOCK]})).members[0].size == 0
