"""What bitchat-cli is installed from: these files and no others, wherever they come from."""

import re
from pathlib import Path

LINES = Path(__file__).with_name("requirements.txt").read_text().replace("\\\n", " ").splitlines()
LOCKED = [line for line in LINES if line.strip() and not line.lstrip().startswith("#")]


def test_it_is_the_release_the_rig_was_made_with() -> None:
    assert [line.split()[0] for line in LOCKED if line.startswith("bitchat-cli")] == ["bitchat-cli==0.2.3"]


def test_every_file_is_known_by_its_hash() -> None:
    assert len(LOCKED) > 5
    for line in LOCKED:
        assert re.match(r"[a-z0-9_.-]+==\S+ ", line), line
        assert "--hash=sha256:" in line, line


def test_no_host_is_named() -> None:
    assert not [line for line in LINES if "://" in line or "index" in line]
