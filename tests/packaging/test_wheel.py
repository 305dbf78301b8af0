"""What the wheel installs: three import packages and one command, nothing else."""

import importlib.metadata
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
OURS = {"gateway", "transports", "hw"}
pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)], cwd=ROOT, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return zipfile.Path(built)


def test_the_wheel_installs_exactly_the_three_packages(wheel: zipfile.Path) -> None:
    top = {entry.name for entry in wheel.iterdir()}
    assert {name for name in top if not name.endswith(".dist-info")} == OURS


def test_the_wheel_holds_what_the_checkout_holds(wheel: zipfile.Path) -> None:
    packed = {name for name in wheel.root.namelist() if name.split("/")[0] in OURS and not name.endswith("/")}
    here = {
        path.relative_to(ROOT).as_posix()
        for package in OURS
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert packed == here | {"gateway/CHANGELOG.md"}  # which the page Update shows


def test_no_other_distribution_owns_our_import_names() -> None:
    owners = importlib.metadata.packages_distributions()
    for name in OURS:
        assert set(owners.get(name, ["meshgate"])) == {"meshgate"}


def test_the_command_is_meshgate() -> None:
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="meshgate")
    assert entry.value == "gateway.cli.main:main"


def test_every_locked_dependency_has_a_hash_and_no_lock_names_a_host() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        lines = (ROOT / name).read_text().splitlines()
        pinned = [index for index, line in enumerate(lines) if "==" in line and not line.startswith(" ")]
        assert pinned
        for index in pinned:
            assert lines[index].endswith("\\")
            assert lines[index + 1].strip().startswith("--hash=sha256:")
        assert not [line for line in lines if "://" in line]


def test_everything_declared_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    names = {line.split(">")[0].split("=")[0].split("[")[0] for line in declared} - {"meshgate"}
    locked = {line.split("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line}
    assert names <= locked
