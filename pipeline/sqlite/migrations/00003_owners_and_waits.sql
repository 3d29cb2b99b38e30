-- Who owns a partition, which owner wrote a row, what may still land, and what waits. A row waits if
-- and only if wait_until is set. event_hash is an unsigned number in a signed column.
-- +goose Up
CREATE TABLE epochs (
  topic     TEXT    NOT NULL,
  partition INTEGER NOT NULL,
  epoch     INTEGER NOT NULL,
  PRIMARY KEY (topic, partition)
) WITHOUT ROWID;

ALTER TABLE links ADD COLUMN owner_topic     TEXT    NOT NULL DEFAULT '';
ALTER TABLE links ADD COLUMN owner_partition INTEGER NOT NULL DEFAULT 0;
ALTER TABLE links ADD COLUMN owner_epoch     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE links ADD COLUMN event_hash      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE links ADD COLUMN seek            INTEGER NOT NULL DEFAULT 0;
ALTER TABLE links ADD COLUMN unsure_until    TEXT; -- UTC, microseconds, as all times here
ALTER TABLE links ADD COLUMN wait_version    INTEGER;
ALTER TABLE links ADD COLUMN wait_reason     TEXT;
ALTER TABLE links ADD COLUMN wait_since      TEXT;
ALTER TABLE links ADD COLUMN wait_until      TEXT;
ALTER TABLE links ADD COLUMN wait_attempts   INTEGER;
ALTER TABLE links ADD COLUMN wait_body       BLOB;

CREATE INDEX links_due ON links (owner_topic, owner_partition, org, connection, wait_until)
  WHERE wait_until IS NOT NULL;

CREATE INDEX links_waiting ON links (org, record_type, record_id, connection)
  WHERE wait_until IS NOT NULL;

-- +goose Down
DROP INDEX links_waiting;
DROP INDEX links_due;
ALTER TABLE links DROP COLUMN wait_body;
ALTER TABLE links DROP COLUMN wait_attempts;
ALTER TABLE links DROP COLUMN wait_until;
ALTER TABLE links DROP COLUMN wait_since;
ALTER TABLE links DROP COLUMN wait_reason;
ALTER TABLE links DROP COLUMN wait_version;
ALTER TABLE links DROP COLUMN unsure_until;
ALTER TABLE links DROP COLUMN seek;
ALTER TABLE links DROP COLUMN event_hash;
ALTER TABLE links DROP COLUMN owner_epoch;
ALTER TABLE links DROP COLUMN owner_partition;
ALTER TABLE links DROP COLUMN owner_topic;
DROP TABLE epochs;
