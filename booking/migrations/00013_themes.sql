-- How a show's pages look, as JSON: what visitors see, and the draft that the operator
-- is at. NULL: as they come. The pictures that themes name lie apart, by the hash of their bytes.

-- +goose Up
CREATE TABLE IF NOT EXISTS pictures (
    show_id VARCHAR(40) NOT NULL,
    hash    VARCHAR(64) NOT NULL,
    kind    VARCHAR(20) NOT NULL,
    -- at most 60,000 bytes
    body    BLOB        NOT NULL,
    PRIMARY KEY (show_id, hash)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

ALTER TABLE shows ADD COLUMN theme TEXT NULL;

-- +goose Down
ALTER TABLE shows DROP COLUMN theme;
DROP TABLE pictures;
