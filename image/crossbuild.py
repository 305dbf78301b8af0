"""Builds the one wheel that has to be compiled, fastecdsa, for a board on a machine of another kind.

Wanted on this machine: a cross compiler (gcc-aarch64-linux-gnu) and mmdebstrap, which lays out Debian's headers and libraries for the
board (libgmp-dev, libpython3-dev) in a directory without running any of them, in about 20 s for each Python. The wheel is the same to
the byte each time.
"""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

SUITES = {"3.11": "bookworm", "3.13": "trixie"}
"""The Debian release with that Python: what is compiled against its C library runs on it and on later ones."""
TRIPLETS = {"aarch64": ("arm64", "aarch64-linux-gnu")}
SOURCES = {"curvemath": ("curveMath.c", "curve.c", "point.c"), "_ecdsa": ("_ecdsa.c", "curveMath.c", "curve.c", "point.c")}
"""The extension modules of fastecdsa 2.3, as its setup.py has them; both are linked with GMP."""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive knows
_MIRROR = os.environ.get("MESHGATE_MIRROR", "http://deb.debian.org")


def obstacle(machine: str, python: str) -> str:
    """Say what is missing for compiling, or nothing if all is there."""
    if machine not in TRIPLETS or python not in SUITES:
        return f"there is no recipe for Python {python} on {machine}"
    missing = [name for name in (f"{TRIPLETS[machine][1]}-gcc", "mmdebstrap") if shutil.which(name) is None]
    return f"{' and '.join(missing)} is not here (Debian: gcc-aarch64-linux-gnu, mmdebstrap)" if missing else ""


def cross_build(archive: Path, out: Path, machine: str, python: str) -> Path:
    """Compile fastecdsa and write its wheel.

    Args:
        archive: its source archive, whose hash was looked at.
        out: directory the wheel is written to.
        machine: such as ``aarch64``.
        python: such as ``3.13``.

    Returns:
        The wheel.

    Raises:
        SystemExit: a program failed; what it said is the reason.

    """
    with tempfile.TemporaryDirectory() as scratch:
        root, source = Path(scratch) / "root", Path(scratch) / "source"
        headers(root, machine, python)
        with tarfile.open(archive) as packed:
            packed.extractall(source, filter="data")
        (tree,) = source.iterdir()
        modules = [compiled(tree, root, name, machine, python) for name in SOURCES]
        return _wheel(tree, modules, out, machine, python)


def headers(root: Path, machine: str, python: str) -> None:
    """Lay out what a compiler needs of the Debian release with that Python; no program of it is run."""
    links = 'mkdir -p "$1/usr/lib" && ln -s usr/lib "$1/lib"'
    packages = f"libgmp-dev,libpython{python}-dev"
    options = [f"--architectures={TRIPLETS[machine][0]}", "--variant=extract", "--format=directory", f"--include={packages}", "--quiet"]
    line = f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {_MIRROR}/debian {SUITES[python]} main"
    mode = "root" if os.geteuid() == 0 else "auto"
    _run(
        "mmdebstrap",
        f"--mode={mode}",
        *options,
        '--aptopt=APT::Install-Recommends "false"',
        f"--setup-hook={links}",
        SUITES[python],
        str(root),
        line,
    )


def compiled(tree: Path, root: Path, name: str, machine: str, python: str) -> Path:
    """Compile one extension module; returns it."""
    triplet = TRIPLETS[machine][1]
    out = tree / "fastecdsa" / f"{name}.cpython-{python.replace('.', '')}-{triplet}.so"
    options = ["-shared", "-fPIC", "-O2", "-DNDEBUG", "-s", "-Wl,--build-id=none", f"-ffile-prefix-map={tree}=."]
    sources = [str(tree / "src" / source) for source in SOURCES[name]]
    places = [f"--sysroot={root}", f"-I{tree / 'src'}", f"-I{root}/usr/include/python{python}"]
    _run(f"{triplet}-gcc", *options, *places, *sources, "-lgmp", "-o", str(out))
    return out


def _wheel(tree: Path, modules: list[Path], out: Path, machine: str, python: str) -> Path:
    """Pack a wheel: the package, its modules, and what setuptools would have written about it."""
    about = (tree / "PKG-INFO").read_bytes()
    found = re.search(rb"^Version: (\S+)$", about, re.MULTILINE)
    if found is None:
        sys.exit("The source archive of fastecdsa does not say its version.")
    name, tag = f"fastecdsa-{found[1].decode()}", f"cp{python.replace('.', '')}"
    tag = f"{tag}-{tag}-linux_{machine}"
    files = {path.relative_to(tree).as_posix(): path.read_bytes() for path in (tree / "fastecdsa").rglob("*.py")}
    files |= {path.relative_to(tree).as_posix(): path.read_bytes() for path in modules}
    info = f"{name}.dist-info"
    files[f"{info}/METADATA"] = about
    files[f"{info}/LICENSE"] = (tree / "LICENSE").read_bytes()
    files[f"{info}/top_level.txt"] = b"fastecdsa\n"
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: meshgate\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    record = "".join(f"{path},sha256={_hash(data)},{len(data)}\n" for path, data in sorted(files.items()))
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    wheel = out / f"{name}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, (0o755 if path.endswith(".so") else 0o644) << 16
            packed.writestr(entry, data)
    return wheel


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 -- words of our own, no shell
    if done.returncode:
        sys.exit(f"{words[0]} failed:\n{done.stderr[-2000:]}")
