package events

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"frontrow/booking"
	"frontrow/internal/fault"
	"frontrow/internal/flow"
)

// usualWorkers is how many calls of a listener a gateway makes side by side: enough
// that one which takes 50 ms keeps up with 160 sales a second.
const usualWorkers = 8

// pool are the workers of one listener at one gateway.
type pool struct {
	*Dispatcher
	Listener
	workers chan struct{} // holds a token for each that is taken
	due     chan struct{}
}

func newPool(d *Dispatcher, l Listener) *pool {
	if l.Workers == 0 {
		l.Workers = usualWorkers
	}
	if l.HandleBatch == nil {
		l.Batch = 1
		l.HandleBatch = func(ctx context.Context, events []booking.Event) []error {
			return []error{l.Handle(ctx, events[0])}
		}
	}
	return &pool{Dispatcher: d, Listener: l, workers: make(chan struct{}, l.Workers), due: make(chan struct{}, 1)}
}

// run delivers whenever something is due, until ctx ends and all that was begun is
// marked.
func (p *pool) run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.due:
		}
		for p.claims(ctx, &running) {
		}
	}
}

// gatherFor is how long a claim waits for more workers to be free, so that in a crowd
// one claim serves many: each costs the database five statements.
const gatherFor = 100 * time.Millisecond

// claims waits for a free worker, and a moment for half of them, puts all that are free to
// work, and tells whether there may be more to do. Nothing is claimed that nobody is free
// for: its lease would run while it waits.
func (p *pool) claims(ctx context.Context, running *sync.WaitGroup) (more bool) {
	select {
	case <-ctx.Done():
		return false
	case p.workers <- struct{}{}:
	}
	free := 1
	for moment := time.After(gatherFor); free < cap(p.workers)/2 && moment != nil; {
		select {
		case p.workers <- struct{}{}:
			free++
		case <-moment:
			moment = nil
		}
	}
	for range cap(p.workers) - free {
		select {
		case p.workers <- struct{}{}:
			free++
		default:
		}
	}
	n, err := p.start(ctx, free, running)
	if err != nil && ctx.Err() == nil {
		p.log.WarnContext(ctx, "loop failed", "loop", "dispatcher", "listener", p.Name, "error", err)
	}
	return err == nil && n == free*p.Batch
}

// start claims for so many workers, which are taken already, puts them to work and
// lets those go that there is nothing for.
func (p *pool) start(ctx context.Context, workers int, running *sync.WaitGroup) (claimed int, err error) {
	deliveries, err := p.store.ClaimDeliveries(ctx, p.Name, workers*p.Batch, p.Timeout+leaseMargin)
	ctx = context.WithoutCancel(ctx) // what is begun is brought to its mark
	busy := 0
	if len(deliveries) > 0 {
		fault.Point("delivery.claimed")
	}
	for part := range slices.Chunk(deliveries, p.Batch) {
		busy++
		running.Go(func() {
			defer func() { <-p.workers }()
			p.deliver(ctx, part)
		})
	}
	for range workers - busy {
		<-p.workers
	}
	return len(deliveries), err
}

// deliver tells the listener of what can be read, and marks how each went.
func (p *pool) deliver(ctx context.Context, deliveries []booking.Delivery) {
	var told []booking.Delivery
	var events []booking.Event
	for _, d := range deliveries {
		if err := d.Event.Readable(); err != nil {
			p.mark(ctx, d, err)
			continue
		}
		told, events = append(told, d), append(events, d.Event)
	}
	if len(told) == 0 {
		return
	}
	in, spans := p.begin(ctx, told, events)
	began := time.Now()
	errs := p.call(in, events)
	fault.Point("delivery.told")
	p.counts.took(p.Name, time.Since(began))
	var marks sync.WaitGroup
	defer marks.Wait()
	for i, d := range told {
		flow.End(spans[i], errs[i])
		marks.Go(func() { p.mark(ctx, d, errs[i]) })
	}
}

// begin makes a span of each delivery in its event's flow, which goes on from there. The
// context is part of that flow where there is but one.
func (p *pool) begin(ctx context.Context, told []booking.Delivery, events []booking.Event) (context.Context, []trace.Span) {
	spans := make([]trace.Span, len(told))
	in := ctx
	for i, e := range events {
		in, spans[i] = flow.Start(ctx, p.store.Tracer(), e.Flow, "deliver "+e.Type+" to "+p.Name, trace.WithSpanKind(trace.SpanKindConsumer),
			trace.WithAttributes(attribute.String("event", e.ID), attribute.String("subject", e.Subject), attribute.Int("try", told[i].Tries)))
		events[i].Flow = flow.Of(in)
	}
	if len(events) > 1 {
		in = ctx
	}
	return in, spans
}

func (p *pool) mark(ctx context.Context, d booking.Delivery, cause error) {
	if err := p.settle(ctx, d, cause); err != nil { // the claim lapses, and the listener is told again
		p.log.WarnContext(ctx, "delivery not marked", "event", d.Event.ID, "listener", p.Name, "error", err)
	}
	fault.Point("delivery.marked")
}

func (p *pool) settle(ctx context.Context, d booking.Delivery, cause error) error {
	if cause == nil {
		p.counts.ended(p.Name, "done")
		_, err := p.done.Do(ctx, d)
		return err
	}
	giveUp, outcome := d.Tries >= maxTries || hopeless(cause), "failed"
	if giveUp {
		outcome = "dead"
	}
	p.counts.ended(p.Name, outcome)
	p.log.WarnContext(ctx, "delivery failed", "event", d.Event.ID, "type", d.Event.Type,
		"listener", p.Name, "trace", d.Event.Trace, "try", d.Tries, "dead", giveUp, "error", cause)
	return p.store.NotDelivered(ctx, d, cause, max(pause(d.Tries), asked(cause)), giveUp)
}

// call runs the listener within its time-out; a panic of its is an error of each event.
func (p *pool) call(ctx context.Context, events []booking.Event) (errs []error) {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			errs = forAll(events, fmt.Errorf("listener %s panicked: %v", p.Name, r))
		}
	}()
	errs = p.HandleBatch(ctx, events)
	if len(errs) != len(events) {
		return forAll(events, fmt.Errorf("listener %s answered for %d of %d events", p.Name, len(errs), len(events)))
	}
	return errs
}

// forAll answers each of the events with the same error, or with none.
func forAll(events []booking.Event, err error) []error {
	return slices.Repeat([]error{err}, len(events))
}
