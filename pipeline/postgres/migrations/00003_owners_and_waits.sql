-- Who owns a partition, which owner wrote a row, what may still land, and what waits. A row waits if
-- and only if wait_until is set, so one column decides what the partial indexes hold, and a row that
-- doesn't wait changes none of them. unsure_until and wait_until are moments of this server's clock.
-- +goose Up
CREATE TABLE epochs (
  topic     text    COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  epoch     bigint  NOT NULL,
  PRIMARY KEY (topic, partition)
);

ALTER TABLE links
  ADD COLUMN owner_topic     text    COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN owner_partition integer NOT NULL DEFAULT 0,
  ADD COLUMN owner_epoch     bigint  NOT NULL DEFAULT 0,
  ADD COLUMN event_hash      bigint  NOT NULL DEFAULT 0,
  ADD COLUMN seek            boolean NOT NULL DEFAULT false,
  ADD COLUMN unsure_until    timestamptz,
  ADD COLUMN wait_version    bigint,
  ADD COLUMN wait_reason     text,
  ADD COLUMN wait_since      timestamptz,
  ADD COLUMN wait_until      timestamptz,
  ADD COLUMN wait_attempts   integer,
  ADD COLUMN wait_body       bytea;

CREATE INDEX links_due ON links (owner_topic, owner_partition, org, connection, wait_until)
  WHERE wait_until IS NOT NULL;

CREATE INDEX links_waiting ON links (org, record_type, record_id, connection)
  WHERE wait_until IS NOT NULL;

-- +goose Down
DROP INDEX links_waiting;
DROP INDEX links_due;
ALTER TABLE links
  DROP COLUMN owner_topic, DROP COLUMN owner_partition, DROP COLUMN owner_epoch, DROP COLUMN event_hash,
  DROP COLUMN seek, DROP COLUMN unsure_until, DROP COLUMN wait_version, DROP COLUMN wait_reason,
  DROP COLUMN wait_since, DROP COLUMN wait_until, DROP COLUMN wait_attempts, DROP COLUMN wait_body;
DROP TABLE epochs;
