-- +goose Up
CREATE TABLE IF NOT EXISTS holds (
    id         VARCHAR(26) NOT NULL,
    show_id    VARCHAR(40) NOT NULL,
    visitor    VARCHAR(64) NOT NULL,
    number     BIGINT      NOT NULL,
    seats      TEXT        NOT NULL,
    seat_count INTEGER     NOT NULL,
    -- the limit and the layout by which it was made
    max_seats  INTEGER     NOT NULL,
    layout_version INTEGER NOT NULL,
    amount     BIGINT      NOT NULL,
    currency   VARCHAR(3)  NOT NULL,
    fence      BIGINT      NOT NULL,
    state      VARCHAR(8)  NOT NULL,
    expires_at BIGINT      NOT NULL,
    trace      VARCHAR(64) NOT NULL,
    created_at BIGINT      NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT holds_state CHECK (state IN ('held', 'paid', 'released', 'expired'))
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

-- the sweeper's one question a second, over all shows
CREATE INDEX holds_due ON holds (state, expires_at);
CREATE INDEX holds_visitor ON holds (visitor);
CREATE INDEX holds_show ON holds (show_id, state);

CREATE TABLE IF NOT EXISTS purchase_limits (
    show_id VARCHAR(40) NOT NULL,
    visitor VARCHAR(64) NOT NULL,
    taken   INTEGER     NOT NULL,
    PRIMARY KEY (show_id, visitor),
    -- nobody gives back more than they took
    CONSTRAINT purchase_limits_taken CHECK (taken >= 0)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

-- +goose Down
DROP TABLE purchase_limits;
DROP TABLE holds;
