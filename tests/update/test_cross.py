"""A first version that is made in the root directory of another machine: what that machine would have made, and the same again."""

import base64
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gateway.update.begin import begin, main
from gateway.update.cross import Target
from gateway.update.errors import Refusal, UpdateError
from gateway.update.keys import write_signing_key
from gateway.update.making import make_bundle
from gateway.update.staging import MACHINE
from gateway.update.tree import Tree
from tests.update.bundles import SEED, TRUSTED
from tests.update.wheels import OLD

FILES = {
    "gateway/__init__.py": "",
    "gateway/__main__.py": "print('it runs')\n",
    "gateway/old.py": "print 'no Python of today'\n",
    "meshgate-0.2.0.data/data/share/meshgate/page.txt": "data\n",
    "meshgate-0.2.0.data/scripts/meshgate-script": "#!python\n",
    "meshgate-0.2.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: meshgate\nVersion: 0.2.0\n",
    "meshgate-0.2.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "meshgate-0.2.0.dist-info/entry_points.txt": "[console_scripts]\nmeshgate = gateway:main\n",
}
MINE = f"{sys.version_info.major}.{sys.version_info.minor}"
THERE = "opt/meshgate/versions"


def wheel(out: Path, name: str = "meshgate-0.2.0-py3-none-any.whl") -> Path:
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    with zipfile.ZipFile(out / name, "w") as file:
        for path, text in FILES.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            file.writestr(entry, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows.append(f"{path},sha256={digest},{len(text)}\n")
        file.writestr("meshgate-0.2.0.dist-info/RECORD", "".join(rows) + "meshgate-0.2.0.dist-info/RECORD,,\n")
    return out / name


def bundle(place: Path, machine: str = "aarch64", tag: str = "cp313") -> Path:
    made = wheel(place / "wheels")
    (made.parent / f"{tag}.txt").write_text(f"meshgate==0.2.0 --hash=sha256:{hashlib.sha256(made.read_bytes()).hexdigest()}\n")
    return make_bundle(made.parent, place, "0.2.0", "0.1.0", machine, SEED)


def make(root: Path, file: Path, target: Target) -> Path:
    begin(Tree(root / "opt/meshgate"), file, TRUSTED, root, target)
    return root / THERE


def contents(root: Path) -> dict[str, tuple[int, str | bytes]]:
    """Everything below a directory: its rights, and its bytes or where it leads."""
    return {
        str(path.relative_to(root)): (
            path.lstat().st_mode,
            str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b"",
        )
        for path in root.rglob("*")
    }


def test_it_is_laid_out_like_every_version_and_nothing_of_it_names_this_machine(tmp_path: Path) -> None:
    root = tmp_path / "root"
    version = make(root, bundle(tmp_path), Target(root, "aarch64", "3.13")) / "0.2.0"
    assert {str((root / "opt/meshgate" / link).readlink()) for link in ("current", "good")} == {"versions/0.2.0"}
    assert (version / "complete").is_file()
    assert (version / "bin/python").resolve(strict=False).name == "python3.13"
    assert str((version / "bin/python3.13").readlink()) == "/usr/bin/python3.13"
    assert (version / "share/meshgate/page.txt").read_text() == "data\n"
    assert "current/bin/python -I -m gateway run" in (root / "etc/systemd/system/meshgate.service").read_text()
    for script in ("meshgate", "meshgate-script"):
        assert (version / "bin" / script).read_text().startswith(f"#!/{THERE}/0.2.0/bin/python\n")
        assert os.access(version / "bin" / script, os.X_OK)
    named = str(tmp_path).encode(), sys.prefix.encode()
    assert not [path for path, (_, text) in contents(version).items() if isinstance(text, bytes) and any(one in text for one in named)]
    assert not list(version.rglob("*.pyc"))


def test_what_is_recorded_of_it_is_what_is_there(tmp_path: Path) -> None:
    root = tmp_path / "root"
    site = make(root, bundle(tmp_path), Target(root, "aarch64", "3.13")) / "0.2.0/lib/python3.13/site-packages"
    assert sorted(path.name for path in site.iterdir()) == ["gateway", "meshgate-0.2.0.dist-info"]
    rows = [line.split(",") for line in (site / "meshgate-0.2.0.dist-info/RECORD").read_text().splitlines()]
    assert {"../../../bin/meshgate", "../../../bin/meshgate-script", "../../../share/meshgate/page.txt"} < {row[0] for row in rows}
    for name, digest, _ in rows:
        data = (site / name).read_bytes()
        if digest:
            assert base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode() == digest.removeprefix("sha256=")


def test_the_same_bundle_gives_the_same_bytes_bytecode_included(tmp_path: Path) -> None:
    file = bundle(tmp_path, tag=f"cp{MINE.replace('.', '')}")
    found = []
    for name in ("one", "another"):
        root = tmp_path / name
        make(root, file, Target(root, "aarch64", MINE, sys.executable))
        found.append(contents(root))
    assert found[0] == found[1]
    (compiled,) = [text for path, (_, text) in found[0].items() if "__main__.cpython" in path]
    assert isinstance(compiled, bytes)
    assert compiled[4:8] == b"\x01\0\0\0"  # by a hash that is not looked at (PEP 552)
    assert f"/{THERE}/0.2.0/lib/python{MINE}/site-packages/gateway/__main__.py".encode() in compiled


def test_a_compiler_of_another_python_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with pytest.raises(UpdateError) as raised:
        make(root, bundle(tmp_path), Target(root, "aarch64", "3.13", "/bin/false"))
    assert raised.value.refusal is Refusal.NOT_MADE
    other = "3.11" if MINE == "3.13" else "3.13"
    with pytest.raises(UpdateError) as raised:
        make(root, bundle(tmp_path, tag=f"cp{other.replace('.', '')}"), Target(root, "aarch64", other, sys.executable))
    assert raised.value.refusal is Refusal.PYTHON
    assert not Tree(root / "opt/meshgate").current


@pytest.mark.parametrize(("machine", "python", "refusal"), [("x86_64", "3.13", Refusal.MACHINE), ("aarch64", "3.12", Refusal.PYTHON)])
def test_a_bundle_for_another_machine_is_refused(tmp_path: Path, machine: str, python: str, refusal: Refusal) -> None:
    root = tmp_path / "root"
    with pytest.raises(UpdateError) as raised:
        make(root, bundle(tmp_path), Target(root, machine, python))
    assert raised.value.refusal is refusal
    assert not Tree(root / "opt/meshgate").current


def test_the_command_believes_the_keys_of_the_machine_it_is_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(bundle(tmp_path)), f"--root={tmp_path / 'root'}", "--machine=aarch64", "--python=3.13"]
    keys = tmp_path / "root/etc/meshgate/release-keys"
    keys.mkdir(parents=True)
    assert main(words) == 1
    assert "There is no release key" in capsys.readouterr().err
    write_signing_key(keys / "release.key", SEED)
    assert main(words) == 0
    assert capsys.readouterr().out == "0.2.0\n"
    assert main(words) == 1
    assert "0.2.0 is there already" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*words[:2], "--machine=aarch64"])


OF_A_VENV = re.compile(
    r"bin/(pip|[aA]ctivate|python)|pyvenv\.cfg|lib/python3\.\d+/site-packages/(pip|setuptools|pkg_resources|_distutils_hack|distutils-)"
)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path(f"/usr/bin/python{MINE}").exists(), reason="the Python of this environment is not that of this machine")
def test_this_project_is_made_as_the_machine_itself_would_and_runs(bundles, tmp_path: Path) -> None:
    here, root = tmp_path / "here", tmp_path / "root"
    begin(Tree(here / "opt/meshgate"), bundles[OLD], TRUSTED, here)
    compiler = sys.executable
    make(root, bundles[OLD], Target(root, MACHINE, MINE, compiler))
    mine, other = (
        {path: (mode, text) for path, (mode, text) in contents(place / THERE / OLD).items() if not OF_A_VENV.match(path)}
        for place in (here, root)
    )
    assert mine.keys() == other.keys()
    different = {path for path, about in mine.items() if about != other[path]}
    # The paths of scripts and of bytecode are those of the place each was made in.
    assert {path for path in different if not path.startswith("bin/") and not path.endswith((".pyc", "RECORD"))} == set()
    for path in sorted(path for path in different if path.startswith("bin/")):
        first, second = (text.splitlines() for _, text in (mine[path], other[path]) if isinstance(text, bytes))
        assert first[1:] == second[1:]
    said = subprocess.run(
        [root / THERE / OLD / "bin/python", "-I", "-m", "gateway", "--version"], check=True, capture_output=True, text=True
    ).stdout
    assert said.split()[:2] == ["meshgate", OLD]
