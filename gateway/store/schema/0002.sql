-- What the mesh and the post office keep for those who missed it: packets, by the type of message.
CREATE TABLE kept (
    seq INTEGER PRIMARY KEY,        -- the order in which they came
    id BLOB NOT NULL UNIQUE,        -- packet ID
    kind INTEGER NOT NULL,          -- gateway.wire.types.MessageType
    frame BLOB NOT NULL,
    size INTEGER NOT NULL,
    until_ms INTEGER NOT NULL
);
CREATE INDEX kept_kind ON kept (kind, seq);
CREATE INDEX kept_until ON kept (until_ms);
