"""What goes beside an image: list of parts, lock, Imager's manifest, progress."""

import copy
import hashlib
import io
import json
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config.schema import Libp2pConfig
from image.debian.lock import differences, installed, read_lock, write_lock
from image.debian.progress import Progress
from image.debian.sbom import components, write_sbom
from image.imager import Offer, problems, write_manifest
from tests.image.small import EPOCH

ROOT = Path(__file__).parent.parent.parent
DEBIAN = ROOT / "image" / "debian"
DIGEST = "ab" * 32


def test_the_list_of_parts_has_debians_packages_and_the_wheels_each_with_hash_and_address(root: Path, tmp_path: Path) -> None:
    packages = {"tool": {"version": "1:2.0+b1-3", "architecture": "arm64", "sha256": DIGEST}}
    parts = list(components(root, packages, {"py_multibase-2.0.0-py3-none-any.whl": DIGEST}, "trixie"))
    assert [part["purl"] for part in parts] == [
        "pkg:deb/debian/tool@1%3A2.0%2Bb1-3?arch=arm64&distro=trixie",
        "pkg:pypi/py-multibase@2.0.0?file_name=py_multibase-2.0.0-py3-none-any.whl",
    ]
    assert all(part["hashes"] == [{"alg": "SHA-256", "content": DIGEST}] for part in parts)
    out = tmp_path / "parts.json"
    write_sbom(out, "meshgate-image", "0.1.0", EPOCH, parts, uuid.UUID(int=1))
    document = json.loads(out.read_text())
    assert (document["bomFormat"], document["specVersion"], document["metadata"]["timestamp"]) == (
        "CycloneDX",
        "1.5",
        "2026-11-01T00:00:00Z",
    )
    assert len({part["bom-ref"] for part in document["components"]}) == 2


def test_the_lock_has_the_hash_that_apts_lists_have(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mirror_main_Packages").write_text(
        f"Package: tool\nArchitecture: arm64\nVersion: 1:2.0+b1-3\nSHA256: {DIGEST}\n\n"
        f"Package: tool\nArchitecture: arm64\nVersion: 1\nSHA256: {'0' * 64}\n"
    )
    found = installed(root, tmp_path)
    assert found == {"tool": {"version": "1:2.0+b1-3", "architecture": "arm64", "sha256": DIGEST}}
    write_lock(tmp_path / "lock.json", "trixie", found)
    assert read_lock(tmp_path / "lock.json") == found
    assert read_lock(tmp_path / "none.json") == {}


def test_a_package_that_no_list_knows_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tool 1:2\.0\+b1-3 arm64 is installed and in none"):
        installed(root, tmp_path)


def test_what_differs_from_the_lock_is_told_package_by_package() -> None:
    def of(version: str, digest: str = DIGEST) -> dict[str, str]:
        return {"version": version, "architecture": "arm64", "sha256": digest}

    locked = {"same": of("1"), "newer": of("1"), "rebuilt": of("1"), "gone": of("1")}
    found = {"same": of("1"), "newer": of("2"), "rebuilt": of("1", "0" * 64), "more": of("1")}
    assert differences(locked, found) == [
        "gone: only in the lock",
        "more: not in the lock",
        "newer: 1 in the lock, 2 now",
        "rebuilt: 1 in the lock, other bytes now",
    ]


@pytest.fixture
def manifest(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "card.img").write_bytes(bytes(1024))
    (tmp_path / "card.img.xz").write_bytes(b"packed")
    out = tmp_path / "manifest"
    write_manifest(Offer("Meshgate", "A gateway.", tmp_path / "card.img", tmp_path / "card.img.xz", EPOCH), out)
    document: dict[str, Any] = json.loads(out.read_text())
    return document


def test_the_manifest_has_the_hash_and_size_of_the_image_before_and_after_it_was_packed(manifest: dict[str, Any]) -> None:
    (entry,) = manifest["os_list"]
    assert entry["extract_sha256"] == hashlib.sha256(bytes(1024)).hexdigest()
    assert entry["image_download_sha256"] == hashlib.sha256(b"packed").hexdigest()
    assert (entry["extract_size"], entry["image_download_size"], entry["init_format"]) == (1024, 6, "cloudinit")
    assert entry["release_date"] == "2026-11-01"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("extract_sha256", "0" * 63, "no SHA-256"),
        ("extract_sha256", None, "not a text"),
        ("extract_size", True, "no number of bytes"),
        ("extract_size", -512, "no number of bytes"),
        ("extract_size", 1000, "sectors"),
        ("extract_size", (64 << 30) + 512, "no number of bytes"),
        ("devices", [], "no board"),
        ("devices", "pi4-64bit", "no board"),
        ("init_format", "cloud-init", "init_format is none of"),
        ("architecture", "arm64", "architecture"),
        ("release_date", "1.11.2026", "no date"),
        ("name", "", "name is not a text"),
    ],
)
def test_a_manifest_that_imager_would_not_take_is_seen(manifest: dict[str, Any], key: str, value: object, said: str) -> None:
    assert problems(manifest) == []
    spoilt = copy.deepcopy(manifest)
    spoilt["os_list"][0][key] = value
    assert any(said in one for one in problems(spoilt))


@pytest.mark.parametrize("document", [[], {}, {"os_list": []}, {"os_list": "x"}, {"os_list": [1]}])
def test_something_else_is_no_manifest(document: object) -> None:
    assert problems(document)


def test_the_image_has_all_packages_that_the_roles_install() -> None:
    listed = {line for line in (DEBIAN / "packages.txt").read_text().splitlines() if line and not line.startswith("#")}
    for role in ("base", "app"):
        defaults = yaml.safe_load((ROOT / "ansible" / "roles" / f"meshgate_{role}" / "defaults" / "main.yml").read_text())
        assert set(defaults[f"meshgate_{role}_packages"]) <= listed


def test_the_scripts_have_nothing_that_shellcheck_finds() -> None:
    scripts = [
        path
        for path in sorted(DEBIAN.rglob("*"))
        if path.is_file() and path.read_bytes().startswith((b"#!/bin/sh", b"#!/usr/bin/env bash"))
    ]
    assert len(scripts) >= 6
    try:
        done = subprocess.run(["shellcheck", *map(str, scripts)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("shellcheck is not here")
    assert done.stdout == ""
    assert all(path.stat().st_mode & 0o111 for path in scripts if path.name != "initramfs-modules")


def test_progress_says_which_step_for_how_long_and_keeps_what_it_took(tmp_path: Path) -> None:
    out = io.StringIO()
    progress = Progress({"one": 100.0, "two": 20.0}, tmp_path / "times.json", out)
    with progress.step("one"):
        pass
    with progress.step("two", cached=True):
        pass
    lines = out.getvalue().splitlines()
    assert lines[0] == "image: [1/2] one: 0 of about 100 s, 2 min to go"
    assert re.fullmatch(r"image: \[1/2\] one: done in \d+ s", lines[1])
    assert re.fullmatch(r"image: \[2/2\] two: done in \d+ s \(kept from before\)", lines[3])
    kept = json.loads((tmp_path / "times.json").read_text())
    assert kept["one"] < 100  # what it took
    assert kept["two"] == 20.0  # what it takes, not what it took to see that it was there


def test_the_image_lets_others_call_where_the_gateway_listens_for_them_once_that_is_switched_on() -> None:
    rules = (DEBIAN / "files" / "etc" / "nftables.d" / "50-meshgate-image.nft").read_text()
    opened = set(re.findall(r"^tcp dport (\d+) accept", rules, re.MULTILINE))
    assert opened == {address.rpartition("/")[2] for address in Libp2pConfig(identity_file=Path("libp2p.key")).listen}
