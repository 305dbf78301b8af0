"""Every cap of the recovery helper, with its unit and reason: it runs as root and must stay dull."""

from typing import Final

# What one caller can make it hold or wait for
MAX_REQUEST: Final = 256  # bytes, line end included; the longest request has 50
MAX_ANSWER: Final = 1_024  # bytes a client accepts
REQUEST_S: Final = 2.0  # seconds from the connection to the end of the request
ANSWER_S: Final = 2.0  # seconds a caller may take to read its answer
BACKLOG: Final = 8  # connections waiting while one is served
WHY_CHARS: Final = 300  # characters of a reason

# What callers can make it do
BURST: Final = 8  # actions at once: two adapters climbing their ladders, twice
REFILL_S: Final = 300.0  # seconds until another action is allowed: 12 an hour in the long run
MAX_REFUSALS_LOGGED: Final = 10  # refusals written to the log per LOG_S, the rest is counted
LOG_S: Final = 60.0  # seconds

# How long an action may take
SYSTEMCTL_S: Final = 30.0  # seconds for one call; starting bluetoothd takes 1 to 5
PATIENCE_S: Final = 15.0  # seconds bluetoothd may take to end and start; systemd itself would wait 90 for one that hangs
UNBIND_S: Final = 5.0  # seconds until the driver has let go of the device
BIND_S: Final = 10.0  # seconds until the driver has it again: firmware is loaded meanwhile
BIND_TRIES: Final = 3  # times: a device without its driver is worse than a broken one
POLL_S: Final = 0.05  # seconds between two looks at sysfs
ACTION_S: Final = 120.0  # seconds a client waits for its answer: all calls of systemctl for one restart, with room

IDLE_S: Final = 60.0  # seconds without a caller before a helper that systemd started leaves again
