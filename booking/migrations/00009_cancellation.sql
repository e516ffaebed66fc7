-- Until when visitors may cancel their orders of a show; NULL: not at all.

-- +goose Up
ALTER TABLE shows ADD COLUMN cancel_until BIGINT NULL;

-- +goose Down
ALTER TABLE shows DROP COLUMN cancel_until;
