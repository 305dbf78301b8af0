"""Whoever puts updates in place, as a process whose trials go thirty times as fast: SYSTEMCTL CONTROL ARGUMENTS..."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from gateway.update.__main__ import main
from gateway.update.installation import Clock
from gateway.update.service import Systemd

FASTER = 30.0

systemctl, control, *arguments = sys.argv[1:]
clock = Clock(lambda: time.monotonic() * FASTER, lambda seconds: time.sleep(seconds / FASTER))
sys.exit(main(arguments, Systemd(Path(control), Path(systemctl)), clock))
