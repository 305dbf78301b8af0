-- What the consent bridge remembers of events, so that none is put on the radio twice.
CREATE TABLE event (
    id BLOB NOT NULL,               -- the first 16 bytes of the Nostr event ID
    memory INTEGER NOT NULL,        -- gateway.mesh.records.EventMemory
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (id, memory)
) WITHOUT ROWID;
CREATE INDEX event_until ON event (until_ms);
