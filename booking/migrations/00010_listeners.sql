-- +goose Up
-- What became of each time that a listener was told, for those who ask later.
CREATE TABLE IF NOT EXISTS delivery_tries (
    event_id VARCHAR(26) NOT NULL,
    listener VARCHAR(40) NOT NULL,
    try      INTEGER     NOT NULL,
    at       BIGINT      NOT NULL,
    took_us  BIGINT      NOT NULL,
    outcome  VARCHAR(8)  NOT NULL,
    error    TEXT        NOT NULL,
    -- a delivery that was sent again starts its tries anew, at another time
    PRIMARY KEY (event_id, listener, at, try),
    -- late: its lease was over, and somebody else had the delivery by then
    CONSTRAINT delivery_tries_outcome CHECK (outcome IN ('done', 'failed', 'dead', 'late'))
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

-- What was sold and given back of a show, by the minute (µs) in which it happened.
CREATE TABLE IF NOT EXISTS sales_minutes (
    show_id   VARCHAR(40) NOT NULL,
    minute    BIGINT      NOT NULL,
    orders    BIGINT      NOT NULL,
    seats     BIGINT      NOT NULL,
    revenue   BIGINT      NOT NULL,
    cancelled BIGINT      NOT NULL,
    returned  BIGINT      NOT NULL,
    refunded  BIGINT      NOT NULL,
    PRIMARY KEY (show_id, minute)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

-- Each listener looks for its own: what another one is behind with is not in its way.
CREATE INDEX deliveries_of ON deliveries (listener, state, next_at);

-- +goose Down
DROP TABLE sales_minutes;
DROP TABLE delivery_tries;
