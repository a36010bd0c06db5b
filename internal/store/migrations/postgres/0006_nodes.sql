-- +goose Up

-- The nodes that share a PostgreSQL database, and when each was seen last by the database's clock. What a node ran that
-- has gone is taken over by the others. One process works on a SQLite file, which so has no rows here.
CREATE TABLE nodes (
    id      TEXT PRIMARY KEY,
    seen_at BIGINT NOT NULL
);
