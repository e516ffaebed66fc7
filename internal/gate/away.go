package gate

import (
	"context"
	"errors"
	"sync"
	"time"

	"frontrow/queue"
)

// outages remembers since when Redis cannot be asked, show by show.
type outages struct {
	mu    sync.RWMutex
	since map[string]time.Time
}

// isSince is when the outage began that is noticed now.
func (o *outages) isSince(show string, now time.Time) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since == nil {
		o.since = map[string]time.Time{}
	}
	if _, known := o.since[show]; !known {
		o.since[show] = now
	}
	return o.since[show]
}

// isBack notes that Redis answered.
func (o *outages) isBack(show string) {
	o.mu.RLock()
	_, out := o.since[show]
	o.mu.RUnlock()
	if out {
		o.mu.Lock()
		delete(o.since, show)
		o.mu.Unlock()
	}
}

// isAway tells whether an error says that Redis, or what stands on it, cannot be asked.
func isAway(err error) bool {
	var down *queue.UnavailableError
	return errors.As(err, &down) || errors.Is(err, queue.ErrNoRoom) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// shown is what a visitor shows of an admission, and what is known of it; no fact: nothing that
// still counts.
type shown struct {
	at   place
	fact *fact
}

// isAway decides while Redis cannot be asked: whose signed token says that they are inside goes on,
// and who was known to be, for a while; the others as the route says.
func (g *Gate) isAway(a asked, s *shown, cause error) Verdict {
	since := g.away.isSince(a.route.Show, a.now)
	grace := time.Duration(*a.route.GraceSeconds) * time.Second
	if s != nil && s.fact != nil && (a.now.Before(s.fact.until) || a.now.Before(s.fact.at.Add(grace))) {
		v := g.inside(a, s.at, s.fact)
		v.Decision = AwayInside
		return v
	}
	if a.route.RedisAway == awayOpen && !a.now.Before(since.Add(grace)) {
		return Verdict{Decision: AwayOpen, Route: a.route, Pass: true}
	}
	g.Logger.Debug("the gate cannot ask", "show", a.route.Show, "error", cause)
	return Verdict{Decision: Away, Route: a.route, Refusal: unavailable}
}
