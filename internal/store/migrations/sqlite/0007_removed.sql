-- +goose Up

-- What was removed from the configuration and is kept, paused, because it has a history.
ALTER TABLE connections ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE flows ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
UPDATE connections SET removed = 1 WHERE paused AND paused_why = 'removed from the configuration';
UPDATE flows SET removed = 1 WHERE paused AND paused_why = 'removed from the configuration';
