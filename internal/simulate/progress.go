package simulate

import (
	"context"
	"sync/atomic"
	"time"
)

// Progress is how far a run is.
type Progress struct {
	Elapsed  time.Duration
	Visitors int
	Joined   int // so far; so are Bought and Gone
	Waiting  int // just now
	Inside   int // just now
	Bought   int
	Gone     int
	Requests int64
}

// phase is how far a visitor came.
type phase int

const (
	comes phase = iota
	waits
	isIn
	hasBought // which ends the admission
)

// phases count visitors as they go from one to the next.
type phases struct {
	joined, waiting, inside, bought, gone atomic.Int64
}

func (p *phases) join()  { p.joined.Add(1); p.waiting.Add(1) }
func (p *phases) enter() { p.waiting.Add(-1); p.inside.Add(1) }
func (p *phases) buy()   { p.inside.Add(-1); p.bought.Add(1) }

// leave ends a visit that came as far as that.
func (p *phases) leave(reached phase) {
	switch reached {
	case waits:
		p.waiting.Add(-1)
	case isIn:
		p.inside.Add(-1)
	}
	p.gone.Add(1)
}

func (r *run) progress(started time.Time) Progress {
	return Progress{
		Elapsed: time.Since(started), Visitors: r.options.Visitors,
		Joined: int(r.phases.joined.Load()), Waiting: int(r.phases.waiting.Load()), Inside: int(r.phases.inside.Load()),
		Bought: int(r.phases.bought.Load()), Gone: int(r.phases.gone.Load()), Requests: r.gateways.asked.Load(),
	}
}

// watch tells once a second how far the run is, and once more when it is over.
func (r *run) watch(ctx context.Context, started time.Time) {
	if r.options.Watch == nil {
		return
	}
	for pause(ctx, time.Second) {
		r.options.Watch(r.progress(started))
	}
	r.options.Watch(r.progress(started))
}
