-- Why each packet went where it went. No text and no nickname.
CREATE TABLE decision (
    seq INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,          -- packet ID in hexadecimal, or message ID, in small letters
    at_ms INTEGER NOT NULL,
    hop TEXT NOT NULL,
    verb TEXT NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX decision_subject ON decision (subject, seq);
CREATE INDEX decision_at ON decision (at_ms);

-- What a rule could have seen of each packet, for a dry run over the past.
CREATE TABLE shape (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,        -- packet ID
    at_ms INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    size INTEGER NOT NULL,
    directed INTEGER NOT NULL,
    signed INTEGER NOT NULL,
    origin BLOB NOT NULL,           -- keyed hash of the sender's peer ID; the key is the day's
    via BLOB NOT NULL,              -- the site it came from, empty: our own island
    verdict TEXT NOT NULL           -- 'crossed', or the reason it did not
);
CREATE INDEX shape_at ON shape (at_ms);

-- One key a day; thrown away with the day's shapes, after which nobody can tell whose they were.
CREATE TABLE salt (
    day INTEGER PRIMARY KEY,        -- days since 1970, UTC
    key BLOB NOT NULL
);
