package events

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"frontrow/booking"
	"frontrow/internal/gather"
)

const (
	// pollInterval finds what other gateways have left behind; what this one
	// writes it is nudged for. One query a second when there is nothing.
	pollInterval = time.Second
	// lookPause is between two looks: in a crowd one look finds what many were nudged for.
	lookPause = 50 * time.Millisecond
	// leaseMargin is what a claim lasts beyond the listener's time-out, so that the
	// mark of one that used all of it still counts.
	leaseMargin = 15 * time.Second
	// After maxTries, two hours with these pauses and never less than one, a
	// delivery is set aside for an operator.
	maxTries   = 40
	firstPause = 500 * time.Millisecond
	maxPause   = 5 * time.Minute
)

// Dispatcher delivers due events to the listeners. Any number of them work on
// the same database. Each listener has workers and claims of its own, so that one
// that is slow or fails is in nobody's way but its own.
type Dispatcher struct {
	store  *booking.Store
	pools  map[string]*pool
	names  []string
	log    *slog.Logger
	nudged chan struct{}
	counts counts
	done   *gather.Gather[booking.Delivery, struct{}] // to be marked
}

// What is done is marked together: everything that any listener has done while the
// transaction before is under way.
const (
	mostMarks  = 100
	markWithin = 10 * time.Second
)

// New makes a Dispatcher. A nil logger discards.
func New(store *booking.Store, listeners []Listener, log *slog.Logger) *Dispatcher {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &Dispatcher{store: store, pools: map[string]*pool{}, log: log, nudged: make(chan struct{}, 1), counts: newCounts()}
	d.done = &gather.Gather[booking.Delivery, struct{}]{
		Most: mostMarks, Within: markWithin,
		Ask: func(ctx context.Context, done []booking.Delivery) ([]struct{}, error) {
			return make([]struct{}, len(done)), store.Delivered(ctx, done...)
		},
	}
	for _, l := range listeners {
		d.pools[l.Name] = newPool(d, l)
		d.names = append(d.names, l.Name)
	}
	return d
}

// Nudge says that something may be due. It never blocks.
func (d *Dispatcher) Nudge() { signal(d.nudged) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends; it returns nil then, after those listeners have
// come back that were at work.
func (d *Dispatcher) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer d.close(ctx)
	defer running.Wait()
	for _, p := range d.pools {
		running.Go(func() { p.run(ctx) })
	}
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		due, err := d.store.DueListeners(ctx, d.names)
		if err != nil && ctx.Err() == nil {
			d.log.WarnContext(ctx, "loop failed", "loop", "dispatcher", "error", err)
		}
		for _, name := range due {
			signal(d.pools[name].due)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookPause):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.nudged:
		case <-poll.C:
		}
	}
}

func (d *Dispatcher) close(ctx context.Context) {
	for _, p := range d.pools {
		if p.Close == nil {
			continue
		}
		if err := p.Close(); err != nil {
			d.log.WarnContext(ctx, "listener not closed", "listener", p.Name, "error", err)
		}
	}
}

// RunOnce claims for each listener as much as its workers take at once, runs them
// side by side and outside of any transaction, and marks how each went. It tells how
// many deliveries it claimed. A listener's failure is no error here; it may return
// booking.ErrUnavailable.
func (d *Dispatcher) RunOnce(ctx context.Context) (claimed int, err error) {
	var running sync.WaitGroup
	defer running.Wait()
	for _, name := range d.names {
		p := d.pools[name]
		for range cap(p.workers) {
			p.workers <- struct{}{}
		}
		n, err := p.start(ctx, cap(p.workers), &running)
		claimed += n
		if err != nil {
			return claimed, err
		}
	}
	return claimed, nil
}

// pause is how long to wait after the n-th failed try.
func pause(n int) time.Duration { return booking.PauseAfter(n, firstPause, maxPause) }
