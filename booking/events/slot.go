package events

import (
	"context"
	"time"

	"frontrow/booking"
)

// FreeSlot is the listener that gives an admission its own deadline back when a
// payment has come to nothing: its buyer was kept inside while it was under way. free
// must leave other admissions than the one of this number alone.
func FreeSlot(free func(ctx context.Context, show, visitor string, number int64) error) Listener {
	return Listener{
		Name:    "free-slot",
		Types:   []string{booking.OrderDeclined, booking.OrderCancelled},
		Timeout: 5 * time.Second,
		Handle: func(ctx context.Context, e booking.Event) error {
			order, err := e.OfOrder()
			if err != nil {
				return err
			}
			return free(ctx, e.Show, e.Visitor, order.Number)
		},
	}
}
