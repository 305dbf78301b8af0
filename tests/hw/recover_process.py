"""The recovery helper as a process, on a made-up machine: ROOT SYSTEMCTL LIMITS(JSON) FDS ARGUMENTS...

With FDS above 0 the socket is standard input, and is handed over as systemd would hand over so many.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from hw.recover import actions, server
from hw.recover.__main__ import main

root, systemctl, limits, fds, *arguments = sys.argv[1:]
for name, value in json.loads(limits).items():
    setattr(actions if hasattr(actions, name) else server, name, value)
if fds != "0":
    os.dup2(0, 3)
    os.environ |= {"LISTEN_FDS": fds, "LISTEN_PID": str(os.getpid())}
sys.exit(main(arguments, actions.Actions(Path(root), Path(systemctl))))
