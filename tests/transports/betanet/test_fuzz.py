"""Every target in the fuzz folder, from its saved corpus, with mutations drawn from a printed seed.

A target is `fuzz/<codec>.py` with `fuzz_one(data)`; its seeds are the files in `fuzz/corpus/<codec>/`.
By hand, for longer: MESHGATE_FUZZ_ROUNDS=10000000 MESHGATE_FUZZ_SEED=1 pytest --timeout=0 -k fuzz
"""

import importlib
import os
from pathlib import Path
from random import Random

import pytest

from tests.wire.test_fuzz import mutated
from transports.betanet.errors import BetanetError

FOLDER = Path(__file__).parent / "fuzz"
TARGETS = sorted(path.stem for path in FOLDER.glob("*.py"))
ROUNDS = int(os.environ.get("MESHGATE_FUZZ_ROUNDS", "500"))
SEED = int(os.environ.get("MESHGATE_FUZZ_SEED", "20261123"))


def corpus(target: str) -> list[bytes]:
    """The saved inputs of a target, in the order of their names."""
    return [path.read_bytes() for path in sorted((FOLDER / "corpus" / target).iterdir())]


def run(target: str, data: bytes, name: str) -> None:
    """One call of the target; says how to repeat it when it fails."""
    try:
        importlib.import_module(f"tests.transports.betanet.fuzz.{target}").fuzz_one(data)
    except Exception as error:
        error.add_note(f"{target}, {name}: bytes.fromhex('{data.hex()}')")
        raise


@pytest.mark.parametrize("target", TARGETS)
def test_8_11_the_saved_corpus_and_each_of_its_beginnings_pass(target: str) -> None:
    seeds = corpus(target)
    assert seeds
    for number, data in enumerate(seeds):
        run(target, data, f"corpus file {number}")
        for size in range(0, len(data), max(1, len(data) // 60)):
            run(target, data[:size], f"corpus file {number}, {size} bytes")


@pytest.mark.parametrize("target", TARGETS)
def test_8_11_mutations_pass(target: str) -> None:
    print(f"seed {SEED}, {ROUNDS} rounds")
    rng = Random(f"{SEED} {target}")
    seeds = corpus(target)
    for number in range(ROUNDS):
        run(target, mutated(rng.choice(seeds), seeds, rng), f"seed {SEED}, round {number}")


def test_a_fault_in_a_codec_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutator reaches what it should: a decoder without the check of a length is caught."""
    module = importlib.import_module("tests.transports.betanet.fuzz.reply_block")
    monkeypatch.setattr(module, "BetanetError", KeyError)
    with pytest.raises(BetanetError):
        test_8_11_mutations_pass("reply_block")
