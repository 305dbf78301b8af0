"""``python tests/perf/run.py``: the same as ``python -m tests.perf``, from anywhere."""

import runpy
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])
runpy.run_module("tests.perf", run_name="__main__")
