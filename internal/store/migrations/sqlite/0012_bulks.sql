-- +goose Up

-- Actions on many orders, so that every node can show them, and start and stop those that another one works on. Times are
-- the database's.
CREATE TABLE bulks (
    id         TEXT PRIMARY KEY NOT NULL,
    node       TEXT NOT NULL, -- that works on it
    state      TEXT NOT NULL,
    bulk       BLOB NOT NULL, -- sealed
    wish       TEXT NOT NULL DEFAULT '', -- of somebody on another node: start or stop
    wished     BLOB, -- sealed: who, and why
    started_at INTEGER NOT NULL DEFAULT 0,
    seen_at    INTEGER NOT NULL, -- when its node last wrote here
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bulks_started ON bulks (started_at);
CREATE INDEX bulks_old ON bulks (updated_at);
