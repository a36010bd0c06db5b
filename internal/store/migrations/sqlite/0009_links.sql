-- +goose Up

-- The flow that keeps a document up to date: several may lead to one destination. '' is none: the next may take it over.
ALTER TABLE links ADD COLUMN flow TEXT NOT NULL DEFAULT '';
