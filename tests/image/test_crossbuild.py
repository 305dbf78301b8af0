"""The wheel that has to be compiled, packed without its compiler."""

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from image import crossbuild


def made(tmp_path: Path, name: str) -> Path:
    tree, out = tmp_path / name, tmp_path / f"{name}-out"
    (tree / "fastecdsa" / "encoding").mkdir(parents=True)
    out.mkdir()
    for path in ("fastecdsa/__init__.py", "fastecdsa/encoding/der.py", "LICENSE"):
        (tree / path).write_text(f"# {path}\n")
    (tree / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: fastecdsa\nVersion: 2.3.2\n")
    modules = [tree / "fastecdsa" / f"{module}.cpython-313-aarch64-linux-gnu.so" for module in crossbuild.SOURCES]
    for module in modules:
        module.write_bytes(b"\x7fELF" + module.name.encode())
    return crossbuild._wheel(tree, modules, out, "aarch64", "3.13")


def test_the_wheel_is_for_one_python_and_machine_and_names_each_file_with_its_hash(tmp_path: Path) -> None:
    wheel = made(tmp_path, "one")
    assert wheel.name == "fastecdsa-2.3.2-cp313-cp313-linux_aarch64.whl"
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        assert "Tag: cp313-cp313-linux_aarch64\n" in packed.read("fastecdsa-2.3.2.dist-info/WHEEL").decode()
        rows = [line.split(",") for line in packed.read("fastecdsa-2.3.2.dist-info/RECORD").decode().splitlines()]
        assert {row[0] for row in rows} == names
        for name, digest, size in rows:
            data = packed.read(name)
            own = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert name.endswith("RECORD") or (digest, size) == (f"sha256={own}", str(len(data)))
    assert {"fastecdsa/_ecdsa.cpython-313-aarch64-linux-gnu.so", "fastecdsa/encoding/der.py"} <= names


def test_the_wheel_is_the_same_to_the_byte_each_time(tmp_path: Path) -> None:
    assert made(tmp_path, "one").read_bytes() == made(tmp_path, "other").read_bytes()


def test_what_is_missing_for_compiling_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert crossbuild.obstacle("riscv64", "3.13") == "there is no recipe for Python 3.13 on riscv64"
    monkeypatch.setenv("PATH", "")
    assert "aarch64-linux-gnu-gcc and mmdebstrap is not here" in crossbuild.obstacle("aarch64", "3.11")
