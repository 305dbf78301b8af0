"""The reference follows from the code."""

import subprocess
import sys
from pathlib import Path

from gateway.config.schema import KEYS

ROOT = Path(__file__).parents[2]


def test_the_generated_pages_are_up_to_date():
    done = subprocess.run([sys.executable, ".ci/reference", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_key_is_on_the_page():
    page = (ROOT / "docs/reference/config.md").read_text()
    for name in KEYS:
        assert f"### `{name}`\n" in page
