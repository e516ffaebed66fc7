-- A card order's payment, one row an order, and what was asked of the provider.
-- The row is what the reconciler works through until its state is a final one.

-- +goose Up
CREATE TABLE IF NOT EXISTS payments (
    order_id   VARCHAR(26)  NOT NULL,
    show_id    VARCHAR(40)  NOT NULL,
    hold_id    VARCHAR(26)  NOT NULL,
    amount     BIGINT       NOT NULL,
    currency   VARCHAR(3)   NOT NULL,
    state      VARCHAR(9)   NOT NULL,
    captured   BIGINT       NOT NULL,
    refunded   BIGINT       NOT NULL,
    reason     VARCHAR(200) NOT NULL,
    -- the hold's own deadline, how far its visitor's admission may reach, and whether a
    -- decline has prolonged the hold
    hold_until BIGINT       NOT NULL,
    latest     BIGINT       NOT NULL,
    prolonged  INTEGER      NOT NULL,
    -- up to when the seats wait for an answer
    seats_until BIGINT      NOT NULL,
    -- when it came into its state, and how often it was asked about since
    since      BIGINT       NOT NULL,
    tries      INTEGER      NOT NULL,
    next_at    BIGINT       NOT NULL,
    claim      VARCHAR(26)  NOT NULL,
    created_at BIGINT       NOT NULL,
    settled_at BIGINT       NULL,
    PRIMARY KEY (order_id),
    CONSTRAINT payments_state CHECK (state IN ('asked', 'captured', 'declined', 'refunding', 'refunded', 'void')),
    -- nobody gets back more than was taken
    CONSTRAINT payments_refunded CHECK (refunded >= 0 AND refunded <= captured)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

-- the reconciler's one question a second, over all shows
CREATE INDEX payments_due ON payments (state, next_at);
CREATE INDEX payments_hold ON payments (hold_id);
CREATE INDEX payments_show ON payments (show_id);

CREATE TABLE IF NOT EXISTS order_steps (
    id       VARCHAR(26)  NOT NULL,
    order_id VARCHAR(26)  NOT NULL,
    kind     VARCHAR(20)  NOT NULL,
    outcome  VARCHAR(20)  NOT NULL,
    detail   VARCHAR(500) NOT NULL,
    made_by  VARCHAR(64)  NOT NULL,
    at       BIGINT       NOT NULL,
    took_us  BIGINT       NOT NULL,
    PRIMARY KEY (id)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

CREATE INDEX order_steps_order ON order_steps (order_id);

-- Last, since it alone cannot be run again: the order that a hold is being paid by
-- card with, or was; empty for none. Such a hold does not lapse.
ALTER TABLE holds ADD COLUMN order_id VARCHAR(26) NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE holds DROP COLUMN order_id;
DROP TABLE order_steps;
DROP TABLE payments;
