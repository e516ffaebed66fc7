-- The waiting list of a sale that is sold out: who is on it need not come back to keep
-- their place, so it must outlive Redis. called_at 0: not called yet.

-- +goose Up
CREATE TABLE IF NOT EXISTS waiting_list (
    show_id    VARCHAR(40) NOT NULL,
    generation BIGINT      NOT NULL,
    visitor    VARCHAR(64) NOT NULL,
    number     BIGINT      NOT NULL,
    listed_at  BIGINT      NOT NULL,
    called_at  BIGINT      NOT NULL,
    -- a visitor is on it once
    PRIMARY KEY (show_id, generation, visitor)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

-- An admission says how many could be inside for the seats that were left; 0: no
-- rule asked for it.
ALTER TABLE admissions ADD COLUMN served BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE admissions DROP COLUMN served;
DROP TABLE waiting_list;
