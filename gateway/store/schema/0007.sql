-- What somebody has changed, and by which way the wish came. No secret, no text, no nickname and no peer ID.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order in which it was noted; never given twice, because programs read on from there
    at_ms INTEGER,                  -- NULL: the time of day was not known
    actor TEXT NOT NULL,            -- gateway.store.audit.Actor
    uid INTEGER,                    -- of the user who asked over the control socket, else NULL
    action TEXT NOT NULL,           -- gateway.store.audit.Action
    detail TEXT NOT NULL,
    left_out INTEGER NOT NULL       -- of the same action since the row before that: they were too many
);
CREATE INDEX audit_action ON audit (action, seq);
CREATE INDEX audit_at ON audit (at_ms);
