-- What courier mail needs besides what every message in the spool has.
CREATE TABLE mail (
    id BLOB PRIMARY KEY,            -- the message's in the spool
    copies INTEGER NOT NULL,        -- how many there are left to be given away, this one included
    regular INTEGER NOT NULL,       -- whether its depositor had been known here for a day
    holders BLOB NOT NULL           -- couriers and sites that have a copy, 8 bytes each
) WITHOUT ROWID;

-- The signing keys trusted on first use.
CREATE TABLE pin (
    peer BLOB PRIMARY KEY,          -- peer ID
    signing BLOB NOT NULL,
    since_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL        -- the day it was last announced
) WITHOUT ROWID;

-- Events of the consent bridge that are at hand for sites that missed them, and deposits no site was linked for yet.
CREATE TABLE carried (
    seq INTEGER PRIMARY KEY,        -- the order in which they came
    id BLOB NOT NULL,               -- the first 16 bytes of the Nostr event ID
    unsent INTEGER NOT NULL,        -- 1: a deposit that waits for a site
    owner BLOB NOT NULL,            -- whose it is: the depositor of a deposit, the site an event comes from
    created_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (id, unsent)
);
CREATE INDEX carried_until ON carried (until_ms);
