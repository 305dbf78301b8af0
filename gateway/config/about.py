"""What is said about a key of the configuration, beside its type and default."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.config.paths import Places


@dataclass(frozen=True, slots=True)
class About:
    """What a person and the checks need to know of a key, beside its type and default."""

    sentence: str
    allowed: str = ""  # what may stand there; empty where the type says it all
    check: Callable[[str], object] | None = None  # of each text; raises ValueError with a sentence
    most: int | None = None  # elements in a list
    unit: str = ""
    range: tuple[int, int] | None = None  # of a number, both included
    restart: bool = True  # a change takes effect only after a restart
    default: Callable[[Places, Path], Path] | None = None  # from the run's directories and the state directory in force
    default_words: str = ""  # the same for people
