-- Messages on their way, and the IDs of those that have ended. No text of ours: a body is a packet or an envelope as it was accepted.
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
    body BLOB NOT NULL,             -- empty once it has ended
    size INTEGER NOT NULL,          -- bytes of the body it had
    accepted_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    ended_ms INTEGER NOT NULL DEFAULT 0
);
-- State 0 and 1 wait; the rest has ended.
CREATE INDEX spool_due ON spool (due_ms) WHERE state < 2;
CREATE INDEX spool_expires ON spool (expires_ms) WHERE state < 2;
-- These answer "how much is waiting?" without a look at the rows.
CREATE INDEX spool_class ON spool (class, size) WHERE state < 2;
CREATE INDEX spool_origin ON spool (origin, size) WHERE state < 2;
CREATE INDEX spool_recipient ON spool (recipient, size) WHERE state < 2;
CREATE INDEX spool_via ON spool (via, size) WHERE state < 2;
CREATE INDEX spool_site ON spool (site, size) WHERE state < 2;
CREATE INDEX spool_ended ON spool (origin, ended_ms) WHERE state >= 2;

-- Always empty: something is written here and taken away again to see whether there is room.
CREATE TABLE room (filler BLOB NOT NULL);
