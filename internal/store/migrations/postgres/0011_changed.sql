-- +goose Up

-- How many records a source has changed since a time, beside what it says itself.
CREATE INDEX records_changed ON records (connection, kind, source_time);
