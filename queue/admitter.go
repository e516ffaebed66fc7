package queue

import (
	"context"
	"time"
)

// Admitter lets people into one room. Every gateway runs one; Redis sees to it
// that they admit no more together than one alone would.
type Admitter struct{ room *Room }

// chunk is the most visitors that one call takes one by one, because they came back
// or their time is over: 1,000 hold Redis for some three milliseconds, 5,000 for over ten.
// Those who are called the first time are let in all at once.
const chunk = 1000

// longestNap is how long an interval is slept through at most: its rule may be another by then.
const longestNap = time.Second

// Run admits until ctx ends.
func (a *Admitter) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		_, next, err := a.RunOnce(ctx)
		if err != nil {
			next = longestNap // the watcher says what is wrong
		}
		timer.Reset(min(next, longestNap))
	}
}

// RunOnce admits what is due now: how many it let in, and when to come next.
func (a *Admitter) RunOnce(ctx context.Context) (admitted int64, next time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, roundTrip)
	defer cancel()
	known, err := a.room.stamp(ctx)
	if err == nil {
		err = a.room.makesSure(ctx, "admit", known.epoch)
	}
	if err != nil {
		return 0, 0, err
	}
	free, held, asOf := a.room.stock(ctx).args()
	reply, err := a.room.run(ctx, "admit", admitScript, chunk, free, held, asOf)
	if err != nil {
		return 0, 0, err
	}
	admitted, _ = reply.rest[0].(int64)
	due, _ := reply.rest[1].(int64)
	return admitted, time.Duration(due) * time.Microsecond, nil
}
