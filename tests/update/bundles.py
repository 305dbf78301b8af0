"""Bundles made for tests: small, and signed by a key that tests trust."""

import hashlib
from pathlib import Path

from gateway.update.keys import public_of, sign
from gateway.update.making import write_bundle
from gateway.update.manifest import Manifest, Member, encode_manifest

SEED = bytes(range(32))
TRUSTED = frozenset({public_of(SEED)})
MACHINE = "x86_64"
PYTHONS = ("cp311", "cp313")
PARTS = (
    ("locks/cp311.txt", b"meshgate==0.2.0 --hash=sha256:00\n"),
    ("locks/cp313.txt", b""),
    ("wheels/meshgate-0.2.0-py3-none-any.whl", b"PK" * 300),
    ("units/etc/systemd/system/meshgate.service", b"[Service]\nExecStart=/bin/true 2\n"),
)


def manifest_of(parts=PARTS, version="0.2.0", oldest="0.1.0", machine=MACHINE, pythons=PYTHONS) -> Manifest:
    members = tuple(Member(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in parts)
    return Manifest(1, "meshgate", version, oldest, machine, pythons, members)


def bundle_at(path: Path, parts=PARTS, seed=SEED, manifest: bytes | None = None, **about) -> Path:
    """Write a bundle; `manifest` says something else than its members are."""
    data = encode_manifest(manifest_of(parts, **about)) if manifest is None else manifest
    write_bundle(path, data, sign(seed, data), parts)
    return path
