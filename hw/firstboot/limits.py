"""Every cap of the first boot, with its unit and reason: what is read was written by whoever held the card."""

from typing import Final

# Files on the boot partition
MAX_CARD: Final = 64 << 10  # bytes of meshgate.toml; one with every key explained has 40 kB
MAX_RESET: Final = 64 << 10  # bytes of meshgate-reset that are looked at; an editor may leave line ends and no more
MAX_CMDLINE: Final = 4_096  # bytes of cmdline.txt; the kernel takes 2048
MAX_NESTING: Final = 8  # tables in tables; the configuration has three

# Texts in it
MAX_HOSTNAME: Final = 63  # characters: one label of a name
MAX_TIMEZONE: Final = 64  # characters; the longest has 32
MAX_SSID: Final = 32  # bytes (IEEE 802.11)
MIN_WIFI_PASSWORD: Final = 8  # characters (IEEE 802.11i)
MAX_WIFI_PASSWORD: Final = 63  # characters; 64 are the key itself, as hexadecimal digits
MAX_SSH_KEYS: Final = 16  # who may come in over ssh
MAX_SSH_KEY: Final = 4_096  # characters of a line; RSA with 16384 bits has 2800
MIN_CODE: Final = 8  # letters and digits of a setup code somebody chose; a stranger has a few tries
MAX_CODE: Final = 32  # what the page takes
MIN_DIFFERENT: Final = 5  # different letters and digits in it
MAX_TICKET: Final = 2_048  # characters of a federation's ticket
MAX_PASSWORD: Final = 1_024  # bytes of a broker's password

# What is told
MAX_EVENTS: Final = 20  # events kept in firstboot.json, the newest
MAX_SENTENCE: Final = 800  # characters of one
MAX_RECORD: Final = 64 << 10  # bytes of firstboot.json that are read
MAX_KEPT: Final = 256 << 10  # bytes of appliance.json that are read

# How long something may take
COMMAND_S: Final = 120.0  # seconds for one program; making an RSA key on a Zero 2 W takes up to 30, a start of Python 10
GROW_S: Final = 600.0  # seconds for growing a file system on a card of 1 TB

# The hotspot
ALONE_S: Final = 180.0  # seconds without a network before the hotspot opens: a slow router is up by then
STEP_DOWN_S: Final = 600.0  # seconds without anybody in it before the known networks are tried again
TRY_S: Final = 60.0  # seconds they are tried
AGAIN_S: Final = 60.0  # seconds until a hotspot that could not be opened is tried again
LOOK_S: Final = 5.0  # seconds between two looks

# The portal, which strangers reach
MAX_HEAD: Final = 4_096  # bytes of a request that are read
HEAD_S: Final = 5.0  # seconds for it
ANSWER_S: Final = 5.0  # seconds to take the answer
MAX_CONNECTIONS: Final = 32  # at once; a phone opens two or three
MAX_FROM_ONE: Final = 6  # at once from one address

# Joining a federation with the ticket from the card
JOIN_TRIES: Final = 60  # times, one a minute
JOIN_S: Final = 60.0  # seconds between two tries
