"""Every cap of an update, with its unit and reason: what reads bundles is root, and each is a stranger until its signature is checked."""

from typing import Final

# A bundle; one for one kind of board with two Pythons has some 100 members and 65 MB
MAX_BUNDLE: Final = 512 * 1024 * 1024  # bytes of the file
MAX_MANIFEST: Final = 256 * 1024  # bytes read before anything is known to be genuine
MAX_MEMBERS: Final = 512
MAX_MEMBER: Final = 64 * 1024 * 1024  # bytes; the largest wheel there is has 7 MB
MAX_NAME: Final = 100  # characters of a member's name: what a tar header without extensions holds
CHUNK: Final = 256 * 1024  # bytes in memory at a time

# Who may sign
MAX_KEYS: Final = 8  # release keys: one in use, one that takes its place, and room
MAX_KEY_FILE: Final = 4_096  # bytes

# Searching a stick
SEARCH_DEPTH: Final = 2  # directories below the one that is named
MAX_ENTRIES: Final = 10_000  # files and directories looked at; a stick of pictures has more
MAX_FOUND: Final = 32  # bundles looked into

# Room on the disk
UNPACKED: Final = 6  # times the size of its members that a version takes while it is made: 31 MB of wheels become 143 MB
SPARE: Final = 64 * 1024 * 1024  # bytes left for what the box does meanwhile

# Making a version
VENV_S: Final = 300.0  # seconds; 5 on a Raspberry Pi 4, and a Zero 2 W with a slow card has time
INSTALL_S: Final = 1_800.0  # seconds for installing and compiling 80 wheels
SMOKE_S: Final = 120.0  # seconds for the first start of Python with it
SYSTEMCTL_S: Final = 90.0  # seconds for one call; a stop takes ten at most

# Its trial
TRIAL_S: Final = 600.0  # seconds a new version has to be as well as the old one was
HOLD_S: Final = 180.0  # seconds it must stay so without a break: three rounds of the watchdog
LOOK_S: Final = 2.0  # seconds between two looks
MAX_RESTARTS: Final = 2  # starts by systemd within a trial; one more and it is no good
MAX_TRIAL_BOOTS: Final = 3  # starts of the box within a trial, for what takes the whole box down
ANSWER_S: Final = 3.0  # seconds the gateway has to say how it is
MAX_READY: Final = 64 * 1024  # bytes of that

# Its socket
MAX_REQUEST: Final = 128  # bytes; the longest request has 40
MAX_LINE: Final = 2_048  # bytes of one line of an answer
REQUEST_S: Final = 5.0  # seconds from the connection to the end of the request
TELL_S: Final = 2.0  # seconds a caller may keep a line waiting; then nobody listens, and the work goes on
BACKLOG: Final = 4
BURST: Final = 4  # wishes of one hour: each wears the card with 150 MB
REFILL_S: Final = 900.0  # seconds until another is allowed
IDLE_S: Final = 60.0  # seconds without a caller before it leaves
MAX_WHY: Final = 300  # characters of a reason
MAX_JOURNAL: Final = 64 * 1024  # bytes
MAX_UNIT: Final = 64 * 1024  # bytes of a unit
