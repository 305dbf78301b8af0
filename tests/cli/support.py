"""The real command in a process of its own, with an environment that has nothing of this machine's settings."""

import json
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "import sys; from gateway.cli.main import main; sys.exit(main())"]  # as the installed script does
ENV = {"PATH": "/usr/bin:/bin", "HOME": "/home/ada", "LANG": "C.UTF-8"}


def meshgate(*arguments, stdin="", env=None):
    """Run to the end."""
    return subprocess.run([*COMMAND, *arguments], input=stdin, env=ENV | (env or {}), cwd=ROOT, capture_output=True, text=True, check=False)


def start(*arguments, **options):
    """Start and leave running, as from a terminal: a suite in the background would pass on an ignored Ctrl-C."""
    return subprocess.Popen([*COMMAND, *arguments], env=ENV, cwd=ROOT, preexec_fn=_heed_ctrl_c, **options)  # noqa: PLW1509


def _heed_ctrl_c():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def objects(text):
    """The JSON objects of an output, one a line."""
    return [json.loads(line) for line in text.splitlines()]


def vectors(group):
    return json.loads((ROOT / "tests/vectors/bitchat" / f"{group}.json").read_text())["vectors"]
