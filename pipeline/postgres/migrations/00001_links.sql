-- One row per record and connection. hash is an unsigned number in a signed column. Collation "C"
-- compares bytes, as the program does, and faster than a language's rules. A fifth of each page
-- stays free, so that an update finds room beside its row and touches no index.
-- +goose Up
CREATE TABLE links (
  org             text    COLLATE "C" NOT NULL,
  record_type     text    COLLATE "C" NOT NULL,
  record_id       text    COLLATE "C" NOT NULL,
  connection      text    COLLATE "C" NOT NULL,
  object          text    NOT NULL,
  external_id     text    NOT NULL,
  applied_version bigint  NOT NULL,
  dead_version    bigint  NOT NULL,
  hash            bigint  NOT NULL,
  deleted         boolean NOT NULL,
  revision        bigint  NOT NULL,
  updated_at      timestamptz,
  PRIMARY KEY (org, record_type, record_id, connection)
) WITH (fillfactor = 80);

-- +goose Down
DROP TABLE links;
