"""Programs of others that check what we ship."""

import shutil
import subprocess

import pytest

PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not here, so nobody but us checks metrics and rules: apt install prometheus"
)


def promtool(*arguments: str, given: str = "") -> str:
    """Run it; returns everything it had to say, and fails if it found fault."""
    done = subprocess.run([PROMTOOL, *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
