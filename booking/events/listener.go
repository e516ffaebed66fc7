// Package events tells what has happened in the sale to those who act on it
// later, apart from the sale: each event once to each listener, again until it
// has worked, and never in the sale's way.
package events

import (
	"context"
	"time"

	"frontrow/booking"
)

// Listener acts on events of some types. Handle may be called again for the
// same event, after a crash or a time-out, and must then have no second effect;
// the event's id is the same each time. Its context ends after Timeout.
type Listener struct {
	Name    string
	Types   []string
	Timeout time.Duration
	Handle  func(ctx context.Context, e booking.Event) error
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
