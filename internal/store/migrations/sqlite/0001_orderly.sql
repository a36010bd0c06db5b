-- +goose Up

-- Times are milliseconds since 1970 in UTC, 0 where there is none. Amounts are decimals as text. Booleans are 0 and 1.

-- What the database says of itself, such as the id of the key that its secrets are sealed with.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE connections (
    name       TEXT PRIMARY KEY,
    system     TEXT NOT NULL,
    settings   BLOB NOT NULL, -- sealed JSON
    lanes      INTEGER NOT NULL DEFAULT 1,
    paused     INTEGER NOT NULL DEFAULT 0,
    paused_why TEXT NOT NULL DEFAULT '',
    checked_at INTEGER NOT NULL DEFAULT 0,
    health     TEXT NOT NULL DEFAULT '',
    updated_at INTEGER NOT NULL
) STRICT;

-- Small secrets that change while running, such as tokens; a lease is the right to replace one.
CREATE TABLE secrets (
    connection  TEXT NOT NULL,
    name        TEXT NOT NULL,
    value       BLOB, -- sealed; NULL before the first
    lease_owner TEXT NOT NULL DEFAULT '',
    lease_until INTEGER NOT NULL DEFAULT 0,
    updated_at  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (connection, name)
) STRICT;

CREATE TABLE flows (
    name        TEXT PRIMARY KEY,
    source      TEXT NOT NULL,
    destination TEXT NOT NULL,
    config      TEXT NOT NULL,
    paused      INTEGER NOT NULL DEFAULT 0,
    paused_why  TEXT NOT NULL DEFAULT '',
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE records (
    id          INTEGER PRIMARY KEY,
    connection  TEXT NOT NULL,
    kind        TEXT NOT NULL,
    source_id   TEXT NOT NULL,
    slot        INTEGER NOT NULL, -- hash of the identity, from which the lane follows
    revision    INTEGER NOT NULL DEFAULT 0,
    hash        TEXT NOT NULL DEFAULT '', -- of the newest body
    body_event  INTEGER NOT NULL DEFAULT 0, -- the event that has the newest body
    source_time INTEGER NOT NULL DEFAULT 0,
    deleted     INTEGER NOT NULL DEFAULT 0,
    first_via   TEXT NOT NULL,
    first_seen  INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL,
    fetch_lane  INTEGER NOT NULL DEFAULT 0,
    fetch_due   INTEGER NOT NULL DEFAULT 0, -- 0: nobody wants it fetched
    fetch_asked INTEGER NOT NULL DEFAULT 0,
    fetch_tries INTEGER NOT NULL DEFAULT 0,
    fetch_error TEXT NOT NULL DEFAULT '',
    number      TEXT NOT NULL DEFAULT '',
    amount      TEXT NOT NULL DEFAULT '',
    currency    TEXT NOT NULL DEFAULT '',
    UNIQUE (connection, kind, source_id)
) STRICT;
CREATE INDEX records_fetch ON records (connection, fetch_lane, fetch_due) WHERE fetch_due > 0;
CREATE INDEX records_number ON records (number) WHERE number <> '';

CREATE TABLE events (
    id          INTEGER PRIMARY KEY,
    record_id   INTEGER NOT NULL REFERENCES records (id),
    connection  TEXT NOT NULL,
    via         TEXT NOT NULL,
    topic       TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    change      TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    source_time INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    revision    INTEGER NOT NULL,
    form        TEXT NOT NULL,
    current     INTEGER NOT NULL, -- it has its record's newest body, so it is never pruned
    body        BLOB -- compressed and sealed; NULL for a thin event and for content that is kept already
) STRICT;
-- By record, because one delivery may speak of several.
CREATE UNIQUE INDEX events_delivery ON events (record_id, delivery_id) WHERE delivery_id <> '';
CREATE INDEX events_record ON events (record_id);
CREATE INDEX events_old ON events (received_at) WHERE NOT current;

CREATE TABLE causes (
    id          INTEGER PRIMARY KEY,
    flow        TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    state       TEXT NOT NULL,
    step        TEXT NOT NULL,
    code        TEXT NOT NULL,
    field       TEXT NOT NULL,
    message     TEXT NOT NULL,
    fix         TEXT NOT NULL,
    first_seen  INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL,
    UNIQUE (flow, fingerprint)
) STRICT;

CREATE TABLE tasks (
    id             INTEGER PRIMARY KEY,
    flow           TEXT NOT NULL,
    record_id      INTEGER NOT NULL REFERENCES records (id),
    kind           TEXT NOT NULL, -- of the record, so that counting needs no join
    destination    TEXT NOT NULL,
    lane           INTEGER NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('waiting', 'working', 'synced', 'held', 'failed', 'skipped')),
    pinned         INTEGER NOT NULL DEFAULT 0, -- a person wants it to stay in its state
    wanted         INTEGER NOT NULL, -- revision
    delivered      INTEGER NOT NULL DEFAULT 0, -- revision
    delivered_hash TEXT NOT NULL DEFAULT '',
    due_at         INTEGER NOT NULL, -- of waiting; 0: the record must be fetched first
    priority       INTEGER NOT NULL CHECK (priority IN (0, 1)),
    attempts       INTEGER NOT NULL DEFAULT 0,
    again          INTEGER NOT NULL DEFAULT 0, -- wanted although nothing changed
    uncertain      INTEGER NOT NULL DEFAULT 0, -- nobody knows how the last attempt ended
    run            TEXT NOT NULL DEFAULT '', -- the run that works on it
    intent_at      INTEGER NOT NULL DEFAULT 0,
    reason         TEXT NOT NULL DEFAULT '',
    cause_id       INTEGER NOT NULL DEFAULT 0,
    created_at     INTEGER NOT NULL,
    waiting_since  INTEGER NOT NULL, -- 0 once it is in the destination or left out
    synced_at      INTEGER NOT NULL DEFAULT 0,
    updated_at     INTEGER NOT NULL,
    UNIQUE (record_id, flow)
) STRICT;
CREATE INDEX tasks_due ON tasks (destination, lane, priority, due_at, flow) WHERE state = 'waiting' AND due_at > 0;
CREATE INDEX tasks_working ON tasks (destination, lane) WHERE state = 'working';
CREATE INDEX tasks_state ON tasks (flow, state, kind);
CREATE INDEX tasks_cause ON tasks (cause_id) WHERE cause_id > 0;
CREATE INDEX tasks_waiting_since ON tasks (waiting_since) WHERE waiting_since > 0;

CREATE TABLE links (
    destination   TEXT NOT NULL,
    role          TEXT NOT NULL,
    record_id     INTEGER NOT NULL REFERENCES records (id),
    document_type TEXT NOT NULL,
    document_id   TEXT NOT NULL,
    number        TEXT NOT NULL,
    url           TEXT NOT NULL,
    key           TEXT NOT NULL,
    state         TEXT NOT NULL,
    net           TEXT NOT NULL,
    tax           TEXT NOT NULL,
    gross         TEXT NOT NULL,
    currency      TEXT NOT NULL,
    customer_id   TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (record_id, destination, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_document ON links (document_id, destination);
CREATE INDEX links_number ON links (number) WHERE number <> '';

CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY,
    task_id     INTEGER NOT NULL REFERENCES tasks (id),
    revision    INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    detail      BLOB -- compressed and sealed
) STRICT;
CREATE INDEX deliveries_task ON deliveries (task_id);
CREATE INDEX deliveries_old ON deliveries (finished_at);

-- The right to make something once (owner, until), then the memory of what was made.
CREATE TABLE claims (
    destination   TEXT NOT NULL,
    match_key     TEXT NOT NULL,
    owner         TEXT NOT NULL DEFAULT '',
    until         INTEGER NOT NULL DEFAULT 0,
    document_type TEXT NOT NULL DEFAULT '',
    document_id   TEXT NOT NULL DEFAULT '',
    number        TEXT NOT NULL DEFAULT '',
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (destination, match_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_document ON claims (destination, document_id) WHERE document_id <> '';

CREATE TABLE cursors (
    id          INTEGER PRIMARY KEY,
    connection  TEXT NOT NULL,
    kind        TEXT NOT NULL,
    purpose     TEXT NOT NULL,
    flow        TEXT NOT NULL DEFAULT '',
    since_at    INTEGER NOT NULL DEFAULT 0,
    until_at    INTEGER NOT NULL DEFAULT 0,
    cursor      TEXT NOT NULL DEFAULT '',
    watermark   INTEGER NOT NULL DEFAULT 0,
    open_window INTEGER NOT NULL DEFAULT 0,
    total       INTEGER NOT NULL DEFAULT 0,
    seen        INTEGER NOT NULL DEFAULT 0,
    changed     INTEGER NOT NULL DEFAULT 0,
    state       TEXT NOT NULL,
    error       TEXT NOT NULL DEFAULT '',
    tries       INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX cursors_poll ON cursors (connection, kind) WHERE purpose = 'poll';
CREATE INDEX cursors_open ON cursors (due_at) WHERE purpose = 'backfill' AND state IN ('ready', 'running');

-- Requests that were in order and brought no event.
CREATE TABLE ignored (
    connection TEXT NOT NULL,
    reason     TEXT NOT NULL,
    count      INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    PRIMARY KEY (connection, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    who     TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    why     TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;
CREATE INDEX audit_subject ON audit (subject);
CREATE INDEX audit_at ON audit (at);
