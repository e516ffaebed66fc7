-- +goose Up
CREATE TABLE IF NOT EXISTS orders (
    id              VARCHAR(26)  NOT NULL,
    show_id         VARCHAR(40)  NOT NULL,
    visitor         VARCHAR(64)  NOT NULL,
    hold_id         VARCHAR(26)  NOT NULL,
    number          BIGINT       NOT NULL,
    seats           TEXT         NOT NULL,
    amount          BIGINT       NOT NULL,
    currency        VARCHAR(3)   NOT NULL,
    method          VARCHAR(8)   NOT NULL,
    state           VARCHAR(9)   NOT NULL,
    idempotency_key VARCHAR(128) NOT NULL,
    body_hash       VARCHAR(64)  NOT NULL,
    trace           VARCHAR(64)  NOT NULL,
    created_at      BIGINT       NOT NULL,
    paid_at         BIGINT       NULL,
    PRIMARY KEY (id),
    -- the same request makes one order
    CONSTRAINT orders_once UNIQUE (visitor, idempotency_key),
    CONSTRAINT orders_method CHECK (method IN ('wallet', 'card')),
    CONSTRAINT orders_state CHECK (state IN ('pending', 'paid', 'declined', 'refunded', 'cancelled'))
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

CREATE INDEX orders_show ON orders (show_id, state);

CREATE TABLE IF NOT EXISTS tickets (
    show_id  VARCHAR(40) NOT NULL,
    seat     VARCHAR(64) NOT NULL,
    order_id VARCHAR(26) NOT NULL,
    price    BIGINT      NOT NULL,
    -- a seat is sold once: this key stands behind everything, whatever Redis says
    PRIMARY KEY (show_id, seat)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

CREATE INDEX tickets_order ON tickets (order_id);

-- +goose Down
DROP TABLE tickets;
DROP TABLE orders;
