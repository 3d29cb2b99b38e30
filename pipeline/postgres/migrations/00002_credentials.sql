-- Sealed credentials: box can be opened only with the key ring, and only as this org's.
-- +goose Up
CREATE TABLE credentials (
  org        text  COLLATE "C" NOT NULL,
  name       text  COLLATE "C" NOT NULL,
  key_id     text  NOT NULL,
  box        bytea NOT NULL,
  updated_at timestamptz,
  PRIMARY KEY (org, name)
);

-- +goose Down
DROP TABLE credentials;
