"""The command line of a build."""

import argparse
import hashlib
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from image.debian import needs
from image.debian.building import HERE, SUITE, Build, wheels_of
from image.debian.card import MIB
from image.debian.lock import Packages, differences, read_lock, write_lock
from image.debian.programs import TOP
from image.debian.release import describe, pack
from image.debian.tools import Tools

LOCK: Final = HERE / "packages.lock.json"


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns an exit status."""
    parser = argparse.ArgumentParser(prog="image/debian/build", description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=TOP / "build" / "image")
    parser.add_argument("--check", action="store_true", help="say what is missing here, and do nothing")
    parser.add_argument("--tools", action="store_true", help="lay out a newer mke2fs, if this machine needs one, and do nothing else")
    parser.add_argument("--cache", type=Path, default=TOP / "build" / "image-cache")
    parser.add_argument("--month", default=f"{datetime.now(UTC):%Y-%m}", help="of the base, as in 2026-11")
    parser.add_argument("--wheelhouse", type=Path, help="made by image/wheelhouse before")
    parser.add_argument("--bundle", type=Path, help="of a release, in place of one made here; its keys are named with --keys")
    parser.add_argument("--keys", type=Path, help="directory with the public keys of releases (*.pub)")
    parser.add_argument("--key", type=Path, help="signing key of the bundle that is made here; it is made if it is not there")
    parser.add_argument("--locked", action="store_true", help=f"refuse a base that differs from {LOCK.name}")
    parser.add_argument("--lock", action="store_true", help=f"write {LOCK.name} anew")
    parser.add_argument("--raw", action="store_true", help="do not compress the image")
    chosen = parser.parse_args(arguments)
    if chosen.tools:
        Tools(chosen.cache.resolve()).run("mke2fs", "-V")
        return 0
    why = needs.obstacle()
    if why or chosen.check:
        print(f"image: {why}" if why else "image: all that is needed is here", file=sys.stderr)  # noqa: T201 -- a command
        return 1 if why else 0
    if bool(chosen.bundle) != bool(chosen.keys):
        parser.error("--bundle and --keys go together")
    month = datetime.strptime(chosen.month, "%Y-%m").replace(tzinfo=UTC)
    out, cache = chosen.out.resolve(), chosen.cache.resolve()
    out.mkdir(parents=True, exist_ok=True)
    cache.mkdir(parents=True, exist_ok=True)
    os.umask(0o022)
    _build(Build(out, cache, month), chosen)
    return 0


def _build(build: Build, chosen: argparse.Namespace) -> None:
    key = (chosen.key or build.cache / "release.key").resolve()
    if chosen.bundle:
        bundle, keys = chosen.bundle.resolve(), sorted(chosen.keys.resolve().glob("*.pub"))
    else:
        bundle, keys = build.bundle(build.wheels(chosen.wheelhouse and chosen.wheelhouse.resolve()), key), [key.with_suffix(".pub")]
    archive, packages = build.base()
    _compare(packages, chosen)
    build.unpack(archive)
    version = build.meshgate(bundle, keys)
    build.roles(bundle, keys)
    build.clean()
    seed = hashlib.sha256(bundle.read_bytes() + archive.stem.encode()).digest()
    release = build.card(seed, version)
    with build.progress.step("list of parts"):
        parts = describe(release, packages, wheels_of(bundle, build.root / "etc" / "meshgate" / "release-keys"))
    packed = []
    if not chosen.raw:
        with build.progress.step("packing"):
            packed = pack(release, build.tools)
    mapped = sum(last - first for first, last in release.used)
    print(f"Meshgate {version} on Debian {SUITE}, {parts} parts, in {sum(build.progress.took.values()) / 60:.1f} minutes:")  # noqa: T201 -- a command
    print(f"  {release.image}: {release.image.stat().st_size / MIB:.0f} MiB, of which {mapped / MIB:.0f} are written to a card")  # noqa: T201 -- likewise
    for path in packed:
        print(f"  {path}: {path.stat().st_size / MIB:.0f} MiB")  # noqa: T201 -- likewise


def _compare(packages: Packages, chosen: argparse.Namespace) -> None:
    if chosen.lock or not LOCK.exists():
        write_lock(LOCK, SUITE, packages)
    said = differences(read_lock(LOCK), packages)
    if said:
        text = f"The base differs from {LOCK.name} in {len(said)} packages:\n" + "\n".join(f"  {one}" for one in said)
        if chosen.locked:
            raise SystemExit(text)
        print(text, file=sys.stderr)  # noqa: T201 -- a command
