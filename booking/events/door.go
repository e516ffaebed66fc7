package events

import (
	"time"

	"frontrow/booking"
)

// MarkSold is the listener that shows sold seats as sold at the door even when
// the gateway that sold them died right after the commit. Without it such seats
// would look free once the lease ran out, until somebody tried for them.
func MarkSold(s *booking.Store) Listener {
	return Listener{
		Name:    "mark-sold",
		Types:   []string{booking.OrderPaid},
		Timeout: 5 * time.Second,
		Handle:  s.MarkSold,
	}
}
