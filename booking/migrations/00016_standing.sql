-- Sections in which people stand: how many places there are, each a row of seats with its
-- entry number; 0: a section with seats.

-- +goose Up
ALTER TABLE sections ADD COLUMN standing INT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE sections DROP COLUMN standing;
