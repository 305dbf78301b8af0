"""Rules of style that no linter knows."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted(path for package in ("gateway", "transports", "hw") for path in (ROOT / package).rglob("*.py"))
SAY_NOTHING = re.compile(r"(Manager|Helper|Handler|Utils?|Common|Enhanced|Unified|Advanced|Core|Base)(?=[A-Z_]|$)")
SLEEP = re.compile(r"\btime\.sleep\(|\b(asyncio|trio)\.sleep\((?!0\))")
REAL_TIME = {
    "network/test_embedding.py": "kills real processes",
    "ansible/boxes.py": "polls a real machine",
    "app/processes.py": "polls real processes",
    "boot/machine.py": "polls a real machine",
    "browser/sites.py": "polls real gateways",
    "image/boot/elsewhere.py": "polls real gateways",
    "image/boot/machine.py": "polls a real machine",
    "image/boot/radio.py": "polls a real process",
    "update/process.py": "is a real process",
    "update/test_whole.py": "polls real processes",
    "transports/libp2p_rigs.py": "polls real processes",
    "transports/stranger.py": "is a real process",
}
NOT_FOR_LONG = ("perf", "rig", "rig_phones", "style")  # a benchmark keeps a pace; the guest and its phones live in virtual time
VIRTUAL_TIME = "virtual_loop"  # whoever imports it sleeps in no time at all
LONGEST = 400  # lines


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_says_what_it_is_and_names_things(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= LONGEST
    tree = ast.parse(text)
    assert ast.get_docstring(tree) is not None
    names = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert not [name for name in names if SAY_NOTHING.search(name)]
    if path.name == "__init__.py":
        logic = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.Expr)]
        assert not logic


def is_allowed_to_sleep(path: Path) -> bool:
    if path.parts[0] in NOT_FOR_LONG or path.as_posix() in REAL_TIME:
        return True
    return VIRTUAL_TIME in (ROOT / "tests" / path).read_text()


def test_no_test_sleeps() -> None:
    sleepers = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if not is_allowed_to_sleep(path.relative_to(ROOT / "tests"))
        for line in path.read_text().splitlines()
        if SLEEP.search(line)
    ]
    assert not sleepers


def test_nothing_is_left_for_later() -> None:
    later = re.compile("TODO" + "|FIX" + "ME|X" + "XX")
    assert not [path for path in SOURCES if later.search(path.read_text())]


def test_gateways_in_tests_do_not_take_the_port_of_the_page_from_each_other() -> None:
    texts = {path: path.read_text() for path in (ROOT / "tests").rglob("*.py")}
    with_gateway = [path for path, text in texts.items() if re.search(r"\bGateway\b", text) and re.search(r'"control\.socket=', text)]
    assert with_gateway
    assert not [path for path in with_gateway if "page." not in texts[path]]
