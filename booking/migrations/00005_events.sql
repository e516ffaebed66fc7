-- +goose Up
CREATE TABLE IF NOT EXISTS events (
    id        VARCHAR(26) NOT NULL,
    type      VARCHAR(40) NOT NULL,
    show_id   VARCHAR(40) NOT NULL,
    subject   VARCHAR(26) NOT NULL,
    visitor   VARCHAR(64) NOT NULL,
    trace     VARCHAR(64) NOT NULL,
    payload   TEXT        NOT NULL,
    listeners TEXT        NOT NULL,
    at        BIGINT      NOT NULL,
    PRIMARY KEY (id)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

CREATE INDEX events_show ON events (show_id);
CREATE INDEX events_subject ON events (subject);

CREATE TABLE IF NOT EXISTS deliveries (
    event_id   VARCHAR(26) NOT NULL,
    listener   VARCHAR(40) NOT NULL,
    subject    VARCHAR(26) NOT NULL,
    state      VARCHAR(8)  NOT NULL,
    tries      INTEGER     NOT NULL,
    next_at    BIGINT      NOT NULL,
    claim      VARCHAR(26) NOT NULL,
    last_error TEXT        NOT NULL,
    done_at    BIGINT      NULL,
    -- each listener is told of an event once
    PRIMARY KEY (event_id, listener),
    CONSTRAINT deliveries_state CHECK (state IN ('due', 'done', 'dead')),
    -- done says when
    CONSTRAINT deliveries_done CHECK (state <> 'done' OR done_at IS NOT NULL)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

CREATE INDEX deliveries_due ON deliveries (state, next_at);
CREATE INDEX deliveries_subject ON deliveries (subject, listener);
CREATE INDEX deliveries_claim ON deliveries (claim);

-- +goose Down
DROP TABLE deliveries;
DROP TABLE events;
