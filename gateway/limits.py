"""Every cap a stranger can push against, with its unit and the reason for its size.

One line each; `docs/reference/limits.md` is generated from this file. A cap of the
transports lives in `transports/limits.py` (the arrow forbids them to look up here).
Sources: "spec" is docs/protocol/bitchat.md; iOS and AND are the two phone apps.
"""

from typing import Final

# Packets
MAX_PAYLOAD: Final = 1_179_760  # bytes, wire and inflated: iOS framed-file cap (1 MiB + 18 + 131,070 + 96)
MAX_FRAME: Final = MAX_PAYLOAD + 4_096  # bytes: payload, headers, a full route and padding
MAX_INFLATE_RATIO: Final = 50_000  # original/compressed, above it the apps refuse
MAX_TTL: Final = 7  # hops; 7 also means "direct neighbour"
REINJECT_TTL: Final = 6  # hops given to a packet of another island, so that nobody binds its sender to our link
MAX_NICKNAME: Final = 255  # bytes of UTF-8 in an announce
MAX_NEIGHBORS: Final = 10  # peer IDs in an announce
MAX_GEOHASH: Final = 12  # characters
MAX_SYNC_FILTER: Final = 1_024  # bytes of GCS data accepted
MAX_SYNC_FRAGMENT_IDS: Final = 60  # entries in a REQUEST_SYNC fragment filter
MAX_CARRIER_JSON: Final = 16_384  # bytes of Nostr event in a carrier packet
MAX_NOSTR_EVENT: Final = 32_768  # bytes of event JSON: a courier drop holds 20 KiB of base64
MAX_COURIER_CIPHERTEXT: Final = 16_384  # bytes
MAX_COURIER_COPIES: Final = 8
MAX_PREKEYS: Final = 8  # entries in a bundle
MAX_BOARD_CONTENT: Final = 512  # bytes
MAX_BOARD_NICKNAME: Final = 64  # bytes
MAX_BOARD_LIFETIME_MS: Final = 7 * 24 * 3600 * 1000  # milliseconds from creation to expiry
MAX_GROUP_MEMBERS: Final = 16
MAX_GROUP_NICKNAME: Final = 64  # bytes of UTF-8 in a roster
MAX_VOUCHES: Final = 16  # attestations in a batch
MAX_VOICE_FRAMES: Final = 8  # AAC frames in a packet
MAX_VOICE_CONTENT: Final = 210  # bytes, so that a voice packet stays one BLE frame
MAX_FILE: Final = 1_048_576  # bytes of content in a file transfer (iOS)
MAX_MESSAGE_ID: Final = 255  # bytes of UTF-8: a private message has one byte for the length
MAX_STREAM_BUFFER: Final = 8 * 1024 * 1024  # bytes held by the notification stream assembler
STREAM_RESET_S: Final = 0.25  # seconds an incomplete frame may wait

# Fragments
FRAGMENT_CHUNK: Final = 469  # bytes of the original in a fragment: two link-layer packets with DLE
MIN_FRAGMENT_CHUNK: Final = 64  # bytes
FRAGMENT_OVERHEAD: Final = 42  # bytes of header a link limit must leave room for
MAX_FRAGMENTS_SENT: Final = 256  # Android refuses more
MAX_FRAGMENTS: Final = 10_000  # accepted (iOS)
MAX_ASSEMBLIES: Final = 128  # open at once, oldest evicted (iOS)
MAX_ASSEMBLIES_PER_SENDER: Final = 16  # so that one sender cannot evict everybody else
MAX_ASSEMBLY_BYTES: Final = MAX_PAYLOAD
MAX_ASSEMBLY_BYTES_TOTAL: Final = 4 * 1024 * 1024  # bytes over all assemblies (AND)
ASSEMBLY_FRAGMENT_COST: Final = 200  # bytes of memory a kept fragment takes besides its data, counted in the total
ASSEMBLY_LIFETIME_S: Final = 30.0
ASSEMBLY_RATE: Final = 2.0  # assemblies a second one link may begin: in their lifetime it must not push out all others
ASSEMBLY_BURST: Final = 32.0

# Mesh
MAX_SKEW_S: Final = 120.0  # seconds between a packet's timestamp and now (iOS)
MAX_ANNOUNCE_AGE_S: Final = 900.0
MAX_SEEN: Final = 10_000  # packet IDs remembered
SEEN_LIFETIME_S: Final = 300.0
MAX_UNPROVEN: Final = 1_024  # of those, packet IDs whose first copy could not be verified
MAX_SECOND_LOOKS: Final = 3  # later copies of such a packet that are verified, so that a forger cannot buy verifications
MAX_PEERS: Final = 1_024  # peers with a verified announce
MAX_PINS: Final = 8_192  # signing keys remembered for peers that are gone
PEER_REACHABLE_S: Final = 60.0  # a verified peer stays reachable this long after it was last heard
REMOTE_PEER_REACHABLE_S: Final = 300.0  # the same for a peer announced by another site
REBIND_INTERVAL_S: Final = 60.0  # a bound link changes its peer at most this often
MAX_LINKS: Final = 64
MIN_LINK_MTU: Final = 107  # bytes a local link must take: the smallest directed fragment
MAX_PENDING_RELAYS: Final = 2_048
MAX_PACED: Final = 4_096  # frames waiting for their turn behind the fragments before them, about 2 MB
LINK_RATE: Final = 200.0  # packets a second one link may bring
LINK_BURST: Final = 400.0
RELAY_RATE: Final = 8_000.0  # bytes a second of one link passed on in their class, the rest as bulk: a third of what a good link carries
RELAY_BURST: Final = 16_000.0  # bytes
DIRECTED_RATE: Final = 16_000.0  # bytes a second of one link to single recipients: a private picture; the rest is dropped
DIRECTED_BURST: Final = 64_000.0  # bytes
CROSSING_BURST: Final = 64_000.0  # bytes one link may bring for other islands at once: what a phone has stored meanwhile; then RELAY_RATE
VERIFY_RATE: Final = 60.0  # Ed25519 verifications a second one link may cause
INFLATE_RATE: Final = 1024.0 * 1024.0  # bytes a second one link may make us inflate: a small frame can cost milliseconds
INFLATE_BURST: Final = 2.0 * MAX_PAYLOAD
VERIFY_BURST: Final = 240.0
NEWCOMER_RATE: Final = 30.0  # of these, for announces of people not known yet: what the others say must be verified as well
NEWCOMER_BURST: Final = 150.0  # more than one sync answer brings
RSR_WINDOW_S: Final = 30.0  # seconds after our request in which answers are accepted
MAX_SYNC_ANSWERS: Final = 8  # REQUEST_SYNCs answered per peer in SYNC_ANSWER_WINDOW_S
SYNC_ANSWER_WINDOW_S: Final = 30.0
MAX_SYNC_PACKETS_PER_ANSWER: Final = 128  # originals sent for one request
MAX_SYNC_ANNOUNCES: Final = 32  # of these, announces: made-up people would fill every answer, and who is there says so twice a minute
MAX_SYNC_PEERS: Final = 150  # peers above which we do not ask for announces: half of what our filter holds; the rest would come every time
MAX_SYNC_ANSWER_BYTES: Final = 64 * 1024  # bytes sent for one request, at least one original: as much as waits for a link
MAX_PONGS: Final = 5  # pings answered per link in PONG_WINDOW_S
PONG_WINDOW_S: Final = 10.0
MAX_PINGS: Final = 64  # pings of ours whose pong is still expected
HISTORY_LIFETIME_S: Final = 6 * 3600.0
MAX_HISTORY_MESSAGES: Final = 1_000
MAX_HISTORY_FRAGMENTS: Final = 600
MAX_HISTORY_FILES: Final = 200
MAX_HISTORY_GROUP: Final = 200
MAX_HISTORY_PREKEYS: Final = 200
MAX_HISTORY_BOARD: Final = 200
MAX_HISTORY_BYTES: Final = 8 * 1024 * 1024  # bytes over every kept packet
FRAGMENT_HISTORY_S: Final = 900.0
PREKEY_HISTORY_S: Final = 24 * 3600.0
BOARD_HISTORY_S: Final = MAX_BOARD_LIFETIME_MS / 1000  # a post ends earlier if it says so
MAX_ROUTE_HOPS: Final = 4  # hops a planned source route may have (iOS)

# Noise sessions
MAX_HANDSHAKE: Final = 2_048  # bytes of a handshake message
REPLAY_WINDOW: Final = 1_024  # messages
MAX_NONCE: Final = 2**32 - 2  # BitChat's 4-byte counter
MAX_SESSIONS: Final = 256
HANDSHAKES_PER_PEER: Final = 10  # in HANDSHAKE_WINDOW_S
HANDSHAKES_TOTAL: Final = 30
HANDSHAKE_WINDOW_S: Final = 60.0
HANDSHAKES_RESERVED: Final = 10  # of the total, kept for those we start, so that strangers cannot use up all of it
MAX_HANDSHAKE_PEERS: Final = 256  # peers with a handshake budget of their own
MAX_HANDSHAKES: Final = 32  # waiting for an answer, in each role; the oldest is given up
MAX_HANDSHAKE_FAILURES: Final = 4  # wrong answers after which a handshake is given up
INITIATOR_TIMEOUT_S: Final = 10.0
RESPONDER_TIMEOUT_S: Final = 20.0
TRANSPORT_RATE_PER_PEER: Final = 100.0  # transport messages a second
TRANSPORT_RATE_TOTAL: Final = 500.0
MAX_EARLY_PER_PEER: Final = 4  # ciphertexts kept while a handshake finishes
MAX_EARLY_TOTAL: Final = 32
MAX_EARLY_BYTES: Final = 8_192  # bytes of one such ciphertext: text and receipts, not files
SESSION_LIFETIME_S: Final = 24 * 3600.0
OLD_SESSION_GRACE_S: Final = 20.0  # seconds a replaced session still receives what was under way
MAX_OUTBOX_PER_PEER: Final = 100  # private messages waiting for a session
MAX_RECEIVED_IDS: Final = 512  # received private messages remembered to drop repeats (iOS)

# Data at rest
MAX_SEALED_PER_KEY: Final = 2**32  # blobs: with random 96-bit nonces a repeat stays below 2^-32 (NIST SP 800-38D, 8.3)

# Between sites
MAX_SITES: Final = 64
SITE_RATE: Final = 500.0  # packets a second one site may send: each may cost a signature check
SITE_BURST: Final = 10_000.0  # so that a site can catch up at once
MAX_SITES_SEEN: Final = 64  # sites listed in an envelope
MAX_ENVELOPE: Final = MAX_FRAME + 8_192  # bytes
MAX_ENVELOPE_JSON: Final = MAX_ENVELOPE * 4 // 3 + 8_192  # bytes: base64 makes three bytes four
MAX_ENVELOPE_UNKNOWN: Final = 16  # fields of a newer version carried along
MAX_ENVELOPE_UNKNOWN_BYTES: Final = 4_096  # bytes of them all, so that they fit every encoding
MAX_CATCH_UP_BYTES: Final = 2 * 1024 * 1024  # bytes of public history a site is sent when its link comes up
PROVENANCE_LIFETIME_S: Final = 300.0
MAX_PROVENANCE: Final = 20_000  # packet IDs remembered with the sites that have them
ORIGIN_RATE: Final = 5.0  # unsigned directed packets a second one sender may send across
ORIGIN_BURST: Final = 60.0
MAX_ORIGINS: Final = 2_048  # senders with a budget of their own

# Queues to a link
QUEUE_BYTES: Final = 64 * 1024  # bytes waiting for one local link (about 2 s of air time without DLE)
SITE_QUEUE_BYTES: Final = 4 * 1024 * 1024  # bytes waiting for one site

# The command line
MAX_PACKET_LINE: Final = 3 * MAX_FRAME + 64  # characters: the largest frame in hexadecimal with something between bytes
