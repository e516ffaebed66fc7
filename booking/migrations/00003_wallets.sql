-- +goose Up
CREATE TABLE IF NOT EXISTS wallets (
    visitor VARCHAR(64) NOT NULL,
    balance BIGINT      NOT NULL,
    PRIMARY KEY (visitor),
    -- nobody spends what they do not have
    CONSTRAINT wallets_balance CHECK (balance >= 0)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

CREATE TABLE IF NOT EXISTS wallet_entries (
    id              VARCHAR(26)  NOT NULL,
    visitor         VARCHAR(64)  NOT NULL,
    kind            VARCHAR(8)   NOT NULL,
    amount          BIGINT       NOT NULL,
    idempotency_key VARCHAR(128) NOT NULL,
    order_id        VARCHAR(26)  NOT NULL,
    made_by         VARCHAR(64)  NOT NULL,
    at              BIGINT       NOT NULL,
    PRIMARY KEY (id),
    -- the same request moves points once
    CONSTRAINT wallet_entries_once UNIQUE (visitor, kind, idempotency_key),
    CONSTRAINT wallet_entries_kind CHECK (kind IN ('charge', 'payment', 'refund')),
    -- the balance is the plain sum of the amounts
    CONSTRAINT wallet_entries_sign CHECK ((kind = 'payment' AND amount < 0) OR (kind <> 'payment' AND amount > 0))
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

CREATE INDEX wallet_entries_order ON wallet_entries (order_id);

-- +goose Down
DROP TABLE wallet_entries;
DROP TABLE wallets;
