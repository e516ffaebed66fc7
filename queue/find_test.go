package queue

import (
	"testing"

	"frontrow/internal/testenv"
)

// finds looks a place up, and fails the test if that changes anything.
func (g *gate) finds(visitor string, number int64) Found {
	g.t.Helper()
	before, err := g.redis.HGetAll(g.t.Context(), g.keys[keyRoom]).Result()
	must(g.t, err)
	f, err := g.Find(g.t.Context(), visitor, number)
	must(g.t, err)
	after, err := g.redis.HGetAll(g.t.Context(), g.keys[keyRoom]).Result()
	must(g.t, err)
	for field, was := range before {
		equal(g.t, after[field], was, field+" after a look")
	}
	return f
}

func TestFindSaysHowItStands(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate() // three at a time
		fans := g.join(8)
		number := func(i int) int64 { return fans[i].who.Token.Number }
		is := func(i int, state string) Found {
			t.Helper()
			f := g.finds(fans[i].who.Visitor, number(i))
			equal(t, f.State, state, "state")
			equal(t, f.Number, number(i), "number")
			equal(t, g.finds("", number(i)).State, state, "by the number alone")
			return f
		}
		f := is(4, "waiting")
		equal(t, f.Position, 5, "position")
		equal(t, f.Present, true, "present")
		equal(t, g.finds("", number(4)).Visitor, fans[4].who.Visitor, "whose it is")
		equal(t, g.finds(fans[4].who.Visitor, 0).Number, number(4), "which number it is")

		g.lets()
		g.look()
		f = is(0, "invited")
		if f.Until.IsZero() {
			t.Error("nothing says until when")
		}
		fans[0].wants(Admitted)
		equal(t, g.finds(fans[0].who.Visitor, 0).State, "admitted", "who has come in")
		equal(t, g.finds("", number(0)).State, "called", "who has come in, by the number alone")
		equal(t, is(4, "waiting").Position, 2, "position then")

		g.miss()
		f = is(1, "missed")
		equal(t, f.Missed, 1, "turns missed")
		fans[1].wants(Waiting)
		g.look()
		f = g.finds(fans[1].who.Visitor, number(1))
		equal(t, f.State, "returned", "who is back")
		equal(t, f.Position, 1, "among those")
		f = is(4, "waiting")
		equal(t, f.CameBack, 1, "who is ahead of everybody")
		equal(t, f.Position, 3, "position behind them")

		g.forget()
		is(2, "expired")
		must(t, g.Finish(t.Context(), fans[0].who.Visitor, number(0)))
		is(0, "finished")
		equal(t, g.finds(NewVisitor(), 0).State, "none", "a stranger")
		equal(t, g.finds("", 1_000_000).State, "none", "a number that nobody has")
		equal(t, g.finds("", 1<<32-1).State, "none", "the highest number")

		must(t, g.Reset(t.Context()))
		g.look()
		is(4, "older")
	})
}

// Somebody who was called while absent, or who missed twice, is told apart.
func TestFindTellsPassedOverFromMissed(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		fans := g.join(3)
		g.look()
		g.age()
		for range 3 {
			fans[1].polls()
			fans[2].polls()
			g.turn()
		}
		f := g.finds(fans[0].who.Visitor, 0)
		equal(t, f.State, "waiting", "who is silent")
		equal(t, f.Present, false, "present")
		g.lets()
		f = g.finds(fans[0].who.Visitor, 0)
		equal(t, f.State, "passed", "who was called while absent")

		fans[0].wants(Waiting)
		g.lets()
		equal(t, g.finds(fans[0].who.Visitor, 0).State, "invited", "called again")
		g.lapse()
		g.lets()
		f = g.finds(fans[0].who.Visitor, 0)
		equal(t, f.State, "away", "who did not come then")
		equal(t, f.Missed, 1, "turns missed")

		g.miss()
		g.look()
		fans[1].wants(Waiting)
		g.lets()
		g.lapse()
		g.lets()
		equal(t, g.finds(fans[1].who.Visitor, fans[1].who.Token.Number).State, "expired", "who missed twice")
	})
}
