package queue

import (
	"errors"
	"testing"

	"frontrow/internal/invariant"
	"frontrow/internal/testenv"
)

func (f *fan) isPreferred() {
	f.g.t.Helper()
	must(f.g.t, f.g.Prefer(f.g.t.Context(), f.who.Visitor))
}

// isToBeCalled does as isPreferred, but for the admission that may follow at once.
func (f *fan) isToBeCalled() {
	f.g.t.Helper()
	a, err := f.g.run(f.g.t.Context(), "prefer", preferScript, f.who.Visitor)
	must(f.g.t, err)
	equal(f.g.t, a.rest[0].(int64), f.who.Token.Number, "who is called")
}

// refusesToPrefer wants that nobody can be called who is not in line and there.
func (f *fan) refusesToPrefer(what string) {
	f.g.t.Helper()
	err := f.g.Prefer(f.g.t.Context(), f.who.Visitor)
	equal(f.g.t, errors.Is(err, ErrNotWaiting), true, what)
}

func TestWhomAnOperatorCallsGoesFirst(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick()) // three at a time
		h.show.Rules.IntervalMS = 60_000
		g := h.gate()
		fans := g.join(8)
		fans[7].isPreferred()
		fans[6].isPreferred()
		fans[6].refusesToPrefer("who is called already")
		n, _, err := g.admit.RunOnce(t.Context())
		must(t, err)
		equal(t, n, 1, "what is left of the quota is the line's")
		g.look()
		for _, i := range []int{0, 6, 7} {
			fans[i].wants(Admitted)
		}
		fans[5].isPreferred()
		fans[5].isPreferred()
		g.look()
		equal(t, fans[5].wants(Waiting).Position, 5, "the quota is used up: they wait where they are")
		equal(t, g.finds(fans[5].who.Visitor, 0).Preferred, true, "as operators see")
		equal(t, g.finds(fans[4].who.Visitor, 0).Preferred, false, "of others")
		g.isClean(h)
		rows := h.books.admissions
		equal(t, len(rows), 3, "admissions")
		equal(t, rows[1], Admission{
			Show: g.show, Generation: 1, Epoch: 1, Seq: 2, At: rows[1].At, Admit: 3, IntervalMS: 60_000, MaxActive: 10,
			Count: 1, First: 7, Last: 7, ActiveAfter: 2, Returned: 1,
		}, "in the ledger it was not the line's turn")
		equal(t, rows[2].Next, 2, "and then it was")

		equal(t, g.lets(), 1, "in the next interval, by themselves")
		n, _, err = g.admit.RunOnce(t.Context())
		must(t, err)
		equal(t, n, 2, "and then the line")
		g.look()
		for i, state := range []State{Admitted, Admitted, Admitted, Waiting, Waiting, Admitted, Admitted, Admitted} {
			fans[i].wants(state)
		}
		equal(t, fans[3].polls().Position, 1, "the line goes on")
		for _, f := range fans[5:] {
			f.refusesToPrefer("who is inside")
			must(t, g.Finish(t.Context(), f.who.Visitor, f.who.Token.Number))
			g.look()
			f.wants(Finished)
			f.refusesToPrefer("who has bought")
		}
		equal(t, g.lets(), 2, "the rest of the line")
		g.look()
		fans[4].wants(Admitted)
		found, err := g.Audit(t.Context(), []int64{6, 7, 8})
		must(t, err)
		equal(t, len(found), 0, "violations")
	})
}

// The bounds are the same for everybody.
func TestWhoIsPreferredWaitsForRoom(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.Rules.MaxActive = 2
		g := h.gate()
		fans := g.join(5)
		equal(t, g.lets(), 2, "as many as may be inside")
		g.look()
		fans[0].wants(Admitted)
		fans[1].wants(Admitted)
		fans[4].isPreferred()
		equal(t, g.lets(), 0, "there is no room")

		again := fans[3]
		again.isPreferred()
		_, err := g.Leave(t.Context(), again.who)
		must(t, err)
		s, _, err := g.Join(t.Context(), Who{Visitor: again.who.Visitor})
		must(t, err)
		equal(t, s.Number, 6, "the number of their new place")
		equal(t, g.finds(again.who.Visitor, 0).Preferred, false, "whom an operator called is who had the old one")
		must(t, g.Finish(t.Context(), fans[0].who.Visitor, fans[0].who.Token.Number))
		g.set("paused", 1)
		equal(t, g.lets(), 0, "nobody is let in")
		g.set("paused", 0)
		equal(t, g.lets(), 1, "there is room for one")
		g.look()
		fans[4].wants(Admitted)
		fans[2].wants(Waiting)
		g.isCleanBut(h, invariant.Rate) // nobody waits here until an interval is over
	})
}

func TestWhoDoesNotComeBeforeTheirTurnKeepsIt(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.Rules.Admit = 1
		g := h.gate()
		fans := g.join(4)
		equal(t, g.lets(), 1, "the first")
		g.look()
		late := fans[3]
		late.isToBeCalled()
		g.lets()
		g.look()
		equal(t, g.finds(late.who.Visitor, 0).State, "invited", "called")
		g.lapse()
		equal(t, late.wants(Waiting).Position, 3, "in line again, as the poll itself finds")
		late.isToBeCalled()
		equal(t, g.lets(), 1, "they alone")
		g.lapse()
		equal(t, g.lets(), 1, "the next of the line") // and who is late is out, here
		g.look()
		equal(t, late.wants(Waiting).Position, 2, "in line again, as an admission finds")
		g.look()

		// Called before their turn, and passed by it meanwhile: as anybody who was called.
		late.isToBeCalled()
		g.lets()
		for range 2 {
			g.lets()
		}
		g.lapse()
		g.look()
		equal(t, late.wants(Waiting).Position, 1, "among those who come back")
		equal(t, g.lets(), 1, "it is their turn again")
		g.look()
		late.wants(Admitted)
		g.isCleanBut(h, invariant.Rate) // nobody waits here until an interval is over
	})
}

func TestWhoCameBackCanBePreferred(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.Rules.Admit = 2
		g := h.gate()
		fans := g.join(4)
		g.lets()
		g.miss()
		g.look()
		fans[0].wants(Waiting)
		fans[1].wants(Waiting)
		fans[1].isToBeCalled()
		equal(t, g.lets(), 1, "the one who is called")
		g.look()
		fans[1].wants(Admitted)
		fans[0].wants(Waiting)
		g.isCleanBut(h, invariant.Rate) // nobody waits here until an interval is over
	})
}

func TestWhoIsNotThereIsNotCalled(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		fans := g.join(8)
		equal(t, g.lets(), 3, "the first")
		fans[1].refusesToPrefer("who is called already")
		(&fan{g: g, who: newcomer()}).refusesToPrefer("who has no place")
		leaves, absent := fans[6], fans[7]
		absent.isToBeCalled()
		must(t, g.redis.SetBit(t.Context(), g.keys[keyPresent], absent.who.Token.Number, 0).Err())
		absent.refusesToPrefer("who is away")
		leaves.isToBeCalled()
		_, err := g.Leave(t.Context(), leaves.who)
		must(t, err)
		equal(t, g.lets(), 3, "the line's next")
		g.look()
		absent.wants(Waiting)
		fans[5].wants(Admitted)

		// Lost with Redis, their place is what it was.
		absent.isToBeCalled()
		must(t, g.redis.Unlink(t.Context(), g.keys...).Err())
		g.look()
		g.look()
		absent.wants(Waiting)
		g.look()
		equal(t, g.finds(absent.who.Visitor, 0).Preferred, false, "nobody asked this Redis")
		g.isCleanBut(h, invariant.Rate) // nobody waits here until an interval is over
	})
}
