-- Whom the operator has put out of a show, for good or until it is undone.

-- +goose Up
CREATE TABLE IF NOT EXISTS bans (
    show_id VARCHAR(40) NOT NULL,
    visitor VARCHAR(64) NOT NULL,
    at      BIGINT      NOT NULL,
    PRIMARY KEY (show_id, visitor)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

-- +goose Down
DROP TABLE bans;
