-- +goose Up

-- What calls of the JSON API with an idempotency key were answered, so that a repeated one does nothing.
CREATE TABLE calls (
    caller     TEXT NOT NULL,
    key        TEXT NOT NULL,
    request    BLOB NOT NULL, -- hash
    status     INTEGER NOT NULL DEFAULT 0, -- 0: it is being worked on
    answer     BLOB, -- sealed
    created_at INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX calls_old ON calls (created_at);
