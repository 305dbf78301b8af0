"""What the sessions of a node have been through, in whole numbers."""

from dataclasses import dataclass


@dataclass(slots=True)
class SessionCounts:
    """Counters since the start, read by status pages and metrics."""

    started: int = 0  # handshakes we began
    answered: int = 0  # handshakes a peer began and we answered
    established: int = 0  # sessions
    established_started: int = 0  # of them, from handshakes we began
    ignored: int = 0  # crossed first messages
    timed_out: int = 0  # handshakes that never finished
    timed_out_started: int = 0  # of them, those we began
    crowded_out: int = 0  # handshakes given up for newer ones
    crowded_out_started: int = 0  # of them, those we began
    refused: int = 0  # handshake messages that were wrong or that nothing waited for
    rate_limited: int = 0  # handshakes and messages over their rate
    sent: int = 0
    received: int = 0
    deferred: int = 0  # messages kept until their handshake finishes
    undecryptable: int = 0
    replayed: int = 0
    evicted: int = 0  # sessions given up for newer ones
    expired: int = 0  # sessions at the end of their life
