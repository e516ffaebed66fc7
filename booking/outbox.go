package booking

import (
	"encoding/json"
	"errors"
	"fmt"

	"frontrow/internal/flow"

	"github.com/oklog/ulid/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"
)

// The types of events.
const (
	OrderPaid      = "order.paid"
	OrderDeclined  = "order.declined"
	OrderCancelled = "order.cancelled" // the seats are on sale again, the money is on its way back
	OrderRefunded  = "order.refunded"  // the money is back
	HoldReleased   = "hold." + holdReleased
	HoldExpired    = "hold." + holdExpired
	HoldChanged    = "hold.changed"
	PlaceCalled    = "place.called" // the turn of somebody on the waiting list, who is the subject
)

// PayloadVersion is the version of what events say. One that says more is written
// beside it; one that means something else by the same words takes the next.
const PayloadVersion = 1

// Event is something that happened, written in the transaction that made it
// happen. Subject is the order or hold that it happened to; At is in µs. Trace is the
// id of the flow that it belongs to, Flow the place in it where it happened.
type Event struct {
	ID, Type, Show, Subject, Visitor, Trace, Flow string
	Payload                                       json.RawMessage
	At                                            int64
}

// OrderPayload is what an event of an order says. Method is how it was paid;
// Reason says why it was declined or cancelled, where there is something to say.
type OrderPayload struct {
	Order    string   `json:"order"`
	Hold     string   `json:"hold"`
	Number   int64    `json:"number"`
	Seats    []string `json:"seats"`
	Amount   int64    `json:"amount"`
	Currency string   `json:"currency"`
	Fence    int64    `json:"fence"` // of the seats as they are now; 0 where it does not touch them
	Method   string   `json:"method"`
	Reason   string   `json:"reason,omitempty"`
}

// payloads are what each type of event says; an event of any other cannot be read.
var payloads = map[string]func() any{
	OrderPaid:      func() any { return &OrderPayload{} },
	OrderDeclined:  func() any { return &OrderPayload{} },
	OrderCancelled: func() any { return &OrderPayload{} },
	OrderRefunded:  func() any { return &OrderPayload{} },
	HoldReleased:   func() any { return &HoldEnded{} },
	HoldExpired:    func() any { return &HoldEnded{} },
	HoldChanged:    func() any { return &HoldExchanged{} },
	PlaceCalled:    func() any { return &PlacePayload{} },
}

// OfPlace reads what an event of a place says, as OfOrder does for one of an order.
func (e Event) OfPlace() (PlacePayload, error) {
	return payloadOf[PlacePayload](e)
}

// OfOrder reads what an event of an order says. It returns ErrUnreadable for another
// event, for one of a newer version, and for a broken one.
func (e Event) OfOrder() (OrderPayload, error) {
	return payloadOf[OrderPayload](e)
}

func payloadOf[T any](e Event) (T, error) {
	p, err := e.read()
	if told, ok := p.(*T); ok && err == nil {
		return *told, nil
	}
	if err == nil {
		err = fmt.Errorf("%w: %s is of the type %q", ErrUnreadable, e.ID, e.Type)
	}
	var none T
	return none, err
}

// Readable returns ErrUnreadable for an event that this version cannot read: of a
// type that it does not know, of a newer version, or broken.
func (e Event) Readable() error {
	_, err := e.read()
	return err
}

func (e Event) read() (any, error) {
	of, ok := payloads[e.Type]
	if !ok {
		return nil, fmt.Errorf("%w: %s is of the type %q", ErrUnreadable, e.ID, e.Type)
	}
	payload, v := of(), struct{ Version int }{} // no version is the first
	if err := errors.Join(json.Unmarshal(e.Payload, payload), json.Unmarshal(e.Payload, &v)); err != nil {
		return nil, fmt.Errorf("%w: payload of %s: %w", ErrUnreadable, e.ID, err)
	}
	if v.Version < 0 || v.Version > PayloadVersion {
		return nil, fmt.Errorf("%w: %s has version %d, known is %d", ErrUnreadable, e.ID, v.Version, PayloadVersion)
	}
	return payload, nil
}

// HoldEnded is what an event of a hold says; ExpiresAt is in µs.
type HoldEnded struct {
	Hold      string   `json:"hold"`
	Number    int64    `json:"number"`
	Seats     []string `json:"seats"`
	ExpiresAt int64    `json:"expires_at"`
}

// HoldExchanged is what the event of a hold says that another has taken the place
// of: Seats are those of the new one, Freed what is anybody's again.
type HoldExchanged struct {
	Hold      string   `json:"hold"`
	Fence     int64    `json:"fence"`
	By        string   `json:"by"`
	ByFence   int64    `json:"by_fence"`
	Number    int64    `json:"number"`
	Seats     []string `json:"seats"`
	Freed     []string `json:"freed"`
	ExpiresAt int64    `json:"expires_at"`
}

// eventRow also keeps whom the event was to be delivered to when it happened,
// so that verify can tell a lost delivery from a listener that came later.
type eventRow struct {
	ID        string `gorm:"primaryKey"`
	Type      string
	ShowID    string
	Subject   string
	Visitor   string
	Trace     string
	Payload   string
	Listeners string
	At        int64
}

func (eventRow) TableName() string { return "events" }

func (r eventRow) event() Event {
	return Event{
		ID: r.ID, Type: r.Type, Show: r.ShowID, Subject: r.Subject, Visitor: r.Visitor,
		Trace: flow.TraceID(r.Trace), Flow: r.Trace, Payload: json.RawMessage(r.Payload), At: r.At,
	}
}

// outgoing is an event that is about to be written.
type outgoing struct {
	row        eventRow
	deliveries []deliveryRow
	nudge      func()
}

// event prepares an event of the type with one delivery for each subscriber.
func (s *Store) event(kind, show, subject, visitor, trace string, payload any) outgoing {
	listeners := s.subscribers[kind]
	now := s.Now()
	o := outgoing{nudge: s.nudge, row: eventRow{
		ID: eventID(now), Type: kind, ShowID: show, Subject: subject, Visitor: visitor, Trace: trace,
		Payload: encode(payload), Listeners: encode(append([]string{}, listeners...)), At: now,
	}}
	for _, l := range listeners {
		o.deliveries = append(o.deliveries, deliveryRow{
			EventID: o.row.ID, Listener: l, Subject: subject, State: deliveryDue, NextAt: now,
		})
	}
	return o
}

// eventID makes ids whose order is that of Redis's clock, which all gateways agree
// upon: by their own clocks, the second event of an order could come before its first.
func eventID(now int64) string {
	return ulid.MustNew(uint64(now/1000), ulid.DefaultEntropy()).String()
}

// write appends the event to the outbox, in the caller's transaction: one
// statement, and one more if anybody listens.
func (o outgoing) write(tx *gorm.DB) error {
	trace.SpanFromContext(tx.Statement.Context).AddEvent(o.row.Type, trace.WithAttributes(attribute.String("event", o.row.ID)))
	if err := tx.Create(&o.row).Error; err != nil || len(o.deliveries) == 0 {
		return err
	}
	return tx.Create(&o.deliveries).Error
}

// told is called after the commit.
func (o outgoing) told() {
	if len(o.deliveries) > 0 {
		o.nudge()
	}
}

// encode writes JSON of our own types, which always encode.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
