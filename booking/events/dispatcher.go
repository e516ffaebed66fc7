package events

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"frontrow/booking"
)

const (
	// pollInterval finds what other gateways have left behind; what this one
	// writes it is nudged for. One query a second when there is nothing.
	pollInterval = time.Second
	// batch is how many deliveries are claimed and run side by side.
	batch = 16
	// leaseMargin is what a claim lasts beyond the longest time-out, so that the
	// mark of a listener that used all of it still counts.
	leaseMargin = 15 * time.Second
	// After maxTries, a quarter of an hour with these pauses, a delivery is set
	// aside for an operator.
	maxTries   = 12
	firstPause = 500 * time.Millisecond
	maxPause   = 5 * time.Minute
)

// Dispatcher delivers due events to the listeners. Any number of them work on
// the same database.
type Dispatcher struct {
	store     *booking.Store
	listeners map[string]Listener
	names     []string
	lease     time.Duration
	log       *slog.Logger
	nudged    chan struct{}
}

// New makes a Dispatcher. A nil logger discards.
func New(store *booking.Store, listeners []Listener, log *slog.Logger) *Dispatcher {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &Dispatcher{store: store, listeners: map[string]Listener{}, log: log, nudged: make(chan struct{}, 1)}
	for _, l := range listeners {
		d.listeners[l.Name] = l
		d.names = append(d.names, l.Name)
		d.lease = max(d.lease, l.Timeout+leaseMargin)
	}
	return d
}

// Nudge says that something may be due. It never blocks.
func (d *Dispatcher) Nudge() {
	select {
	case d.nudged <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends; it returns nil then, after those listeners have
// come back that were at work.
func (d *Dispatcher) Run(ctx context.Context) error {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		n, err := d.RunOnce(ctx)
		if err != nil && ctx.Err() == nil {
			d.log.WarnContext(ctx, "loop failed", "loop", "dispatcher", "error", err)
		}
		if n == batch && ctx.Err() == nil {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.nudged:
		case <-poll.C:
		}
	}
}

// RunOnce claims one batch of due deliveries, runs their listeners side by side
// and outside of any transaction, and marks how each went. It tells how many it
// claimed. A listener's failure is no error here; it may return
// booking.ErrUnavailable.
func (d *Dispatcher) RunOnce(ctx context.Context) (claimed int, err error) {
	deliveries, err := d.store.ClaimDeliveries(ctx, d.names, batch, d.lease)
	if err != nil {
		return 0, err
	}
	ctx = context.WithoutCancel(ctx) // what is begun is brought to its mark
	errs := make(chan error, len(deliveries))
	var running sync.WaitGroup
	for _, delivery := range deliveries {
		running.Go(func() { errs <- d.deliver(ctx, delivery) })
	}
	running.Wait()
	close(errs)
	for e := range errs {
		if e != nil {
			err = e
		}
	}
	return len(deliveries), err
}

func (d *Dispatcher) deliver(ctx context.Context, delivery booking.Delivery) error {
	cause := call(ctx, d.listeners[delivery.Listener], delivery.Event)
	if cause == nil {
		return d.store.Delivered(ctx, delivery)
	}
	giveUp := delivery.Tries >= maxTries
	d.log.WarnContext(ctx, "delivery failed", "event", delivery.Event.ID, "type", delivery.Event.Type,
		"listener", delivery.Listener, "trace", delivery.Event.Trace, "try", delivery.Tries, "dead", giveUp, "error", cause)
	return d.store.NotDelivered(ctx, delivery, cause, pause(delivery.Tries), giveUp)
}

// call runs a listener within its time-out; a panic of its is an error.
func call(ctx context.Context, l Listener, e booking.Event) (err error) {
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("listener %s panicked: %v", l.Name, p)
		}
	}()
	return l.Handle(ctx, e)
}

// pause is how long to wait after the n-th failed try: doubling, and spread out
// so that what failed together does not come back together.
func pause(n int) time.Duration {
	p := maxPause
	if n < 20 {
		p = min(p, firstPause<<(n-1))
	}
	return p/2 + rand.N(p/2)
}
