"""Another version put in place on the booted image from a stick, one that is no good, and one somebody has changed."""

from collections.abc import Callable, Iterator
from random import Random

import pytest

from tests.image.boot.appliance import Appliance
from tests.image.boot.disk import Disk
from tests.image.boot.machine import say
from tests.image.boot.releases import APPLY_S, Stick, make_stick, plug_in, versions

pytestmark = [pytest.mark.image, pytest.mark.timeout(5400)]
COMMAND = "/opt/meshgate/current/bin/meshgate"


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stick]:
    made = make_stick(tmp_path_factory.mktemp("stick"), "0.1.0", Random(1))
    yield made
    made.path.unlink()


@pytest.fixture(scope="module")
def box(cards: Callable[..., Disk], stick: Stick) -> Iterator[Appliance]:
    with Appliance.powered("update", cards("update"), radio=False, stick=stick.path) as box:
        box.come_in()
        plug_in(box, stick)
        yield box
        box.machine.power_off()


def apply(box: Appliance, path: str) -> tuple[int, str]:
    began = box.machine.seconds
    done = box.machine.shell.try_(COMMAND, "update", "apply", path, seconds=APPLY_S)
    say(f"apply {path}: {done[0]} after {box.machine.seconds - began:.0f} s: {done[1].strip().splitlines()[-1:]}")
    return done


def runs(box: Appliance, version: str) -> bool:
    asked = box.machine.shell.try_(COMMAND, "status", "--json")
    return asked[0] == 0 and versions(box) == (version, version) and box.visitor.api("GET", "updates")["version"] == version


def test_from_one_version_to_the_next_to_one_that_is_no_good_and_back(box: Appliance, stick: Stick) -> None:
    old, good = versions(box)
    assert old == good
    status, said = apply(box, stick.tampered)
    assert status != 0, said
    assert versions(box) == (old, old)

    status, said = apply(box, stick.named(stick.newer))
    assert status == 0, said
    box.await_page()
    assert runs(box, stick.newer)

    status, said = apply(box, stick.named(stick.spoilt))
    assert status == 1, said
    box.await_page()
    assert runs(box, stick.newer)
    assert f"Version {stick.spoilt} was no good" in str(box.visitor.api("GET", "status"))

    status, said = box.machine.shell.try_(COMMAND, "update", "rollback", seconds=APPLY_S)
    assert status == 0, said
    box.await_page()
    assert runs(box, old)
