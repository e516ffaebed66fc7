package queue

import (
	"errors"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// turn tells Redis whom the gateway heard of, at the end of a window.
func (g *gate) turn() {
	g.t.Helper()
	now := g.now()
	g.set("window_at", now-quick().window().Microseconds())
	g.set("seen_at", now)
	g.watch.flushed = time.Time{}
	g.look()
	g.look() // the view that shows it
}

// age makes the windows old enough that the silent are absent.
func (g *gate) age() {
	g.t.Helper()
	g.set("fresh_since", g.now()-quick().absence().Microseconds())
}

func TestWhoIsNotHeardOfIsAbsent(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		fans := g.join(3)
		g.look()
		g.age()
		here := func() { fans[0].polls(); fans[2].polls() }
		here()
		g.turn()
		equal(t, fans[2].polls().Position, 3, "after one window nobody is absent")
		here()
		g.turn()
		here()
		g.turn()
		equal(t, fans[2].polls().Position, 2, "after two, the silent one does not count")
		v, _ := g.Figures()
		equal(t, v.Waiting, 3, "keep a place")
		equal(t, v.Present, 2, "present")

		equal(t, fans[1].wants(Waiting).Number, 2, "back with the old number")
		g.look()
		equal(t, fans[2].polls().Position, 3, "and counted again")
		here()
		fans[1].polls()
		g.turn()
		equal(t, fans[2].polls().Position, 3, "for good")
	})
}

func TestPollsOfOtherGatewaysCount(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g, other := h.gate(), h.gate()
		a, b := g.joins(), g.joins()
		g.look()
		other.look()
		g.age()
		b.g = other
		for range 4 {
			a.polls()
			b.polls()
			other.watch.flushed = time.Time{}
			other.look()
			g.turn()
		}
		v, _ := g.Figures()
		equal(t, v.Present, 2, "present, each heard of by a gateway of their own")
	})
}

// Five minutes without any gateway: it was our outage, and nobody is absent for it.
func TestAnOutageMakesNobodyAbsent(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		g.join(3)
		g.look()
		g.age()
		now := g.now()
		g.set("window_at", now-300_000_000)
		g.set("seen_at", now-300_000_000)
		g.watch.flushed = time.Time{}
		g.look()
		g.look()
		v, _ := g.Figures()
		equal(t, v.Present, 3, "present at once afterwards")
		for range 2 { // two windows end before absence_seconds have passed since
			g.turn()
		}
		v, _ = g.Figures()
		equal(t, v.Present, 3, "present until absence_seconds have passed")
		g.age()
		g.turn()
		g.turn()
		g.turn()
		v, _ = g.Figures()
		equal(t, v.Present, 0, "present when the silence is theirs")
	})
}

// What could not be sent is kept, and sent later.
func TestMarksSurviveARedisThatIsAway(t *testing.T) {
	t.Parallel()
	server := testenv.OwnRedis(t)
	g := newHouse(t, server.URL(), quick()).gate()
	fans := g.join(70)
	g.look()
	server.Stop()
	for _, f := range fans {
		f.wants(Waiting) // the view answers
	}
	first, raw := g.marks.take(0)
	g.marks.putBack(first, raw)
	g.watch.flushed = time.Time{}
	if err := g.watch.seen(t.Context(), g.view.Load()); err == nil {
		t.Fatal("told a Redis that is away")
	}
	_, again := g.marks.take(0)
	equal(t, string(again), string(raw), "marks kept")
	if len(again) == 0 {
		t.Error("nothing was marked")
	}

	var down *UnavailableError
	_, _, err := g.Join(t.Context(), newcomer())
	equal(t, errors.As(err, &down), true, "joins are refused meanwhile")
	g.view.Load().taken = time.Now().Add(-oldest - time.Second)
	_, err = g.Poll(t.Context(), fans[0].who)
	equal(t, errors.As(err, &down), true, "a poll is refused rather than wrong")
}
