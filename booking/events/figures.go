package events

import (
	"context"
	"time"

	"frontrow/booking"
)

const salesFigures = "sales-figures"

// SalesFigures is the listener that keeps what a dashboard reads of sales, by show and
// minute. Its few workers take turns at the row of the minute.
func SalesFigures(s *booking.Store) Listener {
	return Listener{
		Name:    salesFigures,
		Types:   []string{booking.OrderPaid, booking.OrderCancelled, booking.OrderRefunded},
		Timeout: 5 * time.Second,
		Handle: func(ctx context.Context, e booking.Event) error {
			return s.CountSale(ctx, salesFigures, e)
		},
		Workers: 2,
	}
}
