-- +goose Up

-- Some vendors tell of a change before it can be read. From this time on the newest one that a record was told of can.
ALTER TABLE records ADD COLUMN fetch_ripe INTEGER NOT NULL DEFAULT 0;
