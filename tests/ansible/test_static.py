"""What can be said of the roles without applying them."""

from pathlib import Path

import pytest
import yaml

from tests.ansible.boxes import tool

ROLES = Path(__file__).parent.parent.parent / "ansible" / "roles"
NAMES = ("meshgate_app", "meshgate_base")


@pytest.mark.parametrize("role", NAMES)
def test_every_variable_has_a_sentence_and_is_checked(role: str) -> None:
    text = (ROLES / role / "defaults" / "main.yml").read_text()
    defaults = yaml.safe_load(text)
    options = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert list(options) == list(defaults)
    for name, option in options.items():
        assert name.startswith(f"{role}_")
        paragraph = text[: text.index(f"\n{name}:")].rpartition("\n\n")[2]
        said = " ".join(line.removeprefix("# ") for line in paragraph.splitlines() if line.startswith("# "))
        assert said.endswith(".")
        assert said == " ".join(" ".join(option["description"]).split())


@pytest.mark.ansible
@pytest.mark.timeout(180)
def test_the_linters_find_nothing() -> None:
    tool("yamllint", "--strict", ".")
    tool("ansible-lint", "--offline", "--strict")
