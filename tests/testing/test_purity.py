import ast
from pathlib import Path

import pytest

import gateway.testing

FORBIDDEN = {"asyncio", "time", "os", "socket", "threading", "secrets", "datetime", "logging", "trio"}
MODULES = sorted(path for path in Path(gateway.testing.__file__).parent.glob("*.py") if path.name != "radio.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_nothing_but_the_radio_knows_a_loop_or_a_clock(path):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
            if node.module == "random":
                assert [alias.name for alias in node.names] == ["Random"]
    assert not imported & FORBIDDEN
