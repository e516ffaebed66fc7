package events

import (
	"context"
	"time"

	"frontrow/booking"
)

// EndsAdmission is the name of the listener that EndAdmission makes.
const EndsAdmission = "end-admission"

// EndAdmission is the listener that lets the next one in: who has bought is out.
// end must do nothing if the visitor's admission is not the one of this number,
// so that a late delivery cannot end a newer one.
func EndAdmission(end func(ctx context.Context, show, visitor string, number int64) error) Listener {
	return Listener{
		Name:    EndsAdmission,
		Types:   []string{booking.OrderPaid},
		Timeout: 5 * time.Second,
		Handle: func(ctx context.Context, e booking.Event) error {
			paid, err := e.OfOrder()
			if err != nil {
				return err
			}
			return end(ctx, e.Show, e.Visitor, paid.Number)
		},
	}
}
