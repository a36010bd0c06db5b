-- +goose Up

-- Secrets that people hold are kept as SHA-256 of their 32 random bytes; passwords as argon2id.

CREATE TABLE users (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL,
    name_key      TEXT NOT NULL UNIQUE, -- the name without the difference of case
    email         TEXT NOT NULL DEFAULT '', -- lower case
    role          TEXT NOT NULL,
    password_hash TEXT NOT NULL DEFAULT '', -- empty: this user has no password
    oidc_issuer   TEXT NOT NULL DEFAULT '',
    oidc_subject  TEXT NOT NULL DEFAULT '',
    disabled      INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX users_email ON users (email) WHERE email <> '';
CREATE UNIQUE INDEX users_oidc ON users (oidc_issuer, oidc_subject) WHERE oidc_subject <> '';

CREATE TABLE sessions (
    hash         BLOB PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    way          TEXT NOT NULL, -- how the user signed in
    agent        TEXT NOT NULL DEFAULT '',
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    used_at      INTEGER NOT NULL,
    reveal_until INTEGER NOT NULL DEFAULT 0 -- personal data is shown until then
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires_at);

CREATE TABLE api_tokens (
    id         INTEGER PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE,
    prefix     TEXT NOT NULL, -- of the secret part, to tell tokens apart
    name       TEXT NOT NULL,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL DEFAULT 0,
    used_at    INTEGER NOT NULL DEFAULT 0,
    revoked_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX api_tokens_name ON api_tokens (user_id, name) WHERE revoked_at = 0;

CREATE TABLE sign_in_links (
    hash       BLOB PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_links_user ON sign_in_links (user_id);

-- What failed for a name or a remote address, both as hashes: people type passwords where a name belongs.
CREATE TABLE sign_in_failures (
    subject       TEXT PRIMARY KEY,
    failures      INTEGER NOT NULL,
    last_at       INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_failures_last ON sign_in_failures (last_at);

-- Settings of the installation that are not for everybody's eyes.
CREATE TABLE sealed_settings (
    name       TEXT PRIMARY KEY,
    value      BLOB NOT NULL, -- sealed
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
