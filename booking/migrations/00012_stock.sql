-- An admission says how many could be inside for the seats that were left; 0: no
-- rule asked for it.

-- +goose Up
ALTER TABLE admissions ADD COLUMN served BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE admissions DROP COLUMN served;
