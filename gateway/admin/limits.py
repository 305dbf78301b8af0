"""The caps of the admin page and its API: what a stranger who reaches them can push against.

The same rules as in `gateway.limits`; `docs/reference/limits.md` is made from all such files.
"""

from typing import Final

# Connections to the page
PAGE_CONNECTIONS: Final = 320  # open at once on all addresses, those in their TLS handshake included; more are closed at once
PAGE_CONNECTIONS_OF_ONE: Final = 32  # the same for one address, or one /64 of IPv6: browsers open six, and events need their own
PAGE_HANDSHAKE_S: Final = 10.0  # seconds for the first byte, and again for TLS
PAGE_HEAD_S: Final = 10.0  # seconds for the head of a request, from the moment it can begin: one byte now and then holds nothing open
TLS_BUFFER: Final = 16_384  # bytes kept for each TLS connection of this process, a record; asyncio's own 256 KiB times all are too much
PAGE_BODY_S: Final = 15.0  # seconds for its body
PAGE_STALL_S: Final = 30.0  # seconds a client may not read while something waits for it
PAGE_IDLE_S: Final = 30.0  # seconds a connection is kept between two requests
PAGE_RATE: Final = 20.0  # requests a second from one source; more are answered with 429
PAGE_BURST: Final = 120.0  # a page loads some twenty files
PAGE_RATE_ALL: Final = 200.0  # requests a second from everybody
PAGE_BURST_ALL: Final = 600.0
MAX_SOURCES: Final = 256  # sources with a budget of their own; the one heard longest ago gives way
MAX_PAGE_BODY: Final = 65_536  # bytes of a request's body, unless its route says otherwise
MAX_PAGE_PATH: Final = 2_048  # bytes of path and query
MAX_PAGE_LINE: Final = 4_096  # bytes of a header, name and value
MAX_PAGE_HEADERS: Final = 64  # headers of a request
MAX_FORM_FIELDS: Final = 256  # fields of a form

# Passphrases
MIN_PASSPHRASE: Final = 12  # characters
MAX_PASSPHRASE: Final = 256  # characters: longer ones would only cost time
MIN_LETTERS: Final = 5  # different characters in a passphrase
MAX_HASHES: Final = 1  # argon2id at once: each takes 64 MiB, and a small board has 512
MAX_HASHES_WAITING: Final = 8  # that wait for their turn; who comes then is told to come again

# Who may come in
MAX_ACCESS_FILE: Final = 262_144  # bytes of access.json; everything below fits into a fraction of it
MAX_USERS: Final = 16
MAX_USER_NAME: Final = 32  # characters
MAX_TOKENS: Final = 64  # API tokens
MAX_TOKEN_NAME: Final = 64  # characters
MAX_TOKEN_DAYS: Final = 366  # days a token can be used; there is none without an end
MAX_SESSIONS: Final = 64  # people logged in; the one idle for longest gives way
MAX_SESSIONS_OF_USER: Final = 8  # the same for one person
SESSION_IDLE_S: Final = 1_800.0  # seconds a session lasts without a request
SESSION_S: Final = 43_200.0  # seconds it lasts at all

# Guessing
LOGIN_FREE: Final = 5  # failures in a row from one source before it has to wait
LOGIN_FIRST_S: Final = 2.0  # seconds it waits then; twice as long after each further one
LOGIN_MOST_S: Final = 900.0  # seconds it waits at most
ACCOUNT_FREE: Final = 20  # failures in a row for one name, from wherever, before everybody has to wait
ACCOUNT_FIRST_S: Final = 1.0
ACCOUNT_MOST_S: Final = 30.0  # few enough guesses for strangers, and short enough for whoever has the passphrase
CODE_FREE: Final = 5  # wrong setup codes, from wherever, before everybody has to wait
CODE_FIRST_S: Final = 60.0
CODE_MOST_S: Final = 3_600.0
CODE_S: Final = 900.0  # seconds a setup code can be used
MAX_FAILURES: Final = 256  # sources, and names, whose failures are counted; who failed least gives way
FAILURES_S: Final = 86_400.0  # seconds without a failure after which they are forgotten
FAILURES_KEPT_S: Final = 5.0  # seconds failures may be counted before they are on the disk: guessing must not wear out the card
LOGIN_RATE: Final = 0.5  # passphrases a second that are tried for everybody together
LOGIN_BURST: Final = 20.0
TOKEN_RATE: Final = 5.0  # unknown tokens a second from one source that are looked up; it is then told to come later
TOKEN_BURST: Final = 20.0

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
MAX_FRAMES_WATCHED: Final = 500  # headers of frames kept while somebody watches; the oldest gives way
MAX_LINKS_WATCHED: Final = 1_000  # links that have a number there; then numbers are given anew
WATCH_S: Final = 60.0  # seconds after the last look at them until frames are not watched any more
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
BUNDLE_WAIT_S: Final = 1_800.0  # seconds a bundle that was sent waits to be put in place; one at most waits
BUNDLE_STALL_S: Final = 30.0  # seconds between two pieces of one that is being sent
