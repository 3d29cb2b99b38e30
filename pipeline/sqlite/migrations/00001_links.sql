-- One row per record and connection. hash is an unsigned number in a signed column.
-- +goose Up
CREATE TABLE links (
  org             TEXT    NOT NULL,
  record_type     TEXT    NOT NULL,
  record_id       TEXT    NOT NULL,
  connection      TEXT    NOT NULL,
  object          TEXT    NOT NULL,
  external_id     TEXT    NOT NULL,
  applied_version INTEGER NOT NULL,
  dead_version    INTEGER NOT NULL,
  hash            INTEGER NOT NULL,
  deleted         INTEGER NOT NULL,
  revision        INTEGER NOT NULL,
  updated_at      TEXT, -- UTC, microseconds
  PRIMARY KEY (org, record_type, record_id, connection)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE links;
