-- +goose Up

-- What calls of the JSON API with an idempotency key were answered, so that a repeated one does nothing.
CREATE TABLE calls (
    caller     TEXT NOT NULL,
    key        TEXT NOT NULL,
    request    BYTEA NOT NULL, -- hash
    status     INTEGER NOT NULL DEFAULT 0, -- 0: it is being worked on
    answer     BYTEA, -- sealed
    created_at BIGINT NOT NULL,
    PRIMARY KEY (caller, key)
);
CREATE INDEX calls_old ON calls (created_at);
