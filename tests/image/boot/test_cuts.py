"""Power that fails: during the first boot, while somebody changes things, and during an update. The box always comes back.

The card forgets what it was not told to keep (`tests.image.boot.card`), and a write that was under way is torn. What the API has
acknowledged before a cut has to be there after it.
"""

import http.client
import os
import time
from collections.abc import Callable, Iterator
from random import Random
from threading import Event

import pytest

from tests.image.boot.appliance import INFO, SETTINGS, WISHES, Appliance
from tests.image.boot.disk import Disk
from tests.image.boot.machine import say
from tests.image.boot.releases import APPLY_S, Stick, make_stick, mount_stick, plug_in, shorten, versions

pytestmark = [pytest.mark.image, pytest.mark.slow, pytest.mark.timeout(4 * 3600)]
SEED = int(os.environ.get("MESHGATE_SEED") or time.time())
FIRST_BOOT, CHANGES, UPDATE = 8, 8, 5
"""Cuts of each kind; more than twenty together."""
FIRST_WRITES, MORE_WRITES = 900, 250
"""Writes of the machine within which a cut falls: of a first boot, and of one who changes things."""
LONGEST_WAIT_S = 300.0
NAME = "gateway.nickname"
GONE = (OSError, http.client.HTTPException)


@pytest.fixture(autouse=True)
def seed() -> Iterator[int]:
    """Named beside every failure: MESHGATE_SEED plays the same cuts."""
    print(f"seed {SEED}")
    say(f"seed {SEED}")
    return SEED


def arm(box: Appliance, writes: int) -> Event:
    """Have the power go within so many writes from now; what is returned is set then."""
    gone = Event()

    def burnt(cut: object) -> None:
        say(f"{box.machine.plan.name}: power cut {box.machine.seconds:.0f} s after power, {cut}")
        box.machine.process.kill()
        gone.set()

    box.machine.card.cut_within(writes, burnt)
    return gone


def test_a_first_boot_that_is_cut_short_again_and_again_is_finished_in_the_end(cards: Callable[..., Disk]) -> None:
    rng, disk, cuts = Random(f"first boot {SEED}"), cards("cuts-first"), 0
    for attempt in range(FIRST_BOOT):
        wishes = None if attempt else WISHES
        with Appliance.powered(f"cuts-first-{attempt}", disk, radio=False, wishes=wishes, seed=f"{SEED} {attempt}") as box:
            gone = arm(box, rng.randint(1, FIRST_WRITES))
            until = time.monotonic() + LONGEST_WAIT_S
            while not gone.wait(1.0) and time.monotonic() < until and not box.visitor.is_there():
                pass
            if not gone.is_set():
                say(f"{box.machine.plan.name}: {box.machine.cut_power()} once the page was there")
            cuts += 1
    with Appliance.powered("cuts-first-last", disk, radio=False, wishes=None) as box:
        box.come_in()
        assert box.visitor.api("GET", "status")["sentence"]
        assert {SETTINGS, INFO} & set(disk.names()) == {INFO}
        failed = box.machine.shell.run("systemctl", "--failed", "--no-legend", "--plain")
        assert failed.strip() == "", failed
    assert cuts == FIRST_BOOT


def test_what_was_acknowledged_before_a_cut_is_there_after_it(cards: Callable[..., Disk]) -> None:
    rng, disk = Random(f"changes {SEED}"), cards("cuts-changes")
    with Appliance.powered("cuts-changes-0", disk, radio=False, seed=f"{SEED} 0") as box:
        box.come_in()
        token, peer, fingerprint = box.visitor.token, box.visitor.api("GET", "federation")["peer_id"], box.visitor.fingerprint
        names = rename_until_cut(box, rng)
    for attempt in range(1, CHANGES + 1):
        with Appliance.powered(f"cuts-changes-{attempt}", disk, radio=False, wishes=None, seed=f"{SEED} {attempt}") as box:
            box.await_page()
            box.visitor.token = token
            assert box.visitor.api("GET", "federation")["peer_id"] == peer
            assert box.visitor.fingerprint == fingerprint
            assert name_of(box) in names
            if attempt < CHANGES:
                names = rename_until_cut(box, rng)


def rename(box: Appliance, name: str) -> None:
    """Give the gateway another name, as the page Settings does."""
    tag = box.visitor.api("GET", "config")["tag"]
    box.visitor.api("PATCH", "config", {"changes": {NAME: name}}, {"If-Match": tag})


def name_of(box: Appliance) -> str:
    """Its name, as it is written in its settings."""
    (found,) = [one["value"] for one in box.visitor.api("GET", "config")["settings"] if one["key"] == NAME]
    return str(found)


def rename_until_cut(box: Appliance, rng: Random) -> set[str]:
    """Give it names until the power goes; it is called by one of these then: the last that was acknowledged, and one that was not."""
    gone, names = arm(box, rng.randint(1, MORE_WRITES)), [name_of(box)]
    while not gone.is_set():
        names.append(f"Box {rng.randbytes(4).hex()}")
        try:
            rename(box, names[-1])
        except GONE:
            assert gone.wait(30.0), "the box stopped answering by itself"
            say(f"{box.machine.plan.name}: {len(names) - 2} changes were acknowledged")
            return {*names[-2:]}
    return {names[-1]}


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stick]:
    made = make_stick(tmp_path_factory.mktemp("stick"), "0.1.0", Random(1))
    yield made
    made.path.unlink()


def test_an_update_that_is_cut_short_leaves_one_version_or_the_other(cards: Callable[..., Disk], stick: Stick) -> None:
    rng, disk = Random(f"update {SEED}"), cards("cuts-update")
    with Appliance.powered("cuts-update-0", disk, radio=False, stick=stick.path) as box:
        box.come_in()
        plug_in(box, stick)
        before, _ = versions(box)
        said = box.machine.shell.try_("/opt/meshgate/current/bin/meshgate", "update", "check", stick.named(stick.newer))
        assert said[0] == 0, said
        box.machine.power_off()
    whole = 0.0
    for attempt in range(1, UPDATE + 1):
        with Appliance.powered(f"cuts-update-{attempt}", disk, radio=False, wishes=None, stick=stick.path, seed=f"{SEED} {attempt}") as box:
            box.await_page()
            settled(box, {before, stick.newer})
            mount_stick(box)
            shorten(box)
            wanted = stick.newer if versions(box)[0] == before else None
            verb = f"apply {stick.named(wanted)}" if wanted else "rollback"
            box.machine.shell.run(
                "systemd-run", "--unit=image-test-update", "sh", "-c", f"/opt/meshgate/current/bin/meshgate update {verb}"
            )
            began, wait = time.monotonic(), rng.uniform(5.0, whole or LONGEST_WAIT_S)
            while time.monotonic() - began < wait and box.show("ActiveState", "image-test-update.service") == "active":
                Event().wait(1.0)
            if time.monotonic() - began < wait:
                whole = time.monotonic() - began
            journal = box.machine.shell.try_("cat", "/opt/meshgate/journal.json")[1]
            say(f"{box.machine.plan.name}: {verb}: {box.machine.cut_power()} after {time.monotonic() - began:.0f} s, {journal[:200]}")
    with Appliance.powered("cuts-update-last", disk, radio=False, wishes=None) as box:
        box.await_page()
        settled(box, {before, stick.newer})


def settled(box: Appliance, known: set[str]) -> None:
    """Wait until a version runs for good; it has to be one of these."""

    def is_settled() -> bool:
        current, good = versions(box)
        return current == good and current in known and '"idle"' in box.machine.shell.try_("cat", "/opt/meshgate/journal.json")[1]

    box.machine.until(is_settled, "one version runs for good", APPLY_S)
    box.await_page()
