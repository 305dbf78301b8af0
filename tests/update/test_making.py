"""How a bundle is made: the same again from the same things, with the units of an appliance, and nothing that no box would take."""

from pathlib import Path

import pytest

from gateway.update import local
from gateway.update.bundle import open_bundle
from gateway.update.errors import UpdateError
from gateway.update.keys import trusted_keys
from gateway.update.limits import MAX_NAME
from gateway.update.making import make_bundle
from tests.update.bundles import SEED, TRUSTED

LONG = "charset_normalizer-3.5.2-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    found = tmp_path / "wheelhouse"
    found.mkdir()
    (found / "cp311.txt").write_text("meshgate==0.2.0 --hash=sha256:00\n")
    (found / "meshgate-0.2.0-py3-none-any.whl").write_bytes(b"PK")
    (found / LONG).write_bytes(b"PK")
    return found


def made(wheelhouse: Path, out: Path, **about) -> Path:
    out.mkdir()
    return make_bundle(wheelhouse, out, **{"version": "0.2.0", "oldest": "0.1.0", "machine": "x86_64", "seed": SEED, **about})


def test_the_same_things_give_the_same_bytes(wheelhouse: Path, tmp_path: Path) -> None:
    first, second = made(wheelhouse, tmp_path / "a"), made(wheelhouse, tmp_path / "b")
    assert first.name == "meshgate-0.2.0-x86_64.meshgate"
    assert first.read_bytes() == second.read_bytes()


def test_the_units_are_those_of_a_box_that_is_kept_in_versions(wheelhouse: Path, tmp_path: Path) -> None:
    out = tmp_path / "copied"
    out.mkdir()
    with made(wheelhouse, tmp_path / "a").open("rb") as file:
        bundle = open_bundle(file, TRUSTED)
        bundle.copy(out)
    units = {path.name: path.read_text() for path in (out / "units").rglob("*") if path.is_file()}
    assert "/opt/meshgate/current/bin/python -I -m gateway run" in units["meshgate.service"]
    assert "/opt/meshgate/good/bin/python -I -m gateway.update" in units["meshgate-update.service"]
    assert bundle.manifest.pythons == ("cp311",)


def test_a_wheel_whose_name_is_too_long_is_called_by_one_of_its_platforms(wheelhouse: Path, tmp_path: Path) -> None:
    with made(wheelhouse, tmp_path / "a").open("rb") as file:
        names = [member.name for member in open_bundle(file, TRUSTED).manifest.members]
    assert len(LONG) > MAX_NAME
    assert "wheels/charset_normalizer-3.5.2-cp311-cp311-manylinux2014_x86_64.whl" in names


@pytest.mark.parametrize("about", [{"version": "2"}, {"oldest": ""}, {"machine": "a b"}])
def test_what_no_box_would_take_is_not_made(wheelhouse: Path, tmp_path: Path, about) -> None:
    with pytest.raises(UpdateError):
        made(wheelhouse, tmp_path / "a", **about)
    assert not list((tmp_path / "a").iterdir())


def test_a_bundle_of_wheels_made_here_is_believed_by_whoever_trusts_its_one_key(wheelhouse: Path, tmp_path: Path, capsys) -> None:
    path = tmp_path / "made.meshgate"
    words = [str(wheelhouse), str(path), f"--trust={tmp_path / 'keys/here.pub'}"]
    (tmp_path / "keys").mkdir()
    assert local.main(words) == 0
    assert capsys.readouterr().out == "0.2.0\n"
    with path.open("rb") as file:
        manifest = open_bundle(file, trusted_keys(tmp_path / "keys")).manifest
        assert (manifest.version, manifest.machine, manifest.oldest) == ("0.2.0", local.MACHINE, "0.0.0")
        assert local.PYTHON in manifest.pythons
    with path.open("rb") as file, pytest.raises(UpdateError):
        open_bundle(file, TRUSTED)
    assert "charset_normalizer==3.5.2 --hash=sha256:" in (wheelhouse / f"{local.PYTHON}.txt").read_text()
    assert local.main(words) == 0
    with path.open("rb") as file:
        assert open_bundle(file, trusted_keys(tmp_path / "keys"))
    (wheelhouse / "meshgate-0.2.0-py3-none-any.whl").unlink()
    assert local.main(words) == 1
