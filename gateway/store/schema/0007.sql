-- The number belongs to what sign-ins need; nothing is kept here.
CREATE VIEW unused AS SELECT 0 AS unused;
