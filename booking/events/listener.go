// Package events tells what has happened in the sale to those who act on it
// later, apart from the sale: each event once to each listener, again until it
// has worked, and never in the sale's way, nor in another listener's.
package events

import (
	"context"
	"time"

	"frontrow/booking"
)

// Listener acts on events of some types. It may be told again of the same event,
// after a crash or a time-out, and must then have no second effect; the event's
// id is the same each time. The context that it is given ends after Timeout, and
// it must come back then. An error means that it is told again later, after a pause
// that grows; Permanent and After say more.
type Listener struct {
	Name    string
	Types   []string
	Timeout time.Duration
	Handle  func(ctx context.Context, e booking.Event) error

	// HandleBatch stands in for Handle where a listener wants up to Batch events at
	// once. It answers for each of them, in their order.
	HandleBatch func(ctx context.Context, events []booking.Event) []error
	Batch       int

	// Workers bounds how many calls a gateway makes side by side. Default: 8.
	Workers int

	// Close gives back what the listener keeps open, after its last call. May be nil.
	Close func() error
}

// Subscribers tells by event type who listens, in the form that booking.Options
// wants it.
func Subscribers(listeners []Listener) map[string][]string {
	subscribers := map[string][]string{}
	for _, l := range listeners {
		for _, t := range l.Types {
			subscribers[t] = append(subscribers[t], l.Name)
		}
	}
	return subscribers
}
