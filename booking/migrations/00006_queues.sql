-- What of the queue must outlive Redis. A row of queues stays when its show is
-- deleted, so that a show made under the same id goes on with the next
-- generation and old tokens stay old.

-- +goose Up
CREATE TABLE IF NOT EXISTS queues (
    show_id    VARCHAR(40) NOT NULL,
    generation BIGINT      NOT NULL,
    epoch      BIGINT      NOT NULL,
    ceiling    BIGINT      NOT NULL,
    head       BIGINT      NOT NULL,
    floor      BIGINT      NOT NULL,
    totals     TEXT        NOT NULL,
    PRIMARY KEY (show_id)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

CREATE TABLE IF NOT EXISTS admissions (
    show_id      VARCHAR(40) NOT NULL,
    generation   BIGINT      NOT NULL,
    epoch        BIGINT      NOT NULL,
    seq          BIGINT      NOT NULL,
    at           BIGINT      NOT NULL,
    admit        BIGINT      NOT NULL,
    interval_ms  BIGINT      NOT NULL,
    max_active   BIGINT      NOT NULL,
    admitted     BIGINT      NOT NULL,
    first_number BIGINT      NOT NULL,
    last_number  BIGINT      NOT NULL,
    next_number  BIGINT      NOT NULL,
    active_after BIGINT      NOT NULL,
    returned     BIGINT      NOT NULL,
    -- a row that is copied twice is kept once
    PRIMARY KEY (show_id, generation, epoch, seq)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

-- +goose Down
DROP TABLE admissions;
DROP TABLE queues;
