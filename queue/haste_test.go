package queue

import (
	"errors"
	"sync"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// hurries polls n times, and returns how often it was slowed, and for how long the
// last time.
func (f *fan) hurries(n int) (slowed int, wait time.Duration) {
	f.g.t.Helper()
	for range n {
		_, err := f.g.Poll(f.g.t.Context(), f.who)
		var often *TooManyError
		if errors.As(err, &often) {
			slowed, wait = slowed+1, often.RetryAfter
		} else if err != nil {
			f.g.t.Fatal(err)
		}
	}
	return slowed, wait
}

// endHaste lets the window of counted polls end.
func (g *gate) endHaste() { g.countAnew(time.Now().Add(hasteOver)) }

// slowedAt is what the rules of these tests say.
const slowedAt = 100

func TestHastyPollsAreMarkedAndSlowed(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		first, other := g.joins(), g.joins()
		g.look()
		haste := func() (hasty, slowed int64) {
			s, _ := g.Figures()
			return s.Hasty, s.Slowed
		}
		first.hurries(hastyPolls)
		hasty, _ := haste()
		equal(t, hasty, 0, "marked at the bound")
		first.hurries(slowedAt - hastyPolls)
		hasty, slowed := haste()
		equal(t, hasty, slowedAt-hastyPolls, "marked past it")
		equal(t, slowed, 0, "slowed at the bound")
		refused, wait := first.hurries(200)
		equal(t, refused, 200, "refused past it")
		if wait <= 0 || wait > hasteOver || wait > quick().longestPoll() {
			t.Errorf("told to wait %s", wait)
		}
		_, slowed = haste()
		equal(t, slowed, 200, "slowed")
		equal(t, other.polls().Position, 2, "somebody else")
		g.endHaste()
		equal(t, first.polls().Position, 1, "in the next window")
	})
}

// A slowed poll says that its visitor is there, all the same.
func TestWhoIsSlowedStaysPresent(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		hurried, calm := g.joins(), g.joins()
		g.look()
		g.age()
		hurried.hurries(slowedAt)
		for range 3 {
			slowed, _ := hurried.hurries(1)
			equal(t, slowed, 1, "slowed")
			calm.polls()
			g.turn()
		}
		equal(t, calm.polls().Position, 2, "the slowed one still counts")
	})
}

// Who was slowed in the line and is called then, claims with the next poll.
func TestWhoIsSlowedMayClaim(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		f := g.joins()
		g.look()
		slowed, _ := f.hurries(slowedAt + 1)
		equal(t, slowed, 1, "slowed")
		g.lets()
		g.look()
		f.wants(Admitted)
	})
}

// Polls from inside cost Redis a script each: no more than one a second, past the bound.
func TestHastyPollsFromInside(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		f := g.enters()
		f.hurries(slowedAt - 1) // to enter took one
		slowed, _ := f.hurries(20)
		if slowed < 10 {
			t.Fatalf("%d of 20 polls were slowed", slowed)
		}
		g.haste.mu.Lock()
		id := placeID{f.who.Visitor, f.who.Token.Number}
		a := g.haste.asked[id]
		a.at = a.at.Add(-time.Second)
		g.haste.asked[id] = a
		g.haste.mu.Unlock()
		f.wants(Admitted)
		slowed, _ = f.hurries(1)
		equal(t, slowed, 1, "slowed again at once")
	})
}

// The count follows the line: its bytes are given back, and counts saturate.
func TestHasteCounts(t *testing.T) {
	t.Parallel()
	r := &Room{}
	v := &view{head: 1003, rules: quick()}
	r.view.Store(v)
	for range 1000 {
		_ = r.haste.note(5000, v)
	}
	tally := r.haste.tally.Load()
	equal(t, tally.first, 1000, "first")
	for number, want := range map[int64]uint8{4999: 1, 5000: 255, 5001: 1} {
		got, counted := tally.add(number)
		equal(t, counted, true, "counted")
		equal(t, got, want, "polls")
	}
	if got, counted := tally.add(999); got != 0 || !counted {
		t.Errorf("a number before the first: %d %t", got, counted)
	}
	if n := len(tally.words) * 8; n > 4100 {
		t.Errorf("%d bytes for 4000 numbers", n)
	}

	r.countAnew(time.Now())
	if got, _ := r.haste.tally.Load().add(5000); got != 255 {
		t.Error("the window ended early")
	}
	v = &view{head: 4000, rules: quick()}
	r.view.Store(v)
	r.countAnew(time.Now().Add(hasteOver))
	tally = r.haste.tally.Load()
	equal(t, tally.first, 4000, "first, when the head has gone on")
	if got, _ := tally.add(5000); got != 1 {
		t.Errorf("%d polls in a new window", got)
	}
	if n := len(tally.words) * 8; n > 1100 {
		t.Errorf("%d bytes for 1000 numbers", n)
	}
	r.view.Store(&view{head: 9000, rules: quick()})
	r.countAnew(time.Now().Add(2 * hasteOver))
	equal(t, len(r.haste.tally.Load().words), 0, "words, when the line is empty")
}

func TestHasteCountsManyAtOnce(t *testing.T) {
	t.Parallel()
	r := &Room{}
	v := &view{rules: quick()}
	r.view.Store(v)
	_ = r.haste.note(64, v) // the room for all of them
	var all sync.WaitGroup
	for number := range int64(8) {
		for range 4 {
			all.Go(func() {
				for range 10 {
					_ = r.haste.note(number+1, v)
				}
			})
		}
	}
	all.Wait()
	for number := range int64(8) {
		got, _ := r.haste.tally.Load().add(number + 1)
		equal(t, got, 41, "polls")
	}
}

func TestHasteAllocatesNothing(t *testing.T) {
	r := &Room{}
	v := &view{rules: quick()}
	r.view.Store(v)
	_ = r.haste.note(10_000, v)
	number := int64(0)
	if n := testing.AllocsPerRun(1000, func() { number++; _ = r.haste.note(number, v) }); n != 0 {
		t.Errorf("%v allocations a poll", n)
	}
}

func BenchmarkHaste(b *testing.B) {
	r := &Room{}
	v := &view{rules: quick()}
	r.view.Store(v)
	const line = 1 << 20
	_ = r.haste.note(line, v)
	for n := int64(0); b.Loop(); n++ {
		_ = r.haste.note(n%line+1, v)
	}
}
