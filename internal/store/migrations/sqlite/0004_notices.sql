-- +goose Up

-- Receivers of outgoing webhooks.
CREATE TABLE endpoints (
    id            TEXT PRIMARY KEY,
    settings      BLOB NOT NULL, -- sealed JSON: address and secrets
    events        TEXT NOT NULL, -- types of messages, separated by blanks
    description   TEXT NOT NULL,
    disabled      INTEGER NOT NULL DEFAULT 0,
    disabled_why  TEXT NOT NULL DEFAULT '', -- '' when a person did it
    disabled_at   INTEGER NOT NULL DEFAULT 0,
    failures      INTEGER NOT NULL DEFAULT 0, -- in a row
    failing_since INTEGER NOT NULL DEFAULT 0,
    rest_until    INTEGER NOT NULL DEFAULT 0, -- nothing is sent before
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

-- What is told to others: written with what happened, sent afterwards.
CREATE TABLE messages (
    id         INTEGER PRIMARY KEY,
    uid        TEXT NOT NULL UNIQUE, -- the webhook-id, the same at each attempt
    type       TEXT NOT NULL,
    data       TEXT NOT NULL, -- JSON without people's data
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_old ON messages (created_at);

-- A message on its way to one endpoint or channel.
CREATE TABLE sendings (
    id         INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    endpoint   TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
    attempts   INTEGER NOT NULL DEFAULT 0, -- since it was last asked for
    due_at     INTEGER NOT NULL, -- of waiting
    updated_at INTEGER NOT NULL,
    UNIQUE (message_id, endpoint)
) STRICT;
CREATE INDEX sendings_due ON sendings (endpoint, due_at) WHERE state = 'waiting';
CREATE INDEX sendings_failed ON sendings (endpoint, id) WHERE state = 'failed';
CREATE INDEX sendings_endpoint ON sendings (endpoint, id);

CREATE TABLE attempts (
    id         INTEGER PRIMARY KEY,
    sending_id INTEGER NOT NULL REFERENCES sendings (id) ON DELETE CASCADE,
    at         INTEGER NOT NULL,
    took_ms    INTEGER NOT NULL,
    status     INTEGER NOT NULL, -- of HTTP; 0 where there is none
    error      TEXT NOT NULL -- '' when it went well
) STRICT;
CREATE INDEX attempts_sending ON attempts (sending_id);

-- What alerts are about, from the moment it was seen.
CREATE TABLE alerts (
    id         INTEGER PRIMARY KEY,
    rule       TEXT NOT NULL,
    subject    TEXT NOT NULL, -- such as a flow
    title      TEXT NOT NULL,
    since_at   INTEGER NOT NULL, -- when the trouble began
    seen_at    INTEGER NOT NULL, -- when it was last so
    begun_at   INTEGER NOT NULL DEFAULT 0, -- when people were told; 0: it has not lasted long enough
    told_at    INTEGER NOT NULL DEFAULT 0, -- when they were told last
    ended_at   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX alerts_open ON alerts (rule, subject) WHERE ended_at = 0;
CREATE INDEX alerts_old ON alerts (ended_at) WHERE ended_at > 0;

-- Circuit breakers that are open, so that one node knows of all.
CREATE TABLE breakers (
    connection TEXT NOT NULL,
    node       TEXT NOT NULL,
    since_at   INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (connection, node)
) STRICT, WITHOUT ROWID;
