-- Seats that are not for sale: 'house' is kept back, 'blocked' nobody can sit on; '': for sale.
-- Such a seat is sold to nobody: its state is sold, without an order, so that every guard of
-- the sale refuses it, those of older versions too.

-- +goose Up
ALTER TABLE seats ADD COLUMN kept VARCHAR(8) NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE seats DROP COLUMN kept;
