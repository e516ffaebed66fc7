// Package gather asks a server many callers' questions together.
package gather

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// Gather sends many callers' questions together: those that come within a
// moment, or while a round trip is under way, go on the next, some hundreds at a time. A
// caller waits for a moment and two round trips at most, or as many more as the crowd
// before fills.
type Gather[Q, A any] struct {
	Most   int           // questions a round trip carries
	Moment time.Duration // how long a round trip waits for more of them, at most
	Whole  bool          // it waits for all of that, whether more come or not
	// Within bounds one round trip: callers share it, so none of their own contexts may
	// end it.
	Within time.Duration
	// Ask makes the round trip: an answer for each question, in their order.
	Ask func(context.Context, []Q) ([]A, error)

	mu      sync.Mutex
	waiting []*question[Q, A]
	busy    bool
}

type question[Q, A any] struct {
	ask    Q
	answer A
	err    error
	done   chan struct{}
}

// Do asks one question and returns its answer. Who has gone already asks nothing; once
// asked, the answer is waited for whatever becomes of the caller: the round trips before
// are bounded, and the answer may have done something.
func (g *Gather[Q, A]) Do(ctx context.Context, ask Q) (A, error) {
	if err := ctx.Err(); err != nil {
		var none A
		return none, err
	}
	q := &question[Q, A]{ask: ask, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, q)
	start := !g.busy
	g.busy = true
	g.mu.Unlock()
	if start {
		go g.run()
	}
	<-q.done
	return q.answer, q.err
}

// run makes round trips until nobody waits for one.
func (g *Gather[Q, A]) run() {
	for {
		g.linger()
		batch := g.next()
		if batch == nil {
			return
		}
		asks := make([]Q, len(batch))
		for i, q := range batch {
			asks[i] = q.ask
		}
		ctx, cancel := context.WithTimeout(context.Background(), g.Within)
		answers, err := g.Ask(ctx, asks)
		cancel()
		for i, q := range batch {
			if q.err = err; err == nil {
				q.answer = answers[i]
			}
			close(q.done)
		}
	}
}

// linger lets those ask who are about to, for a moment at most: as long as others keep
// coming whenever the processor is given to them. On an idle machine nobody waits.
func (g *Gather[Q, A]) linger() {
	if g.Whole {
		time.Sleep(g.Moment)
		return
	}
	for until, n := time.Now().Add(g.Moment), g.waits(); time.Now().Before(until); {
		runtime.Gosched()
		if more := g.waits(); more > n {
			n = more
		} else {
			return
		}
	}
}

func (g *Gather[Q, A]) waits() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

func (g *Gather[Q, A]) next() []*question[Q, A] {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), g.Most)
	if n == 0 {
		g.busy = false
		g.waiting = nil
		return nil
	}
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return batch
}
