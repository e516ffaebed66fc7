-- The orders of a show are listed by id, page after page.

-- +goose Up
CREATE INDEX orders_listed ON orders (show_id, id);

-- +goose Down
DROP INDEX orders_listed /*! ON orders */;
