"""A box whose systemd is a stand-in: it runs what `current` names, in virtual time, and is as well as a test says."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway.update.bundle import Bundle
from gateway.update.installation import Clock, Installation
from gateway.update.journal import Report
from gateway.update.tree import Tree
from gateway.update.trial import Look
from tests.update.bundles import TRUSTED, bundle_at

OLD, NEW = "0.1.0", "0.2.0"
UNIT = "etc/systemd/system/meshgate.service"


@dataclass
class Standin:
    """Runs the version that is current when it is started; `behaviour` says how that one does after so many seconds."""

    tree: Tree
    now: Callable[[], float]
    behaviour: dict[str, Callable[[float], Look | None]] = field(default_factory=dict)
    running: str = OLD
    since: float = 0.0
    reloads: int = 0

    def stop(self) -> None:
        self.running = ""

    def start(self) -> None:
        if self.running != self.tree.current:
            self.running, self.since = self.tree.current, self.now()

    def reload(self) -> None:
        self.reloads += 1

    def look(self) -> Look:
        if not self.running:
            return Look(failed=False, restarts=0)
        found = self.behaviour.get(self.running, lambda _age: None)(self.now() - self.since)
        return found or Look(failed=False, restarts=0, version=self.running, troubles=frozenset())


class Box:
    """One box with version 0.1.0 on it."""

    def __init__(self, root: Path) -> None:
        self.tree = Tree(root / "opt")
        self.system = root / "system"
        self.root = root
        self.time = 1000.0
        self.steps: list[str] = []
        self.pace = 0.0  # seconds that pass at least between two looks
        (self.tree.of(OLD)).mkdir(parents=True)
        (self.tree.of(OLD) / "complete").touch()
        (self.system / UNIT).parent.mkdir(parents=True)
        (self.system / UNIT).write_text("old")
        self.tree.run(OLD)
        self.tree.trust(OLD)
        self.service = Standin(self.tree, lambda: self.time)

    def installation(self) -> Installation:
        """What a newly started program has."""
        return Installation(self.tree, self.service, self.system, Clock(lambda: self.time, self.sleep, lambda: self.time), make=make)

    def sleep(self, seconds: float) -> None:
        self.time += max(seconds, self.pace)

    def told(self, step: str, done: float, sentence: str) -> None:
        assert 0.0 <= done <= 1.0
        assert sentence.endswith(".")
        if self.steps[-1:] != [step]:
            self.steps.append(step)

    def bundle(self, version: str = NEW, **about) -> Path:
        path = self.root / f"{version}.meshgate"
        return path if path.exists() else bundle_at(path, version=version, **about)

    def apply(self, version: str = NEW, *, downgrade: bool = False, **about) -> Report:
        with self.bundle(version, **about).open("rb") as file:
            return self.installation().apply(file, TRUSTED, self.told, allow_downgrade=downgrade)

    def restart(self) -> None:
        """Start again after the power was cut: whoever updates first, then the gateway."""
        self.service.running = ""
        again = self.installation()
        is_left = again.recover()
        self.service.start()
        if is_left:
            again.resume(self.told)

    def is_of_one_piece(self) -> bool:
        """Whether what runs, what is current, what is trusted and the units belong together, and nothing is half there."""
        current = self.tree.current
        unit = (self.system / UNIT).read_text()
        kept = {path.name for path in self.tree.versions.iterdir()}
        return (
            self.service.running == current == self.tree.good
            and self.tree.is_complete(current)
            and all(self.tree.is_complete(version) for version in kept)
            and unit == ("old" if current == OLD else "[Service]\nExecStart=/bin/true 2\n")
            and self.installation().journal.phase == "idle"
        )


def make(tree: Tree, bundle: Bundle, told: Callable[[str, float, str], None]) -> None:
    """Make a version without Python in it."""
    home = tree.of(bundle.manifest.version)
    (home / "bundle").mkdir(parents=True)
    bundle.copy(home / "bundle")
    told("install", 0.5, "It installs.")
    (home / "bundle" / "units").rename(home / "units")
    (home / "complete").touch()


def full(_tree: Tree, _bundle: Bundle, _told: Callable[[str, float, str], None]) -> None:
    raise OSError(28, "No space left on device")
