"""Every cap a stranger can push against, with its unit and the reason for its size.

One line each; `docs/reference/limits.md` is generated from this file. A cap of the transports lives in `transports/limits.py`
(the arrow forbids them to look up here). Sources: "spec" is docs/protocol/bitchat.md; iOS and AND are the two phone apps.
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
DIRECTED_RESERVE: Final = 32_000.0  # bytes beyond that, for origins that ask for no more than a share: a flood of one leaves it alone
MAX_DIRECTED_ORIGINS: Final = 32  # origins with a share of their own on one link; all others have one together
DIRECTED_SHARE_RATE: Final = 500.0  # bytes a second of one origin: its part of DIRECTED_RATE when all of them talk
DIRECTED_SHARE_IDLE_S: Final = 60.0  # seconds after which a share that nobody asked for is given to a newcomer
DIRECTED_SHARE_BURST: Final = 4_096.0  # bytes: the longest text, padded, and its handshake
MAX_UNRELAYED: Final = 1_000  # packets remembered that a link brought beyond its budget: a copy over another may be passed on
CROSSING_BURST: Final = 64_000.0  # bytes one link may bring for other islands at once: what a phone has stored meanwhile; then RELAY_RATE
VERIFY_RATE: Final = 60.0  # Ed25519 verifications a second one link may cause
INFLATE_RATE: Final = 1024.0 * 1024.0  # bytes a second one link may make us inflate: a small frame can cost milliseconds
INFLATE_BURST: Final = 2.0 * MAX_PAYLOAD
VERIFY_BURST: Final = 240.0
NEWCOMER_RATE: Final = 4.0  # announces a second of people not known yet that one link may bring: each goes on to all others
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
HISTORY_LAST_S: Final = 60.0  # seconds before the end of its life in which a packet is offered to nobody: they may have forgotten it
MAX_HISTORY_MESSAGES: Final = 1_000
MAX_HISTORY_FRAGMENTS: Final = 600
MAX_HISTORY_FILES: Final = 200
MAX_HISTORY_GROUP: Final = 200
MAX_HISTORY_PREKEYS: Final = 200
MAX_HISTORY_BOARD: Final = 200
MAX_BOARD_PER_AUTHOR: Final = 5  # posts of one author (iOS)
MAX_HISTORY_BYTES: Final = 8 * 1024 * 1024  # bytes over every kept packet
FRAGMENT_HISTORY_S: Final = 900.0
PREKEY_HISTORY_S: Final = 24 * 3600.0
BOARD_HISTORY_S: Final = MAX_BOARD_LIFETIME_MS / 1000  # a post ends earlier if it says so
MAX_ROUTE_HOPS: Final = 4  # hops a planned source route may have (iOS)

REGULAR_AFTER_MS: Final = 24 * 3600 * 1000  # milliseconds after which somebody who comes back counts as known: strangers make way first
PIN_LIFETIME_MS: Final = 30 * 24 * 3600 * 1000  # milliseconds a signing key is remembered of somebody who does not come back
PIN_WRITE_RATE: Final = 2.0  # signing keys a second written down, so that invented people do not wear out the card
PIN_WRITE_BURST: Final = 1_000.0

# Courier mail: held for people who are away (spec section 11; a phone takes 40 letters, 5 of a friend and 2 of a stranger)
MAX_MAIL: Final = 1_000  # letters
MAX_MAIL_BYTES: Final = 16 * 1024 * 1024
MAX_MAIL_OF_STRANGERS: Final = 500  # of those, letters of people first heard within a day: half, as on a phone
MAX_MAIL_PER_STRANGER: Final = 8  # letters of one such person
MAX_MAIL_PER_REGULAR: Final = 20  # letters of one who has come back
MAX_MAIL_PER_TAG: Final = 100  # letters for one person and day
MAX_MAIL_PER_SITE: Final = 250  # letters one other site gave us
MAX_MAIL_LIFETIME_MS: Final = 25 * 3600 * 1000  # milliseconds to a letter's end: a day, and an hour for clocks (iOS)
MAX_MAIL_HOLDERS: Final = 64  # couriers and sites that were given a copy, so that each is given only one
MAX_ENDED_MAIL: Final = 1_000  # letters that have ended and are known as such, so that a copy of one is not taken again
MAIL_RATE: Final = 0.2  # letters a second one link may bring: each costs a sync of the card
MAIL_BURST: Final = 10.0
ALL_MAIL_RATE: Final = 4.0  # letters a second all links and sites may bring
ALL_MAIL_BURST: Final = 250.0
MAIL_STORE_S: Final = 60.0  # seconds the disk may take to keep a letter before it counts as refused
HANDOVER_BYTES: Final = 24 * 1024  # bytes of mail under way to one phone at a time, so that the rest of its link goes on
HANDOVER_SETTLE_S: Final = 10.0  # seconds a link must outlive a letter's last piece before that counts as delivered
MAIL_AGAIN_S: Final = 600.0  # seconds between two copies sent towards somebody hops away (iOS); doubles with each
PRESENCE_TIMEOUT_S: Final = 10.0  # seconds a phone has to prove who it is
PRESENCE_AGAIN_S: Final = 60.0  # seconds before one that did not is asked again; phones take ten handshakes a minute
PRESENCE_RATE: Final = 2.0  # phones asked a second
PRESENCE_BURST: Final = 64.0  # as many as there can be links
MAX_PRESENCE: Final = 64  # phones being asked
MAIL_OFFER_S: Final = 60.0  # seconds before a site that did not answer is given a letter again; doubles with each time
MAX_MAIL_ROUND_BYTES: Final = 256 * 1024  # bytes of mail a site is given at once
SITE_MAIL_RATE: Final = 2.0  # letters a second one site may bring
SITE_MAIL_BURST: Final = 250.0

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
ORIGIN_RATE: Final = 10.0  # unsigned directed packets a second one sender may send across; their air time is bounded besides
ORIGIN_BURST: Final = 240.0  # a phone answers each of a hundred messages that waited for it with a receipt or two
MAX_ORIGINS: Final = 2_048  # senders with a budget of their own

# The operator's policy
MAX_POLICY_FILE: Final = 65_536  # bytes of the file with the rules
MAX_POLICY_RULES: Final = 128  # rules: more than a person can read, and each packet may pass all of them
MAX_POLICY_SITES: Final = 64  # sites with a name, and sites in one rule
MAX_POLICY_NAME: Final = 48  # characters of a rule's or a site's name
MAX_POLICY_FIGURE: Final = 1_000_000_000  # packets or bytes a minute in a limit
MAX_POLICY_BUCKETS: Final = 4_096  # allowances counted separately, over all rules; later senders share one a rule
MAX_REFUSALS: Final = (
    20_000  # refusals remembered, packets times sites: each is told once, and what a rule keeps out is not asked for again
)
REFUSAL_MEMORY_S: Final = 900.0  # seconds they are remembered
MAX_ORIGINS_NOTED: Final = 8_192  # packets of which is remembered which site brought them: more than the public history holds

# Air-time credits
CREDIT_RATE: Final = 500.0  # milliseconds of air a second for all that crosses: half of it, the rest is the island's own talk
AIR_BYTES_PER_MS: Final = 32.0  # bytes a link carries in a millisecond without DLE: 64 KiB in about 2 s
CREDIT_SITE_MS: Final = 10_000.0  # milliseconds of air a site saves up
CREDIT_ORIGIN_MS: Final = 1_000.0  # milliseconds of air one sender saves up
CREDIT_HEADROOM_MS: Final = 10_000.0  # milliseconds of air a site earns at most by carrying for others
EARNED_SHARE: Final = 0.5  # of the air time of what a site carries for others; less than 1, so that lying about it cannot pay for itself
MAX_CREDIT_ORIGINS: Final = 64  # senders of one site with an account of their own; later ones share one
CREDIT_IDLE_S: Final = 60.0  # seconds without use after which an account may be given to another

# Tickets and membership
MAX_TICKET: Final = 1_024  # bytes: below what a caller may show over WebSocket
MAX_TICKET_TEXT: Final = 2_048  # characters of a ticket or a code somebody typed or scanned
MAX_TICKET_ADDRESSES: Final = 4  # places where the issuer says it can be reached
MAX_TICKET_ADDRESS: Final = 128  # bytes of one
MAX_TICKET_USES: Final = 16  # gateways that may join with one ticket
MAX_TICKET_LIFETIME_S: Final = 30 * 24 * 3600  # seconds from a ticket's first to its last: what was used must be remembered as long
MAX_USED_TICKETS: Final = 1_024  # tickets remembered as used until they expire; when full, no ticket is taken
MAX_INVITATIONS: Final = 64  # tickets of ours that can still be named by their code; when full, no new one is made
CODE_RATE: Final = 1 / 6  # wrong codes a second, from everybody together: a code has 40 secret bits
CODE_BURST: Final = 10.0
MAX_FEDERATION: Final = 64  # members besides the gateway itself: as many as the transports let link
MAX_REVOKED: Final = 512  # gateways one issuer has ever shut out: none is forgotten, so when full no further one can be
MAX_FORKS: Final = 4  # lists of revocations of one issuer of which none covers another: it was restored from old backups as often
MAX_INVITATION_STEPS: Final = 5  # from a gateway to the furthest it takes for a member because others invited it
MAX_RPC: Final = 32_768  # bytes of one message about the federation: a full list of revocations has 25 kB
MAX_SOFTWARE: Final = 64  # characters of the name and version of a gateway's software
MAX_CAPABILITIES: Final = 32  # things a gateway says it can be asked for
MAX_CAPABILITY: Final = 32  # characters of one
RPC_RATE: Final = 5.0  # messages a second one gateway may send about the federation: each may cost a signature check
RPC_BURST: Final = 200.0  # so that it can tell everything it knows at once
MAX_JOINING: Final = 8  # tickets of other gateways whose answer is awaited
MAX_RPC_WAITING: Final = 200  # messages of one gateway about the federation that wait while the book is being written
MAX_RPC_WAITING_BYTES: Final = 4 * 1024 * 1024  # bytes of them, over all gateways
MAX_PRESENTING: Final = 16  # gateways that have shown a ticket and wait for the book to be written; more are told to come again
MAX_BOOK: Final = 16 * 1024 * 1024  # bytes of the file with all of it: everything above at its cap takes about 7 MB
MAX_HISTORY_ASKS: Final = 2  # times a minute one site may ask to be told what it missed
STATUS_WAIT_S: Final = 3.0  # seconds other gateways have to answer how they are

# The consent bridge (spec section 12.3; "minute" is any 60 seconds)
MAX_BRIDGE_TEXT: Final = 16_000  # bytes of UTF-8 in an event: what a public message may hold (iOS)
EVENT_AGE_S: Final = 900.0  # seconds between an event's time and now, either way (iOS)
EVENT_MEMORY_S: Final = 2 * EVENT_AGE_S  # after it no event that was remembered can still be fresh
DEPOSITS_PER_MINUTE: Final = 10  # deposits of one depositor (iOS)
ALL_DEPOSITS_PER_MINUTE: Final = 240  # deposits of all of them: depositors cost nothing to invent
MAX_DEPOSITORS: Final = 512  # depositors with a budget of their own
MAX_QUEUED_DEPOSITS: Final = 20  # deposits kept while no site is linked, oldest given up (iOS)
MAX_QUEUED_PER_DEPOSITOR: Final = 5  # of those, of one depositor, newest refused (iOS)
BRIDGE_DOWN_PER_MINUTE: Final = 20  # events put on the radio for islands: air time is scarce (iOS)
CHANNEL_DOWN_PER_MINUTE: Final = 30  # events put on the radio for geohash channels (iOS)
MAX_DOWN_PENDING: Final = 30  # events of each kind waiting for the radio, oldest given up (iOS)
DOWN_JITTER_S: Final = (0.2, 1.5)  # seconds an event waits, in case another gateway puts it down (iOS)
DOWN_TURN_S: Final = 3.0  # seconds more for each gateway here whose turn is earlier: jitter, and six hops to hear it
MAX_DOWN_TURNS: Final = 3  # gateways waited for, so that invented ones cannot silence a real one
EVENTS_PER_MINUTE: Final = 600  # events all other sites may bring (iOS)
EVENTS_PER_SIGNER: Final = 120  # of those, of one signer (iOS)
RADIO_COPIES_PER_MINUTE: Final = 240  # events put down by other gateways whose signature is checked
RELAY_EVENTS_PER_MINUTE: Final = 240  # events all relays may bring, so that strangers leave the checks that sites and depositors need
RELAY_DOWN_SHARE: Final = 0.75  # of the events put on the radio, for what relays bring while sites are linked: members come first
MAX_UPLINKED: Final = 200  # events deposited here that relays are still to get or to answer; oldest given up
RELAY_ANSWER_S: Final = 10.0  # seconds a relay has to say what became of an event (iOS)
RELAY_AGAIN_S: Final = 30.0  # seconds before an event is published again that a relay did not answer, or could not take then
RELAY_TRIES: Final = 3  # times an event is published on one relay
EVENT_CHECKS_PER_MINUTE: Final = 720  # Schnorr checks, whatever they are for (iOS)
MAX_EVENTS_KNOWN: Final = EVENT_CHECKS_PER_MINUTE * int(EVENT_MEMORY_S) // 60  # IDs: all that can be fresh, so no replay slips through
MAX_RADIO_TEXTS: Final = 512  # stable IDs of public messages heard on the radio (iOS)
MAX_PARTICIPANTS: Final = 128  # people of other islands counted (iOS)
PARTICIPANT_FRESH_S: Final = 600.0  # seconds such a person counts after the last event (iOS)
MAX_EVENTS_KEPT: Final = 200  # events kept for sites that missed them (iOS asks relays for as many)
MAX_CHANNELS: Final = 16  # geohash channels served
OFFER_PERIOD_S: Final = 60.0  # seconds between two offers of what is kept
MAX_WANTS: Final = 8  # requests for kept events answered per site and minute
WANTED_AGAIN_S: Final = 10.0  # seconds before another site is asked for the same event

# Several links to one site
MAX_LINES: Final = 4  # links to one site at a time; there are fewer transports
TRUNK_BYTES: Final = 4 * 1024 * 1024  # bytes kept for one site until it has acknowledged them; newer frames are refused
TRUNK_WINDOW_BYTES: Final = 2 * 1024 * 1024  # bytes of those on their way; must exceed MAX_ENVELOPE and stay below SITE_QUEUE_BYTES
TRUNK_WINDOW_FRAMES: Final = 4_096  # frames on their way to one site
TRUNK_KEEP_S: Final = 300.0  # seconds what is not acknowledged is kept after the last link to a site went down
TRUNK_ACK_FRAMES: Final = 64  # frames received before an acknowledgement is sent at once
TRUNK_ACK_BYTES: Final = 256 * 1024  # bytes received before an acknowledgement is sent at once
TRUNK_ACK_DELAY_S: Final = 0.1  # seconds an acknowledgement may wait for company
TRUNK_PING_RATE: Final = 2.0  # pings a second answered on one link
TRUNK_PING_BURST: Final = 10.0
STALL_S: Final = 3.0  # seconds without an acknowledgement before another link is tried
STALL_MOST: Final = 4  # stalls after which what comes in on a link does not excuse it any more
SLOWEST_LINK: Final = 64 * 1024  # bytes a second the slowest link worth using moves: a large frame may take longer than a stall
PROBE_IDLE_S: Final = 5.0  # seconds between pings on a link in use on which nothing else proves that it works
PROBE_SPARE_S: Final = 15.0  # seconds between pings on a link held in reserve
PROBE_RETRY_S: Final = 1.0  # seconds between pings on a link that is to prove itself again
PROBES_TO_TRUST: Final = 3  # pings answered in time before a link that failed is used again
REST_FIRST_S: Final = 2.0  # seconds a link that failed is left alone
REST_CAP_S: Final = 300.0  # seconds, to which that doubles with every further failure
REST_FORGET_S: Final = 600.0  # seconds of good service after which a failure counts as a first one again
MAX_ROUTE_CHANGES: Final = 256  # changes of the way to a site remembered, over all sites

# Programs that talk over the links (gateway.network)
MAX_PROGRAM_MESSAGE: Final = 256 * 1024  # bytes of one message; unpacked, it takes at most 64 times as much for a moment
MAX_PROGRAM_DEPTH: Final = 32  # lists and dicts inside each other
MAX_UNSETTLED: Final = 1_024  # messages to one program whose fate is open; more fail at once
MAX_UNSETTLED_BYTES: Final = 2 * 1024 * 1024  # bytes of these: half of what a trunk keeps, so that they can be sent anew
MAX_UNTAKEN: Final = 1_024  # messages waiting for this program, from everybody; more are refused, and their senders told
MAX_UNTAKEN_BYTES: Final = 8 * 1024 * 1024  # bytes of these
MAX_UNTAKEN_PER_PEER: Final = 256  # of these, from one other program, so that it cannot take every place; nor is it sent more
MAX_UNTAKEN_BYTES_PER_PEER: Final = 2 * 1024 * 1024
MAX_TAKEN_IDS: Final = 4_096  # IDs of messages of one other program remembered, so that a repeat is known
MAX_RECEIPTS: Final = 4_096  # receipts of our own remembered by their IDs
MAX_RECEIPT_ENTRIES: Final = 1_024  # messages one envelope gives the fate of
MAX_NETWORK_NEWS: Final = 1_024  # other events waiting for this program, the oldest given up

# Queues to a link
QUEUE_BYTES: Final = 64 * 1024  # bytes waiting for one local link at most, and while it is not known what it carries
QUEUE_AIR_S: Final = 10.0  # seconds of air that may wait for a local link, at the rate it was seen to carry; later is no talk any more
QUEUE_LEAST_BYTES: Final = 8 * 1024  # bytes that may wait however slow it was: a link that stood still for a while is not a slow one
EMERGENCY_RESERVE: Final = 1 / 8  # of that room, kept free of everything but emergencies
BULK_ORIGIN_SHARE: Final = 1 / 2  # of that room, for the fragments and files of one sender
MAX_FRAGMENT_SETS: Final = 256  # fragment sets a busy link knows the fate of, besides those that wait
VOICE_WAIT_S: Final = 1.0  # seconds after which speech is given up: it would be heard in the middle of what follows
SITE_QUEUE_BYTES: Final = 4 * 1024 * 1024  # bytes waiting for one site
EMERGENCY_RATE: Final = 0.1  # emergencies a second one link may bring, and all other islands together; the rest is no emergency
EMERGENCY_BURST: Final = 4.0
EMERGENCY_ORIGIN_RATE: Final = 1 / 60  # of these, of one sender
EMERGENCY_ORIGIN_BURST: Final = 2.0
MAX_EMERGENCY_ORIGINS: Final = 256  # senders with a budget of their own: invented ones are held by that of their link

# The database
MAX_STORE_BYTES: Final = 256 * 1024 * 1024  # bytes of the file; what the caps below allow takes about 150 MiB
MAX_STORE_WAL: Final = 4 * 1024 * 1024  # bytes its log is cut back to after a checkpoint
MAX_STORE_WAITING: Final = 4_096  # records waiting to be written; without a promise, more are dropped and counted
MAX_STORE_WAITING_BYTES: Final = 8 * 1024 * 1024  # bytes of them
MAX_STORE_ASKING: Final = 1_024  # callers waiting for an answer of the database; more are refused
MAX_SPOOL_BODY: Final = MAX_ENVELOPE  # bytes of one message
MAX_SPOOL_LIFETIME_MS: Final = 25 * 3600 * 1000  # milliseconds a message may wait: courier mail's day and an hour (iOS)
MAX_SPOOL_PER_ORIGIN: Final = 100  # messages of one peer that wait
MAX_SPOOL_BYTES_PER_ORIGIN: Final = 2 * 1024 * 1024
MAX_SPOOL_PER_RECIPIENT: Final = 400  # messages that wait for one peer: several friends and a stranger who floods it
MAX_SPOOL_BYTES_PER_RECIPIENT: Final = 4 * 1024 * 1024
MAX_SPOOL_PER_SITE: Final = 2_000  # messages that wait for one site, and as many that one site gave us
MAX_SPOOL_BYTES_PER_SITE: Final = 12 * 1024 * 1024
MAX_SPOOL_EMERGENCY: Final = 500  # messages of a class that wait; each class has room of its own
MAX_SPOOL_EMERGENCY_BYTES: Final = 2 * 1024 * 1024
MAX_SPOOL_DIRECTED: Final = 8_000
MAX_SPOOL_DIRECTED_BYTES: Final = 24 * 1024 * 1024
MAX_SPOOL_PUBLIC: Final = 4_000
MAX_SPOOL_PUBLIC_BYTES: Final = 12 * 1024 * 1024
MAX_SPOOL_BULK: Final = 200
MAX_SPOOL_BULK_BYTES: Final = 24 * 1024 * 1024
MAX_SPOOL_ENDED: Final = 20_000  # IDs of messages that have ended, so that a repeat is known
HISTORY_WRITE_RATE: Final = 32.0 * 1024  # bytes a second of public history written down, so that a flood does not wear out the card
HISTORY_WRITE_BURST: Final = 4.0 * 1024 * 1024
MAX_DECISIONS: Final = 100_000  # rows of the record behind `meshgate why`
DECISION_LIFETIME_MS: Final = 7 * 24 * 3600 * 1000
DECISION_RATE: Final = 10.0  # rows a second written down; more are counted and not recorded
DECISION_BURST: Final = 2_000.0  # refusals take at most half of it, so that strangers cannot drive out what happened to the rest
MAX_AUDIT_ROWS: Final = 2_500  # rows of one action in the log of changes: a week of as many as AUDIT_RATE lets through
AUDIT_LIFETIME_MS: Final = 400 * 24 * 3600 * 1000  # a year and a month
AUDIT_RATE: Final = 12 / 3600  # rows a second of one action written down; more are counted and left out
AUDIT_BURST: Final = 20.0
MAX_AUDIT_WAITING: Final = 256  # rows waiting for a database that cannot be used; more are only counted
MAX_AUDIT_DETAIL: Final = 120  # characters
MAX_AUDIT_PAGE: Final = 200  # rows in one answer of the control socket
MAX_SITES_TOLD: Final = 8  # sites named in the record of one sending
MAX_WHY_CANDIDATES: Final = 50  # IDs listed for a prefix that fits several
MAX_WHY_LATEST: Final = 200  # IDs listed by `meshgate why --last`
MAX_WHY_NAMES: Final = 8  # other IDs followed from one
MAX_DECISION_WORDS: Final = 64  # characters in each of a decision's short fields
MAX_DECISION_DETAIL: Final = 160  # characters
MAX_SHAPE_SITES: Final = 64  # sites whose verdict is kept with a shape: the links there can be, and of more the latest
MAX_SHAPE_PAGE: Final = 2_000  # shapes in one answer of the control socket, about 0.5 MB
MAX_SHAPES: Final = 100_000  # packets whose shape is remembered for `meshgate policy dry-run`
SHAPE_LIFETIME_MS: Final = 2 * 24 * 3600 * 1000  # yesterday and today

# Charts
MAX_SERIES: Final = 16  # figures that are kept for charts
SERIES_LIFETIME_MIN: Final = 24 * 60  # minutes they are kept, one value each: about half a MiB for all

# The doctor
MAX_DOCTOR_FILES: Final = 10_000  # files of the state directory whose mode is looked at; a gateway makes some twenty

# The command line
MAX_PACKET_LINE: Final = 3 * MAX_FRAME + 64  # characters: the largest frame in hexadecimal with something between bytes

# Configuration of telemetry
MAX_METRICS_ADDRESSES: Final = 8  # to listen on for metrics
MAX_METRICS_TOKENS: Final = 4  # files with tokens for metrics: one in use, one that takes its place
MAX_PAGE_ADDRESSES: Final = 8  # addresses the page may listen on
MAX_CONFIG_DRAFT: Final = 256 << 10  # bytes of a configuration file that is checked before it is written
MAX_PAGE_NAMES: Final = 16  # names it may be asked for under
MAX_MQTT_BROKERS: Final = 8  # addresses to try in turn
