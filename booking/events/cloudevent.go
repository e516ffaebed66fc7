package events

import (
	"context"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"frontrow/booking"
	"frontrow/internal/flow"
)

// outwardTypes are the events that other services are told of.
var outwardTypes = []string{booking.OrderPaid, booking.OrderDeclined, booking.OrderCancelled, booking.OrderRefunded}

// outwardOrder is what other services are told of an order. Amount is in the minor
// unit of the currency.
type outwardOrder struct {
	Version  int      `json:"version"`
	Order    string   `json:"order"`
	Show     string   `json:"show"`
	Visitor  string   `json:"visitor"`
	Hold     string   `json:"hold"`
	Seats    []string `json:"seats"`
	Amount   int64    `json:"amount"`
	Currency string   `json:"currency"`
	Method   string   `json:"method"`
	Reason   string   `json:"reason,omitempty"`
}

func outwardOrderOf(e booking.Event) (outwardOrder, error) {
	o, err := e.OfOrder()
	return outwardOrder{
		Version: booking.PayloadVersion, Order: o.Order, Show: e.Show, Visitor: e.Visitor, Hold: o.Hold,
		Seats: o.Seats, Amount: o.Amount, Currency: o.Currency, Method: o.Method, Reason: o.Reason,
	}, err
}

// cloudEvent is an event of an order as CloudEvents 1.0 has it. Its id is the event's,
// so that who gets it twice can tell. It may return booking.ErrUnreadable.
func cloudEvent(source string, e booking.Event) (event.Event, error) {
	data, err := outwardOrderOf(e)
	if err != nil {
		return event.Event{}, err
	}
	c := event.New(event.CloudEventsVersionV1)
	c.SetID(e.ID)
	c.SetSource(source)
	c.SetType("frontrow." + e.Type)
	c.SetSubject(e.Subject)
	c.SetTime(time.UnixMicro(e.At).UTC())
	if parent := flow.Parent(flow.In(context.Background(), e.Flow)); parent != "" {
		c.SetExtension(flow.Header, parent)
	}
	return c, c.SetData(event.ApplicationJSON, data)
}
