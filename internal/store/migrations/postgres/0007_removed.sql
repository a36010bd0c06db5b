-- +goose Up

-- What was removed from the configuration and is kept, paused, because it has a history.
ALTER TABLE connections ADD COLUMN removed BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE flows ADD COLUMN removed BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE connections SET removed = TRUE WHERE paused AND paused_why = 'removed from the configuration';
UPDATE flows SET removed = TRUE WHERE paused AND paused_why = 'removed from the configuration';
