-- Sealed credentials: box can be opened only with the key ring, and only as this org's.
-- +goose Up
CREATE TABLE credentials (
  org        TEXT NOT NULL,
  name       TEXT NOT NULL,
  key_id     TEXT NOT NULL,
  box        BLOB NOT NULL,
  updated_at TEXT, -- UTC, microseconds
  PRIMARY KEY (org, name)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE credentials;
