-- What the operator changed, each row written with the change itself. It outlives
-- the show that it is about.

-- +goose Up
CREATE TABLE IF NOT EXISTS audit (
    -- ids grow with time, so they are the order, and the cursor of those who read on
    id         VARCHAR(26) NOT NULL,
    -- empty for what is of no show, such as a wallet
    show_id    VARCHAR(40) NOT NULL,
    subject    VARCHAR(64) NOT NULL,
    action     VARCHAR(32) NOT NULL,
    operator   VARCHAR(64) NOT NULL,
    address    VARCHAR(64) NOT NULL,
    request_id VARCHAR(64) NOT NULL,
    -- JSON objects of the fields that changed, and of no others
    was        TEXT        NOT NULL,
    became     TEXT        NOT NULL,
    at         BIGINT      NOT NULL,
    PRIMARY KEY (id)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

CREATE INDEX audit_show ON audit (show_id, id);

-- +goose Down
DROP TABLE audit;
