"""The steps of a build; what was made before and is still right is kept."""

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from gateway.update.bundle import open_bundle
from gateway.update.keys import trusted_keys
from gateway.update.manifest import WHEELS
from hw.firstboot.overlay import OFF, ON
from image.debian.card import Card, write_card
from image.debian.clean import clean
from image.debian.lock import Packages, installed, read_lock, write_lock
from image.debian.programs import TOP, python_of, run, use_ansible
from image.debian.progress import Progress
from image.debian.release import Release, for_emulators
from image.debian.scan import scan
from image.debian.tools import Tools

HERE: Final = TOP / "image" / "debian"
SUITE, PYTHON, MACHINE = "trixie", "3.13", "aarch64"
_EXPECTED: Final = {
    "wheels": 120.0,
    "base system": 1200.0,
    "root directory": 20.0,
    "Meshgate": 45.0,
    "roles": 180.0,
    "cleaning and scan": 15.0,
    "card": 40.0,
    "list of parts": 10.0,
    "packing": 200.0,
}


class Build:
    """One build.

    Args:
        out: directory of the result.
        cache: directory of what is kept.
        month: the first day of the month of its base, which nothing in the image is newer than.

    """

    def __init__(self, out: Path, cache: Path, month: datetime) -> None:
        self.out, self.cache = out, cache
        self.epoch = int(month.timestamp())
        self.tools = Tools(cache)
        self.progress = Progress(_EXPECTED, cache / "times.json")
        self.root = out / "root"
        self._month = f"{month:%Y-%m}"

    def wheels(self, wheelhouse: Path | None) -> Path:
        """Make the wheelhouse, unless one is named."""
        if wheelhouse is not None:
            with self.progress.step("wheels", cached=True):
                return wheelhouse
        home = self.out / "wheelhouse"
        with self.progress.step("wheels"):
            shutil.rmtree(home, ignore_errors=True)
            run(sys.executable, TOP / "image" / "wheelhouse", home, "--machine", MACHINE, "--python", PYTHON, epoch=self.epoch)
        return home

    def bundle(self, wheelhouse: Path, key: Path) -> Path:
        """Sign a bundle of a wheelhouse, with a key of this build if there is none."""
        if not key.exists():
            run(sys.executable, TOP / ".ci" / "bundle", "key", key)
        for old in self.out.glob("*.meshgate"):
            old.unlink()
        run(sys.executable, TOP / ".ci" / "bundle", "make", wheelhouse, self.out, "--key", key, "--machine", MACHINE)
        (bundle,) = self.out.glob("*.meshgate")
        return bundle

    @property
    def archive(self) -> Path:
        """Where the base system of this month and these recipes is kept."""
        recipe = hashlib.sha256(self._month.encode())
        for path in sorted((HERE / "packages.txt", HERE / "base", *(HERE / "hooks").iterdir())):
            recipe.update(path.read_bytes())
        return self.cache / f"base-{recipe.hexdigest()[:16]}.tar"

    def base(self) -> tuple[Path, Packages]:
        """Make the base system, unless it is kept; returns its archive and what is installed in it."""
        archive = self.archive
        about = archive.with_suffix(".json")
        with self.progress.step("base system", cached=about.exists()):
            if not about.exists():
                lists = archive.with_suffix(".lists")
                shutil.rmtree(lists, ignore_errors=True)
                log = archive.with_suffix(".log")
                with log.open("w") as file:
                    run(HERE / "base", archive, lists, SUITE, epoch=self.epoch, log=file)
                self.note(archive, lists)
        return archive, read_lock(about)

    def note(self, archive: Path, lists: Path) -> None:
        """Write what is installed in a base system beside its archive, which says that it is whole."""
        self._unpack(archive)
        write_lock(archive.with_suffix(".json"), SUITE, installed(self.root, lists))

    def unpack(self, archive: Path) -> None:
        """Lay out the base system in the root directory."""
        with self.progress.step("root directory"):
            self._unpack(archive)
            self.compile()

    def compile(self) -> None:
        """Compile Debian's Python modules, which is not done under emulation; without a Python of that version they stay as they are."""
        if compiler := python_of(PYTHON):
            where = self.root / "usr" / "lib" / "python3" / "dist-packages"
            # A file that is no Python of today, as some tests have, is left and makes compileall fail.
            run("sh", "-c", '"$@" || true', "sh", compiler, "-I", "-m", "compileall", "-qq", "-s", self.root, "-p", "/", where)

    def _unpack(self, archive: Path) -> None:
        if self.root.exists():
            shutil.rmtree(self.root)
        self.root.mkdir(parents=True)
        run(
            "tar",
            "--extract",
            "--numeric-owner",
            "--xattrs",
            "--xattrs-include=*",
            "--preserve-permissions",
            "-f",
            archive,
            "-C",
            self.root,
        )

    def meshgate(self, bundle: Path, keys: Sequence[Path]) -> str:
        """Put the first version in the root directory; returns which."""
        with self.progress.step("Meshgate"):
            home = self.root / "etc" / "meshgate" / "release-keys"
            home.mkdir(parents=True, exist_ok=True)
            for key in keys:
                shutil.copyfile(key, home / key.name)
            compiler = python_of(PYTHON)
            where = ("--root", self.root, "--machine", MACHINE, "--python", PYTHON, *(("--compiler", compiler) if compiler else ()))
            said = run(sys.executable, "-m", "gateway.update.begin", bundle, *where, epoch=self.epoch)
        return said.strip().splitlines()[-1]

    def roles(self, bundle: Path, keys: Sequence[Path]) -> None:
        """Bring the root directory to what the roles say."""
        with self.progress.step("roles"):
            os.environ["MESHGATE_PYTHON"] = python_of(PYTHON)
            use_ansible(TOP / "build" / "ansible" / "tools")
            named = ",".join(f'"{key}"' for key in keys)
            told = f'{{"meshgate_app_bundle": "{bundle}", "meshgate_app_release_keys": [{named}]}}'
            variables = ("--extra-vars", f"@{HERE / 'variables.yml'}", "--extra-vars", told)
            with (self.out / "roles.log").open("w") as log:
                run(HERE / "provision", self.root, TOP / "ansible" / "site.yml", *variables, log=log)

    def clean(self) -> None:
        """Clean the root directory, and refuse to go on with a secret in it."""
        with self.progress.step("cleaning and scan"):
            clean(self.root, self.epoch)
            found = scan(self.root)
        if found:
            raise SystemExit("There are secrets in the image:\n" + "\n".join(f"  {one}" for one in found))

    def card(self, seed: bytes, version: str) -> Release:
        """Lay out the image of a version of Meshgate."""
        with self.progress.step("card"):
            hook = self.root / "boot" / "firmware" / "cmdline.txt"
            words = [word for word in hook.read_text().split() if not word.startswith("root=")]
            words.append(OFF.ljust(len(ON)))  # so that read-only is switched on by bytes of one sector
            boot = {path.name: path.read_bytes() for path in (HERE / "boot").iterdir()}
            card = Card(self.root, self.epoch, seed, " ".join(words), boot=boot)
            told = f'# What the hook of kernel updates writes to cmdline.txt.\nROOTPART="PARTUUID={card.partition(2)}"\n'
            (self.root / "etc" / "default" / "raspi-firmware").write_text(told)
            image = self.out / "meshgate.img"
            used = write_card(card, image, self.tools)
            for_emulators(self.root, self.out)
        return Release(image, card, version, SUITE, used)


def wheels_of(bundle: Path, keys: Path) -> dict[str, str]:
    """Return the SHA-256 of each wheel that the image's Python takes of a bundle, by name. Raises `UpdateError`."""
    with bundle.open("rb") as file:
        members = open_bundle(file, trusted_keys(keys)).manifest.members
    others = ("-none-", "-abi3-", f"-cp{PYTHON.replace('.', '')}-")
    found = {member.name.removeprefix(WHEELS): member.sha256 for member in members if member.name.startswith(WHEELS)}
    return {name: digest for name, digest in found.items() if any(word in name for word in others)}
