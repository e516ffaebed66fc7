-- A show may open by draw. What a draw needs to be finished by any gateway, and
-- to be checked by anybody afterwards, is stored before the first number is given.

-- +goose Up
CREATE TABLE IF NOT EXISTS draws (
    show_id       VARCHAR(40)  NOT NULL,
    generation    BIGINT       NOT NULL,
    state         VARCHAR(9)   NOT NULL,
    seed          VARCHAR(64)  NOT NULL,
    commitment    VARCHAR(64)  NOT NULL,
    committed_at  BIGINT       NOT NULL,
    -- named with the commitment, so that nobody picks a value among several later
    beacon_source VARCHAR(200) NOT NULL,
    beacon        VARCHAR(200) NOT NULL,
    first_number  BIGINT       NOT NULL,
    reserved      BIGINT       NOT NULL,
    -- whose frozen lobby it is; chunks of other epochs are of lobbies that Redis lost
    epoch         BIGINT       NOT NULL,
    lobby_hash    VARCHAR(64)  NOT NULL,
    lobby_count   BIGINT       NOT NULL,
    frozen_at     BIGINT       NULL,
    drawn_at      BIGINT       NULL,
    -- who works on it, and until when the others leave it alone: saves work, guards nothing
    worker        VARCHAR(26)  NOT NULL,
    worker_until  BIGINT       NOT NULL,
    -- one seed a generation, whoever makes it first
    PRIMARY KEY (show_id, generation),
    CONSTRAINT draws_state CHECK (state IN ('committed', 'freezing', 'frozen', 'drawn', 'numbered'))
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

CREATE TABLE IF NOT EXISTS draw_chunks (
    show_id    VARCHAR(40) NOT NULL,
    generation BIGINT      NOT NULL,
    epoch      BIGINT      NOT NULL,
    seq        BIGINT      NOT NULL,
    -- up to 4,000 ids of 14 characters, end to end: TEXT holds 65,535 bytes
    visitors   TEXT        NOT NULL,
    PRIMARY KEY (show_id, generation, epoch, seq)
) /*! DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */;

-- Last, since it alone cannot be run again: how the show's draw goes, as JSON; NULL
-- for a show that opens without one.
ALTER TABLE shows ADD COLUMN draw TEXT NULL;

-- +goose Down
ALTER TABLE shows DROP COLUMN draw;
DROP TABLE draw_chunks;
DROP TABLE draws;
