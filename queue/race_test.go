package queue

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// Eight tickers, with their own connections, admit from one room while people
// join, claim, buy and leave: cap, rate and in-order hold, nothing is lost of the
// rate, and every admission is accounted for.
func TestEightTickersAdmitAsOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t, testenv.Redis(t), Rules{
		Admit: 40, IntervalMS: 1000, MaxActive: 400, ClaimSeconds: 60,
		SessionSeconds: 600, SessionMaxSeconds: 900, AbsenceSeconds: 60, ReturnSeconds: 600,
	})
	gates := make([]*gate, 8)
	for i := range gates {
		gates[i] = h.gate()
	}
	const people = 800
	fans := gates[0].join(people)
	started := gates[0].now()

	ctx, stop := context.WithTimeout(t.Context(), 12*time.Second)
	defer stop()
	var loops sync.WaitGroup
	for _, g := range gates {
		loops.Go(func() { _ = g.admit.Run(ctx) })
		loops.Go(func() { _ = g.watch.Run(ctx) })
	}
	var bought, left atomic.Int64
	for i, f := range fans {
		loops.Go(func() { f.visits(ctx, gates[i%len(gates)], i, &bought, &left) })
	}
	loops.Wait()

	gates[0].watch.flushed, gates[0].watch.keptAt = time.Time{}, time.Time{}
	gates[0].look()
	rows := h.books.admissions
	for _, v := range AuditAdmissions(rows) {
		t.Error(v)
	}
	found, err := gates[0].Audit(t.Context(), nil)
	must(t, err)
	for _, v := range found {
		t.Error(v)
	}
	// From the first admission to the last that found people in line and room inside,
	// so many intervals fit; each is to be full.
	var intervals, lastAt int64
	for _, a := range rows {
		if a.Count == a.Admit {
			intervals++
			lastAt = a.At
		}
	}
	want := float64(lastAt-rows[0].At)/1_000_000 + 1
	t.Logf("%d admissions of 40 in %.2f intervals; first after %d ms; %d bought, %d left",
		intervals, want, (rows[0].At-started)/1000, bought.Load(), left.Load())
	// How late each is the machine decides, which is busy; that none is left out, we do.
	if intervals < int64(want) {
		t.Errorf("%d admissions in %.2f intervals: one was left out", intervals, want)
	}
	totals := gates[0].totals()
	equal(t, totals.Admitted, totals.Active+totals.Finished+totals.Left+totals.Expired+totals.Missed, "admitted adds up")
	equal(t, totals.Finished, bought.Load(), "finished")
	equal(t, totals.Left, left.Load(), "left")
}

// visits polls until inside, and then buys, leaves or stays.
func (f *fan) visits(ctx context.Context, g *gate, i int, bought, left *atomic.Int64) {
	for ctx.Err() == nil {
		s, err := g.Poll(ctx, f.who)
		if err != nil {
			return
		}
		if s.Number != f.first.Number {
			f.g.t.Errorf("number %d became %d", f.first.Number, s.Number)
		}
		if s.State == Admitted {
			switch i % 3 {
			case 0:
				if g.Finish(ctx, f.who.Visitor, s.Number) == nil {
					bought.Add(1)
				}
			case 1:
				if ok, err := g.Leave(ctx, f.who); ok && err == nil {
					left.Add(1)
				}
			}
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}
