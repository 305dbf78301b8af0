"""Packs an image, and writes what goes beside it: sums, block map, list of parts, Imager's manifest, and what QEMU needs to start it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from image.debian.blockmap import write_block_map
from image.debian.card import Card
from image.debian.lock import Packages
from image.debian.sbom import components, write_sbom
from image.debian.tools import Tools
from image.imager import Offer, sha256, write_manifest

TREES = ("bcm2837-rpi-3-b.dtb", "bcm2837-rpi-3-b-plus.dtb", "bcm2837-rpi-zero-2-w.dtb", "bcm2711-rpi-4-b.dtb")


@dataclass(frozen=True, slots=True)
class Release:
    """One image and where its files go.

    Args:
        image: not packed.
        card: what it was made of.
        version: of Meshgate.
        suite: of Debian.
        used: what of the image has to be written to a card.

    """

    image: Path
    card: Card
    version: str
    suite: str
    used: list[tuple[int, int]]


def for_emulators(root: Path, out: Path) -> None:
    """Copy kernel, initial RAM disk and device trees to where an emulator finds them. Raises `ValueError` if there is not one of each."""
    for pattern, name in (("vmlinuz-*", "vmlinuz"), ("initrd.img-*", "initrd.img")):
        found = sorted((root / "boot").glob(pattern))
        if len(found) != 1:
            raise ValueError(f"There are {len(found)} of {pattern} in /boot, and not one.")
        shutil.copyfile(found[0], out / name)
    for name in TREES:
        found = sorted((root / "usr" / "lib").glob(f"linux-image-*/broadcom/{name}"))
        if not found:
            raise ValueError(f"The kernel brings no {name}.")
        shutil.copyfile(found[-1], out / name)


def describe(release: Release, packages: Packages, wheels: dict[str, str]) -> int:
    """Write the block map and the list of parts; returns how many parts there are."""
    write_block_map(release.image, release.used, release.image.with_suffix(".bmap"))
    card = release.card
    parts = list(components(card.root, packages, wheels, release.suite))
    write_sbom(release.image.with_suffix(".cdx.json"), "meshgate-image", release.version, card.epoch, parts, card.identity("list of parts"))
    return len(parts)


def pack(release: Release, tools: Tools) -> list[Path]:
    """Compress the image in two ways, write the sums and the manifest; returns what was packed."""
    image = release.image
    packed = [image.with_suffix(".img.zst"), image.with_suffix(".img.xz")]
    tools.run("zstd", "-q", "-f", "-15", "--long=27", "-T2", str(image), "-o", str(packed[0]))
    tools.run("xz", "-k", "-f", "-4", "-T2", str(image))
    about = f"A gateway between nearby BitChat phones and other islands of phones, on Debian ({release.suite}). After it has started: http://meshgate.local"
    offer = Offer(f"Meshgate {release.version}", about, image, packed[1], release.card.epoch)
    write_manifest(offer, image.parent / "meshgate.rpi-imager-manifest")
    summed = [image, *packed, image.with_suffix(".bmap"), image.with_suffix(".cdx.json")]
    (image.parent / "SHA256SUMS").write_text("".join(f"{sha256(path)}  {path.name}\n" for path in summed))
    return packed
