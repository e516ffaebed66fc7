package queue

import (
	"context"
	"errors"
	"testing"

	"frontrow/internal/testenv"
)

func TestNumbersAreHandedOutInOrder(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		for i, f := range g.join(5) {
			equal(t, f.first.Number, int64(i+1), "number")
			equal(t, f.first.Position, int64(i+1), "position on joining")
		}
		g.look()
		late := g.joins()
		equal(t, late.polls().Position, 6, "position of somebody who joined after the view")
		g.look()
		s := late.wants(Waiting)
		equal(t, s.Position, 6, "position")
		equal(t, s.InLine, 6, "people in line")
	})
}

func TestJoiningAgainKeepsThePlace(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		f := g.join(3)[1]
		g.look()
		for name, who := range map[string]Who{
			"by token":        f.who,
			"by cookie alone": {Visitor: f.who.Visitor},
		} {
			s, created, err := g.Join(t.Context(), who)
			must(t, err)
			equal(t, created, false, name+": created")
			equal(t, s.Number, f.first.Number, name+": number")
			if s.Token == "" {
				t.Errorf("%s: no token", name)
			}
		}
	})
}

func TestWhoIsDoneJoinsAtTheEnd(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		f := g.join(3)[0]
		g.look()
		left, err := g.Leave(t.Context(), f.who)
		must(t, err)
		equal(t, left, true, "there was a place to leave")
		f.wants(Finished) // at once, though the view is from before
		g.look()
		f.wants(Finished)
		old := f.who

		s, created, err := g.Join(t.Context(), f.who)
		must(t, err)
		equal(t, created, true, "created")
		equal(t, s.Number, 4, "number")
		again, err := g.Poll(t.Context(), old)
		must(t, err)
		equal(t, again.State, Finished, "the old token never jumps")
	})
}

// Who left through another gateway a moment ago has no place here either.
func TestLeavingElsewhereCountsWhenJoiningAgain(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g, other := h.gate(), h.gate()
		f := g.join(2)[0]
		g.look()
		_, err := other.Leave(t.Context(), f.who)
		must(t, err)
		s, created, err := g.Join(t.Context(), f.who)
		must(t, err)
		equal(t, created, true, "created")
		equal(t, s.Number, 3, "number")
	})
}

func TestJoinBounds(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.MaxWaiting = 3
		g := h.gate()
		fans := g.join(3)
		_, _, err := g.Join(t.Context(), newcomer())
		equal(t, errors.Is(err, ErrFull), true, "one past max_waiting is refused")
		_, err = g.Leave(t.Context(), fans[0].who)
		must(t, err)
		g.joins()

		h.show.Phase, h.show.RulesVersion = Closed, 2
		must(t, g.Apply(t.Context(), h.show))
		_, _, err = g.Join(t.Context(), newcomer())
		equal(t, errors.Is(err, ErrClosed), true, "a closed queue takes nobody")
		s, created, err := g.Join(t.Context(), fans[1].who)
		must(t, err)
		equal(t, created, false, "who has a place keeps it when the queue closes")
		equal(t, s.State, Waiting, "state")
	})
}

// The ceiling is what MySQL reserved; no number above it is ever handed out.
func TestNumbersStayBelowTheCeiling(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		equal(t, h.books.kept[h.show.ID].Ceiling, 0, "ceiling before the first join")
		g.joins()
		equal(t, h.books.kept[h.show.ID].Ceiling, block, "ceiling after it")
		g.set("issued", block-1)
		equal(t, g.joins().first.Number, block, "the last number reserved")
		equal(t, g.joins().first.Number, block+1, "the one after it")
		equal(t, h.books.kept[h.show.ID].Ceiling, 2*block, "ceiling")

		g.set("issued", 2*block-10)
		g.look()
		g.look()
		equal(t, h.books.kept[h.show.ID].Ceiling, 3*block, "the watcher reserves before numbers run out")
	})
}

func TestAnOldPlaceIsOverAfterReset(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g, other := h.gate(), h.gate()
		fans := g.join(4)
		g.lets()
		g.look()
		fans[0].wants(Admitted)
		must(t, other.Reset(t.Context()))
		for _, f := range fans {
			f.g = other
			if _, err := other.Poll(t.Context(), f.who); !errors.Is(err, ErrPlaceExpired) {
				t.Errorf("number %d: %v, want ErrPlaceExpired", f.who.Token.Number, err)
			}
		}
		// A gateway that has not heard of it yet does not bring them back either.
		_, err := g.Poll(t.Context(), fans[0].who)
		equal(t, errors.Is(err, ErrPlaceExpired), true, "on a gateway with an old view")
		s, created, err := other.Join(t.Context(), fans[2].who)
		must(t, err)
		equal(t, created, true, "created")
		equal(t, s.Position, 1, "position in the new generation")
		if s.Number <= fans[3].first.Number {
			t.Errorf("number %d was handed out before", s.Number)
		}
		other.look()
		equal(t, other.lets(), 1, "admitted in the new generation, at once")
	})
}

func TestManyJoinAtOnce(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		gates := []*gate{h.gate(), h.gate()}
		const n = 600
		numbers := make(chan int64, n)
		for i := range n {
			go func() {
				who := newcomer()
				s, _, err := gates[i%2].Join(context.WithoutCancel(t.Context()), who)
				var busy *UnavailableError
				for tries := 0; tries < 10 && errors.As(err, &busy); tries++ {
					who.New = false // they may have the place already
					s, _, err = gates[i%2].Join(context.WithoutCancel(t.Context()), who)
				}
				if err != nil {
					t.Error(err)
				}
				numbers <- s.Number
			}()
		}
		seen := map[int64]bool{}
		for range n {
			number := <-numbers
			if seen[number] || number < 1 || number > n {
				t.Fatalf("number %d was handed out twice, or is out of 1..%d", number, n)
			}
			seen[number] = true
		}
	})
}
