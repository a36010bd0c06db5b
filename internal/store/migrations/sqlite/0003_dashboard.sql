-- +goose Up

-- What people look at: lists of tasks that are read from an index in their order, a search that does not lay names and
-- addresses open, causes that people take care of, the history of maps, saved views.

-- The tasks of one flow that came the same way. There are few, and lists choose among them before they read tasks.
CREATE TABLE streams (
    id          INTEGER PRIMARY KEY,
    flow        TEXT NOT NULL,
    connection  TEXT NOT NULL, -- the source
    destination TEXT NOT NULL,
    kind        TEXT NOT NULL,
    via         TEXT NOT NULL, -- how the record was seen first
    UNIQUE (flow, connection, destination, kind, via)
) STRICT;

ALTER TABLE records ADD COLUMN amount_e4 INTEGER; -- the amount times 10,000, exactly; NULL where there is none
ALTER TABLE records ADD COLUMN ordered_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN buyer BLOB; -- sealed JSON
ALTER TABLE records ADD COLUMN terms BLOB; -- the hashes of its rows in terms, eight bytes each
ALTER TABLE records ADD COLUMN summary INTEGER NOT NULL DEFAULT 0; -- keyed hash of all that the summary says; 0: there is none yet

-- Copies of what their record has, so that lists need not read the records that they leave out.
ALTER TABLE tasks ADD COLUMN stream_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN first_seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN amount_e4 INTEGER;
ALTER TABLE tasks ADD COLUMN currency TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN lag_ms INTEGER NOT NULL DEFAULT 0; -- how long it waited the last time it became synced

UPDATE records SET amount_e4 = CAST(round(CAST(amount AS REAL) * 10000) AS INTEGER) WHERE amount <> '';
INSERT INTO streams (flow, connection, destination, kind, via)
    SELECT DISTINCT t.flow, r.connection, t.destination, t.kind, r.first_via FROM tasks t JOIN records r ON r.id = t.record_id;
UPDATE tasks SET lag_ms = synced_at - created_at WHERE synced_at > created_at;
UPDATE tasks SET (stream_id, first_seen, amount_e4, currency) = (
    SELECT s.id, r.first_seen, r.amount_e4, r.currency FROM records r JOIN streams s ON s.flow = tasks.flow AND s.connection = r.connection
        AND s.destination = tasks.destination AND s.kind = tasks.kind AND s.via = r.first_via
    WHERE r.id = tasks.record_id);

CREATE INDEX records_amount ON records (amount_e4, id) WHERE amount_e4 IS NOT NULL;
CREATE INDEX records_seen ON records (connection, kind, first_seen);

DROP INDEX tasks_state;
DROP INDEX tasks_cause;
DROP INDEX tasks_waiting_since;
-- Conditions of indexes say <> 0, because SQLite would take > 0, which a query must repeat, for the begin of its range.
CREATE INDEX tasks_stream ON tasks (stream_id, state, first_seen, id);
CREATE INDEX tasks_seen ON tasks (kind, first_seen, id);
CREATE INDEX tasks_synced ON tasks (stream_id, synced_at, lag_ms) WHERE synced_at <> 0;
CREATE INDEX tasks_waiting_since ON tasks (waiting_since, id, stream_id) WHERE waiting_since <> 0;
CREATE INDEX tasks_stuck ON tasks (state, waiting_since, id) WHERE state IN ('held', 'failed');
CREATE INDEX tasks_cause ON tasks (cause_id, first_seen, id) WHERE cause_id <> 0;
CREATE INDEX tasks_stake ON tasks (cause_id, currency, amount_e4) WHERE cause_id <> 0;

-- Words that records are found by, as keyed hashes: the first eight bytes of an HMAC-SHA256.
CREATE TABLE terms (
    hash      INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    PRIMARY KEY (hash, record_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE causes ADD COLUMN kind TEXT NOT NULL DEFAULT ''; -- of the failure: connector.ErrorKind
ALTER TABLE causes ADD COLUMN value TEXT NOT NULL DEFAULT ''; -- of kind unmapped: what no map knows
ALTER TABLE causes ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE causes ADD COLUMN snoozed_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE causes ADD COLUMN ignored_why TEXT NOT NULL DEFAULT '';
ALTER TABLE causes ADD COLUMN opened_at INTEGER NOT NULL DEFAULT 0; -- first_seen, or when it came back after it was closed
ALTER TABLE causes ADD COLUMN closed_at INTEGER NOT NULL DEFAULT 0; -- noted by a chore; no task that has it is what counts
UPDATE causes SET opened_at = first_seen;
UPDATE causes SET kind = 'unmapped', value = substr(field, instr(field, ' ') + 1) WHERE code = 'unmapped' AND instr(field, ' ') > 0;
CREATE INDEX causes_open ON causes (id) WHERE closed_at = 0;
CREATE INDEX causes_closed ON causes (closed_at, id) WHERE closed_at > 0;

CREATE TABLE mapping_history (
    id         INTEGER PRIMARY KEY,
    flow       TEXT NOT NULL,
    table_name TEXT NOT NULL,
    key        TEXT NOT NULL,
    before     TEXT NOT NULL,
    after      TEXT NOT NULL,
    at         INTEGER NOT NULL,
    who        TEXT NOT NULL,
    why        TEXT NOT NULL
) STRICT;
CREATE INDEX mapping_history_key ON mapping_history (flow, table_name, key);

-- Values that maps could speak of, as they came in orders.
CREATE TABLE seen_values (
    connection TEXT NOT NULL,
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    title      TEXT NOT NULL,
    count      INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    PRIMARY KEY (connection, kind, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE views (
    id         INTEGER PRIMARY KEY,
    owner      TEXT NOT NULL, -- name of a user; '' is for all
    screen     TEXT NOT NULL,
    name       TEXT NOT NULL,
    query      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (screen, owner, name)
) STRICT;

CREATE INDEX audit_who ON audit (who, id);
CREATE INDEX audit_action ON audit (action, id);
CREATE INDEX cursors_updated ON cursors (updated_at);
