"""Every target in the fuzz folder, from its saved corpus, with mutations drawn from a printed seed.

A target is `fuzz/<codec>.py` with `fuzz_one(data)`; its seeds are the files in `fuzz/corpus/<codec>/`.
By hand, for longer: MESHGATE_FUZZ_ROUNDS=10000000 MESHGATE_FUZZ_SEED=1 pytest --timeout=0 -k fuzz
"""

import importlib
import os
from pathlib import Path
from random import Random

import pytest

FOLDER = Path(__file__).parent / "fuzz"
TARGETS = sorted(path.stem for path in FOLDER.glob("*.py"))
ROUNDS = int(os.environ.get("MESHGATE_FUZZ_ROUNDS", "6000"))
SEED = int(os.environ.get("MESHGATE_FUZZ_SEED", "20260810"))
EXTREMES = [b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0", b"\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\0\0\0\0"]


def corpus(target: str) -> list[bytes]:
    """The saved inputs of a target, in the order of their names."""
    return [path.read_bytes() for path in sorted((FOLDER / "corpus" / target).iterdir())]


def mutated(data: bytes, others: list[bytes], rng: Random) -> bytes:
    """`data` with one to four things done to it."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(7):
            case 0 if out:
                out[at % len(out)] ^= 1 << rng.randrange(8)
            case 1 if out:
                out[at % len(out)] = rng.randrange(256)
            case 2:
                del out[at : at + rng.randint(1, 8)]
            case 3:
                out[at:at] = rng.randbytes(rng.randint(1, 8))
            case 4:
                extreme = rng.choice(EXTREMES)
                out[at : at + len(extreme)] = extreme
            case 5:
                del out[at:]
            case _:
                other = rng.choice(others)
                out[at:] = other[rng.randrange(len(other) + 1) :]
    return bytes(out)


def run(target: str, data: bytes, name: str) -> None:
    """One call of the target; says how to repeat it when it fails."""
    try:
        importlib.import_module(f"tests.wire.fuzz.{target}").fuzz_one(data)
    except Exception as error:
        error.add_note(f"{target}, {name}: bytes.fromhex('{data.hex()}')")
        raise


@pytest.mark.parametrize("target", TARGETS)
def test_the_saved_corpus_passes(target: str) -> None:
    seeds = corpus(target)
    assert seeds
    for number, data in enumerate(seeds):
        run(target, data, f"corpus file {number}")


@pytest.mark.parametrize("target", TARGETS)
def test_mutations_pass(target: str) -> None:
    print(f"seed {SEED}, {ROUNDS} rounds")
    rng = Random(f"{SEED} {target}")
    seeds = corpus(target)
    for number in range(ROUNDS):
        run(target, mutated(rng.choice(seeds), seeds, rng), f"seed {SEED}, round {number}")


def test_a_fault_in_a_codec_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutator reaches what it should: a decoder without the check of a length is caught."""
    module = importlib.import_module("tests.wire.fuzz.fragment")
    monkeypatch.setattr(module, "decode_fragment", lambda payload: payload[12])
    with pytest.raises((IndexError, AttributeError)) as caught:
        test_mutations_pass("fragment")
    assert "bytes.fromhex" in caught.value.__notes__[0]
