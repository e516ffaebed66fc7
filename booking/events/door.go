package events

import (
	"time"

	"frontrow/booking"
)

// MarkSeats is the listener that shows sold seats as sold at the door, and those of
// cancelled orders as free, even when the gateway that did it died right after the
// commit. Without it sold seats would look free once the lease ran out, until somebody
// tried for them, and free ones would look sold for good.
func MarkSeats(s *booking.Store) Listener {
	return Listener{
		Name:    "mark-seats",
		Types:   []string{booking.OrderPaid, booking.OrderCancelled, booking.OrderRefunded},
		Timeout: 5 * time.Second,
		Handle:  s.MarkSeats,
	}
}

// HandOver is the listener that tells the door of holds that took another's place,
// even when the gateway that changed them died right after the commit. Without it
// what such a hold kept could be paid from a wallet alone, and not be given back.
func HandOver(s *booking.Store) Listener {
	return Listener{
		Name:    "hand-over",
		Types:   []string{booking.HoldChanged},
		Timeout: 5 * time.Second,
		Handle:  s.HandOver,
	}
}
