-- +goose Up

-- What is asked of a backlog is a few searches in an index, however long the backlog is.

-- By flow, so that the backlog of a paused flow is passed over.
DROP INDEX tasks_due;
CREATE INDEX tasks_due ON tasks (destination, lane, flow, priority, due_at, id) WHERE state = 'waiting' AND due_at > 0;

-- By stream, because what waits is asked for by flow, kind or connection. Lists of all merge the streams.
DROP INDEX tasks_waiting_since;
CREATE INDEX tasks_waiting_since ON tasks (stream_id, waiting_since, id) WHERE waiting_since <> 0;

-- In which cause a task came to rest last and when, kept while it is tried again: it is no news when it comes back.
ALTER TABLE tasks ADD COLUMN last_cause BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN rested_at BIGINT NOT NULL DEFAULT 0;
UPDATE tasks SET last_cause = cause_id, rested_at = updated_at WHERE cause_id <> 0 AND state IN ('held', 'failed');
CREATE INDEX tasks_rested ON tasks (rested_at) WHERE rested_at <> 0;

ALTER TABLE connections ADD COLUMN lanes_moving BOOLEAN NOT NULL DEFAULT FALSE; -- what waits may not be in its lane yet
