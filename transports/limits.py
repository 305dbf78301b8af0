"""Every cap of the transports, with its unit and the reason for its size.

The transports have their own file because the arrow forbids them to look up at `gateway.limits`.
"""

from typing import Final

# Back-off (dialling, restarting the child)
BACKOFF_FIRST_S: Final = 1.0  # seconds, ceiling of the first wait
BACKOFF_CAP_S: Final = 60.0  # seconds, ceiling of every later wait

# Loopback
LOOPBACK_MTU: Final = 1_310_720  # bytes, the same as the libp2p links it stands in for
LOOPBACK_DEPTH: Final = 64  # frames waiting on one link in one direction

# What a gateway of the federation may make us hold
MAX_LINK_FRAME: Final = 1_310_720  # bytes: an envelope around the largest file packet (1.18 MB), with room
MAX_MEMBERS: Final = 64  # gateways on the allow-list
MAX_PEER_ADDRESSES: Final = 128  # addresses to dial, over all members
LINK_WINDOW_BYTES: Final = 2 * 1024 * 1024  # bytes accepted and not yet acknowledged, per link; must exceed MAX_LINK_FRAME
LINK_WINDOW_FRAMES: Final = 4_096  # frames accepted and not yet acknowledged, per link
FRAME_COST: Final = 64  # bytes a frame counts for beside its own, so that empty frames are not free
OUTAGE_GRACE_S: Final = 20.0  # seconds a link outlives its stream: a child's restart takes 8 s on a small Pi
HANDSHAKE_TIMEOUT_S: Final = 10.0  # seconds a new stream may take to prove that the far gateway answers
KEEPALIVE_S: Final = 10.0  # seconds without sending before an acknowledgement is sent for its own sake
SILENCE_S: Final = 30.0  # seconds without a byte before a stream counts as dead: three missed keepalives

# Guests: gateways that are no members and have a ticket to show (only while an invitation is open)
MAX_GUESTS: Final = 8  # at once; more are hung up on
GUESTS_PER_HOST: Final = 2  # of those, from one IPv4 address or one IPv6 /64, so that one stranger cannot hold every place
GUEST_RATE: Final = 1.0  # guests a second: each may cost a signature check
GUEST_BURST: Final = 16.0
GUEST_S: Final = 8.0  # seconds a guest has from the proof of its key to the answer: py-libp2p gives the whole connection 10
GUEST_BYTES: Final = 4_096  # bytes taken from one guest, protocol negotiation included
MAX_SHOWN: Final = 2_048  # bytes of what a guest shows: a ticket has at most 1,024
MAX_WORD: Final = 32  # characters of the word that says why it is not taken

# Batches and blobs (what travels on a stream)
BATCH_FRAMES: Final = 256  # frames in a batch we send; fewer whenever the pipe is idle
BATCH_BYTES: Final = 48_000  # bytes of frames in a batch: it must fit one write of STREAM_WRITE
MAX_BATCH_FRAMES: Final = 1_024  # frames accepted in one batch
MAX_BLOB: Final = MAX_LINK_FRAME + 4_096  # bytes accepted in one blob: the largest frame and its wrapping
ACK_BATCHES: Final = 8  # batches received before an acknowledgement is sent at once
ACK_BYTES: Final = 256 * 1024  # bytes received before an acknowledgement is sent at once
ACK_DELAY_S: Final = 0.025  # seconds an acknowledgement may wait for company
STREAM_CREDIT: Final = 256 * 1024  # bytes of one stream handed to the child and not yet written

# The child process
STREAM_WRITE: Final = (
    48_700  # bytes per write: py-libp2p drops a connection whose Noise message comes in more than 100 pieces (TCP MSS 536)
)
STREAM_READ: Final = 256 * 1024  # bytes per read
STREAM_QUEUE: Final = 256  # blobs waiting for one stream in the child; the credit keeps it far below
STALL_S: Final = 10.0  # seconds one write may take before its connection is dropped
DIAL_TIMEOUT_S: Final = 15.0  # seconds for TCP, Noise and yamux together
OPEN_TIMEOUT_S: Final = 15.0  # seconds for the link stream to be there once a connection is
SPARE_CONNECTIONS: Final = 32  # connections admitted beyond two per member: strangers not yet told off
CONNECTIONS_PER_MEMBER: Final = 2  # both sides may dial at once

# The pipe between the gateway and the child
MAX_PIPE_MESSAGE: Final = MAX_BLOB + 64  # bytes: one blob and its wrapping
PIPE_QUEUE: Final = 64  # messages waiting in the child for the gateway to read
HEARTBEAT_S: Final = 5.0  # seconds
HEARTBEAT_LOST_S: Final = 20.0  # seconds without a word before the other side counts as hung
CHILD_START_S: Final = 60.0  # seconds until the child must be listening: importing libp2p takes long on a small board
CHILD_STOP_S: Final = 1.5  # seconds the child may take to say good-bye before it is killed
CHILD_STDERR: Final = 4_096  # bytes of its last words that are kept
NOTICE_CHARS: Final = 300  # characters of one log line
NOTICES_PER_BURST: Final = 20  # library log lines passed on per HEARTBEAT_S, the rest is counted

# WebSocket
WS_MESSAGE: Final = 64 * 1024  # bytes of one message; larger ones end the connection before they are in memory
WS_PIECE: Final = 48_000  # bytes of the stream put into one message
WS_UNSENT: Final = 128 * 1024  # bytes the kernel takes for a connection beyond what the other end has room for
WS_PENDING: Final = 32  # callers that have not proved who they are; more are hung up on before TLS
WS_PENDING_PER_HOST: Final = 8  # of those, from one IPv4 address or one IPv6 /64, so that one stranger cannot hold every place
WS_TICKET: Final = 2_048  # bytes of the ticket a caller may show
WS_REASON: Final = 120  # bytes of the reason given with a refusal
MAX_AUTHORITIES: Final = 16  # files with certificate authorities
WS_HTTP_LINE: Final = 2_048  # bytes of the request line and of each header
WS_HTTP_HEADERS: Final = 32  # headers of a request
WS_TIE_S: Final = 5.0  # seconds in which two connections of one pair count as made at the same moment
WS_GOODBYE_S: Final = 1.0  # seconds a connection has for its last bytes
WS_LISTEN_AGAIN_S: Final = 10.0  # seconds until an address that could not be listened on is tried again

# Nostr relays (off unless configured)
MAX_RELAYS: Final = 8  # relays called; phones use five
NOSTR_URL: Final = 200  # characters of a relay's address
NOSTR_MESSAGE: Final = 65_536  # bytes of one message from a relay; larger ones end the connection before they are in memory
NOSTR_FRAME: Final = 36_864  # bytes of the frame around one event: the largest one there is, a courier drop, and its wrapping
NOSTR_ANSWER_S: Final = 10.0  # seconds a relay has to answer what is asked first, and to answer a ping
NOSTR_PING_S: Final = 20.0  # seconds between pings
NOSTR_RATE: Final = 20.0  # messages a second a relay may send; one that sends more is hung up on
NOSTR_BURST: Final = 500.0  # messages at once: the stored events of two filters, and answers
NOSTR_FAULTS: Final = 16  # messages that are not of the protocol, or not of our subscription, before a relay is hung up on
NOSTR_SEND_RATE: Final = 2.0  # events published a second on one relay, which count what a client sends
NOSTR_SEND_BURST: Final = 20.0  # events published at once
NOSTR_QUEUE: Final = 16  # frames accepted for one relay and not yet written
NOSTR_BACKOFF_FIRST_S: Final = 2.0  # seconds, ceiling of the first wait before a relay is called again
NOSTR_BACKOFF_CAP_S: Final = 300.0  # seconds, ceiling of every later wait
NOSTR_HEALTHY_S: Final = 60.0  # seconds a link must have been up for the next failure to count as a first one
NOSTR_CLOCK_S: Final = 1.0  # seconds between two looks whether the time of day is known

# BetaNet: the channel inside (HTX)
HTX_PLAINTEXT: Final = 65_535  # bytes in one frame: a stream's first window cannot carry more
HTX_PIECE: Final = 16_384  # bytes of a stream put into one frame, as 1.2 advises
HTX_MESSAGE: Final = 128 * 1024  # bytes of one binary message: a handshake message, or whole frames
HTX_WINDOW: Final = 65_535  # bytes of one stream on the way and not yet granted again
HTX_MOST_CREDIT: Final = 16 * 1024 * 1024  # bytes a peer may grant for one stream; more is no credit but an overflow
HTX_STREAMS: Final = 16  # streams each side may open
HTX_REKEY_FRAMES: Final = 65_536  # frames under one key
HTX_REKEY_BYTES: Final = 8 * 1024**3  # bytes under one key
HTX_REKEY_S: Final = 3_600.0  # seconds a key is in use
HTX_TURN_RATE: Final = 1.0  # key updates a second from a peer: each costs two derivations
HTX_TURN_BURST: Final = 8.0
HTX_PINGS: Final = 4  # pings of ours without an answer yet
HTX_ECHO_RATE: Final = 1.0  # pings of a peer answered each second; more are ignored, for the answer costs as much as the question
HTX_ECHO_BURST: Final = 8.0
HTX_REASON: Final = 120  # bytes of the reason in CLOSE
HTX_CBOR: Final = 4_096  # bytes of one CBOR document, also the most of its items
HTX_CBOR_DEPTH: Final = 8  # levels of arrays and maps
HTX_OFFERS: Final = 16  # protocols offered for one layer, and features
HTX_ID: Final = 64  # characters of a protocol's name

# Tickets that BetaNet lets in with
TICKET_REPLAYS: Final = 16_384  # tickets remembered for up to three hours; when it is full, nobody new comes in
TICKET_PREFIXES: Final = 4_096  # /24 and /56 networks with a budget of their own; all others share one
TICKET_RATE: Final = 0.1  # tickets a second from one network
TICKET_SWEEP_S: Final = 10.0  # seconds between two looks for networks whose budget is whole again
TICKET_BURST: Final = 12.0  # a gateway that lost its links dials a few times in a row
TICKET_KEYS: Final = 4  # keys of one site at once, so that they can be changed

# BetaNet: mix hops
MIX_HOPS: Final = 5  # hops of one packet
MIX_TAGS: Final = 131_072  # packets remembered for one key of a hop, some 12 MB; when full, packets are dropped until the key changes
MIX_REPLIES: Final = 1_024  # reply blocks given out and not used yet
MIX_REPLY_S: Final = 600.0  # seconds a reply block may be used
MIX_DELAY_MS: Final = 150  # milliseconds, the longest a hop holds a packet
MIX_TOTAL_DELAY_MS: Final = 600  # milliseconds, the same for all hops of a packet
MIX_SETS: Final = 8  # sets of hops in a row that must differ, for one destination and hour
MIX_DRAWS: Final = 64  # nonces tried to find a set that is new

# Gossip (off unless configured)
MAX_GOSSIP_RPC: Final = 256 * 1024  # bytes of one inbound pubsub RPC

# Bluetooth LE: links and frames
BLE_MIN_MTU: Final = 107  # bytes a link must take; the engine refuses smaller ones (the smallest directed fragment)
BLE_MAX_FRAME: Final = 512  # bytes: the longest attribute value; longer writes would need long writes, which phones misread
BLE_MAX_WRITE: Final = 510  # bytes: as a GATT server BlueZ before 5.7x drops longer writes, for it counts the handle too
BLE_MAX_CENTRAL: Final = 4  # links we dial, per adapter, unless configured; what boards are known to hold
BLE_MAX_PERIPHERAL: Final = 4  # links others dial, per adapter, unless configured
BLE_MOST_LINKS: Final = 16  # links per adapter and role that may be configured; no controller holds more
BLE_MAX_ADAPTERS: Final = 8  # adapters in use at once, whatever is plugged in
BLE_LINK_SILENCE_S: Final = 180.0  # seconds without a frame before a link is given up, as BitChat for Android does
BLE_MUTE_S: Final = 20.0  # seconds a link may stay without its first frame before a newcomer may have its place
BLE_IDLE_S: Final = 20.0  # seconds a device may be connected to us without subscribing: phones take 1 to 3
BLE_MOST_CONNECTED: Final = 64  # such devices kept track of per adapter; no controller holds as many
BLE_QUEUE_FRAMES: Final = 4  # frames accepted for one dialled link and not yet written: in the engine's long queue the urgent overtakes
BLE_EARLY_FRAMES: Final = 16  # frames a dialled device may send before the dial has come to its end
BLE_WRITE_FENCE: Final = 4  # frames from one write with response to the next: what bluetoothd may hold for a link
BLE_WRITE_TIMEOUT_S: Final = 30.0  # seconds one write may take: ATT gives a transaction as long
BLE_CLOSE_TIMEOUT_S: Final = 3.0  # seconds the good-bye of a link may take before it is left to BlueZ

# Bluetooth LE: whom to dial, and when
BLE_CANDIDATES: Final = 100  # devices heard and remembered, per adapter, as on iOS
BLE_HOLDS: Final = 256  # devices and tags that must not be dialled for a while
BLE_CANDIDATE_FRESH_S: Final = 30.0  # seconds since it was last heard in which a device may be dialled
BLE_CANDIDATE_KEEP_S: Final = 60.0  # seconds since it was last heard before a device is forgotten
BLE_DIAL_TIMEOUT_S: Final = 8.0  # seconds for connecting, as on iOS
BLE_SETUP_TIMEOUT_S: Final = 8.0  # seconds for discovery and subscription after that
BLE_DIAL_SPACING_S: Final = 0.5  # seconds between two starts, as on iOS
BLE_DIALS_AT_ONCE: Final = 2  # a device that never answers must not keep all others waiting
BLE_CROSSING_S: Final = 2.0  # seconds in which the other side may dial first, where both would dial each other
BLE_HOLD_TIMEOUT_S: Final = 15.0  # seconds after a dial that timed out, as on iOS
BLE_HOLD_DROP_S: Final = 3.0  # seconds after a link that dropped, as on iOS
BLE_HOLD_WEAK_S: Final = 30.0  # seconds after a failure of a weak device, as on iOS
BLE_HOLD_USELESS_S: Final = 120.0  # seconds after a device that lacks the service or takes too small frames
BLE_HOLD_BANNED_S: Final = 900.0  # seconds after a link the engine closed; also when it comes to us
BLE_HOLD_CAP_S: Final = 300.0  # seconds, to which the wait after failures in a row doubles
BLE_SWEEP_S: Final = 60.0  # seconds between two looks for devices that BlueZ remembers and nobody hears
BLE_FORGET_S: Final = 2.0  # seconds from the end of a connection to RemoveDevice: sent at once it kills BlueZ 5.66 one time in six
BLE_GROW_S: Final = 120.0  # seconds without a refusal before an adapter is trusted with one link more
BLE_ABORTS: Final = 3  # aborted connections in a row that count as a refusal, or without any link as a storm

# Bluetooth LE: the scanner and the outer loop
BLE_BUSY_S: Final = 12.0  # seconds a scanner may be refused as busy: after a crash the kernel ends the old scan only after 10.24 s
BLE_SILENCE_S: Final = 30.0  # seconds of scanning without an advertisement before the recovery ladder is told
BLE_RESTART_CAP_S: Final = 10.0  # seconds, the longest wait before something that failed is set up again
BLE_SCAN_REPORT_S: Final = 60.0  # seconds, the longest survey of who is on the air
BLE_SCAN_ROWS: Final = 200  # devices listed by one survey
