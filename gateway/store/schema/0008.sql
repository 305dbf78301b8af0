-- Figures of the last day, for charts: one row for each minute and figure.
CREATE TABLE series (
    name TEXT NOT NULL,
    minute INTEGER NOT NULL,        -- Unix minutes
    value REAL NOT NULL,
    PRIMARY KEY (name, minute)
) WITHOUT ROWID;
