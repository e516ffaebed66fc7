-- One folder for MySQL 8, MariaDB, TiDB and SQLite: times are BIGINT µs, ids
-- VARCHAR, JSON is TEXT, and a state is a VARCHAR with a CHECK. What stands in
-- /*! */ is run by the MySQL family alone, and makes ids compare byte by byte
-- there as they do in SQLite. There are no foreign keys: they would tie shards
-- together, and every write of the sale is guarded by its own WHERE.
-- Tables are made only if missing, so that a migration that a crash cut short
-- (DDL commits by itself in MySQL) can be run again.

-- +goose Up
CREATE TABLE IF NOT EXISTS shows (
    id             VARCHAR(40)  NOT NULL,
    title          VARCHAR(200) NOT NULL,
    venue          VARCHAR(200) NOT NULL,
    currency       VARCHAR(3)   NOT NULL,
    phase          VARCHAR(8)   NOT NULL,
    plays_at       BIGINT       NULL,
    starts_at      BIGINT       NULL,
    ends_at        BIGINT       NULL,
    hold_seconds   INTEGER      NOT NULL,
    max_seats      INTEGER      NOT NULL,
    max_waiting    INTEGER      NOT NULL,
    rules          TEXT         NOT NULL,
    rules_version  BIGINT       NOT NULL,
    message        TEXT         NOT NULL,
    layout_version INTEGER      NOT NULL,
    seat_count     INTEGER      NOT NULL,
    created_at     BIGINT       NOT NULL,
    updated_at     BIGINT       NOT NULL,
    PRIMARY KEY (id),
    -- lobby is the phase before a draw
    CONSTRAINT shows_phase CHECK (phase IN ('draft', 'lobby', 'open', 'closed'))
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

CREATE TABLE IF NOT EXISTS sections (
    show_id  VARCHAR(40)  NOT NULL,
    section  VARCHAR(40)  NOT NULL,
    name     VARCHAR(200) NOT NULL,
    price    BIGINT       NOT NULL,
    ordinal  INTEGER      NOT NULL,
    PRIMARY KEY (show_id, section),
    -- nobody is paid for taking a seat
    CONSTRAINT sections_price CHECK (price >= 0)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

CREATE TABLE IF NOT EXISTS seats (
    show_id    VARCHAR(40) NOT NULL,
    seat       VARCHAR(64) NOT NULL,
    ordinal    INTEGER     NOT NULL,
    section    VARCHAR(40) NOT NULL,
    row_name   VARCHAR(20) NOT NULL,
    number     VARCHAR(20) NOT NULL,
    x          DOUBLE      NOT NULL,
    y          DOUBLE      NOT NULL,
    -- a hold made by an older layout, at other prices, must not match
    layout_version INTEGER NOT NULL,
    state      VARCHAR(8)  NOT NULL,
    fence      BIGINT      NOT NULL,
    hold_id    VARCHAR(26) NOT NULL,
    hold_until BIGINT      NOT NULL,
    order_id   VARCHAR(26) NOT NULL,
    PRIMARY KEY (show_id, seat),
    -- the letter of a seat in the string of states is at its ordinal
    CONSTRAINT seats_ordinal UNIQUE (show_id, ordinal),
    -- paying is the state under a payment that is on its way
    CONSTRAINT seats_state CHECK (state IN ('free', 'held', 'paying', 'sold'))
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

CREATE INDEX seats_hold ON seats (hold_id);

-- +goose Down
DROP TABLE seats;
DROP TABLE sections;
DROP TABLE shows;
