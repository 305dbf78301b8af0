-- Messages on their way, and the IDs of those that have ended.
CREATE TABLE spool (
    seq INTEGER PRIMARY KEY,        -- the order in which they were accepted
    id BLOB NOT NULL UNIQUE,
    class INTEGER NOT NULL,         -- gateway.store.spool.Class
    state INTEGER NOT NULL,         -- gateway.store.spool.State
    reason TEXT NOT NULL DEFAULT '',
    origin BLOB NOT NULL,           -- the peer that wrote it, empty if that is nobody's
    via BLOB NOT NULL,              -- the site that gave it to us, empty: our own island
    site BLOB NOT NULL,             -- the site it is for, empty: our own island
    recipient BLOB NOT NULL,        -- the peer it is for, empty: everybody
    size INTEGER NOT NULL,          -- bytes of the body
    accepted_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    ended_ms INTEGER NOT NULL DEFAULT 0
);
-- The packet or envelope as it was accepted. Apart, because it goes when the message ends, and small rows are quickly counted.
CREATE TABLE spool_body (
    seq INTEGER PRIMARY KEY,        -- the message's
    body BLOB NOT NULL
);
-- State 0 and 1 wait; the rest has ended. How much waits is counted in memory: every index costs a page of the card at each message.
CREATE INDEX spool_waiting ON spool (due_ms, expires_ms) WHERE state < 2;
CREATE INDEX spool_ended ON spool (origin, ended_ms) WHERE state >= 2;

-- Always empty: something is written here and taken away again to see whether there is room.
CREATE TABLE room (filler BLOB NOT NULL);
