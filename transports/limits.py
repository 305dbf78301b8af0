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

# Gossip (off unless configured)
MAX_GOSSIP_RPC: Final = 256 * 1024  # bytes of one inbound pubsub RPC
