"""The caps of the API.

The same rules as in `gateway.limits`; `docs/reference/limits.md` is made from both.
"""

from typing import Final

# The API
MAX_API_BODY: Final = 64 * 1024  # bytes of a request: many times what the longest one needs
MAX_EVENTS_RING: Final = 2_048  # events kept for those who come back
MAX_EVENT_LAG: Final = 512  # events somebody who follows may be behind; it gets a gap then, and the state anew
MAX_EVENT_LISTENERS: Final = 256  # who follow what happens at a time; more are refused
MAX_EVENT_REQUEST: Final = 4_096  # bytes of what somebody who follows may say over its WebSocket
EVENT_RATE: Final = 20.0  # events about messages a second, as strangers can cause them; the rest is counted in the next
EVENT_BURST: Final = 400.0
MAX_PAGE: Final = 100  # entries of one answer that lists things
MAX_OPERATIONS: Final = 32  # long works whose end is remembered; the oldest that has ended gives way
MAX_OPERATIONS_RUNNING: Final = 2  # at a time: each may take the radio, or look at the whole machine
MAX_LOG_RING: Final = 1_000  # entries of the log kept in memory for the page
MAX_NOTICE: Final = 500  # bytes of UTF-8 of a notice to the island
MAX_RECEIPTS_KEPT: Final = 256  # messages of our own whose state is kept in memory
SEND_RATE: Final = 0.2  # messages a second that may be sent over the API: air time belongs to the phones
SEND_BURST: Final = 5.0
PING_WAIT_S: Final = 10.0  # seconds a pong may take
MAX_PINGS: Final = 8  # pings whose answer is awaited
MAX_CONFIG_FILE: Final = 1024 * 1024  # bytes of a configuration file that is changed over the API

# Forms with a file
MAX_UPLOAD_FIELDS: Final = 16  # fields before the file
MAX_UPLOAD_FIELD: Final = 4_096  # bytes of one
