package booking

import (
	"context"
	"iter"
)

// ordersPage is how many orders are read at a time.
const ordersPage = 500

// OrdersIn walks through the orders of a show, the oldest first, a page at a time and in no
// transaction: what is ordered meanwhile may come at the end. An error ends it; it may be
// ErrUnavailable.
func (s *Store) OrdersIn(ctx context.Context, show string) iter.Seq2[[]Order, error] {
	return func(yield func([]Order, error) bool) {
		after := ""
		for {
			page, err := s.orders(ctx, s.db.Where("show_id = ? AND id > ?", show, after).Order("id").Limit(ordersPage))
			if !yield(page, err) || err != nil || len(page) < ordersPage {
				return
			}
			after = page[len(page)-1].ID
		}
	}
}
