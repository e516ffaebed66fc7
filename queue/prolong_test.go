package queue

import (
	"errors"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// prolonging are quick rules with more time for who asks; a session may last 900 s at most.
func prolonging(session, seconds int) Rules {
	rules := quick()
	rules.SessionSeconds, rules.ProlongSeconds = session, seconds
	return rules
}

func TestASessionIsProlongedOnce(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, prolonging(600, 120))
		g, other := h.gate(), h.gate()
		f := g.enters()
		before := f.wants(Admitted)
		equal(t, before.Prolong, 2*time.Minute, "offered")
		until, err := g.Prolong(t.Context(), f.pass())
		must(t, err)
		equal(t, until.Sub(before.Until), 2*time.Minute, "prolonged by")
		after := f.wants(Admitted)
		equal(t, after.Until, until, "until")
		equal(t, after.Prolong, 0, "offered again")
		_, err = other.Prolong(t.Context(), f.pass())
		equal(t, errors.Is(err, ErrProlonged), true, "the second time")
		equal(t, f.wants(Admitted).Until, until, "until after the second time")

		// A hold and its end give back no more than the session.
		_, err = g.PinUntil(t.Context(), f.who.Visitor, f.who.Token.Number, g.now()+880_000_000)
		must(t, err)
		must(t, g.Unpin(t.Context(), f.who.Visitor, f.who.Token.Number, 0))
		equal(t, f.wants(Admitted).Until, until, "until after a hold")
	})
}

// No session goes beyond the admission's maximum, and who has used it all up is not
// offered more.
func TestProlongingEndsAtTheMaximum(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		for _, c := range []struct{ session, seconds, gains int }{
			{899, 1, 1}, {899, 2, 1}, {899, 86_400, 1}, {600, 300, 300}, {600, 301, 300}, {900, 60, 0}, {600, 0, 0},
		} {
			g := newHouse(t, url, prolonging(c.session, c.seconds)).gate()
			f := g.enters()
			before := f.wants(Admitted)
			equal(t, before.Prolong, time.Duration(c.gains)*time.Second, "offered")
			until, err := g.Prolong(t.Context(), f.pass())
			equal(t, errors.Is(err, ErrNotProlongable), c.gains == 0, "refused")
			equal(t, until.Sub(before.Until), time.Duration(c.gains)*time.Second, "gained")
		}
	})
}

func TestOnlyWhoIsInsideIsProlonged(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, prolonging(600, 120)).gate()
		refused := func(pass Pass, what string) {
			_, err := g.Prolong(t.Context(), pass)
			equal(t, errors.Is(err, ErrNotInside), true, what)
		}
		f := g.enters()
		waits := g.joins()
		refused(waits.pass(), "who waits")
		pass := f.pass()
		pass.Number++
		refused(pass, "another admission")
		g.lapse()
		refused(f.pass(), "past the time")
	})
}

// While somebody who asked for more is inside, their slot is nobody else's; then it is.
func TestAProlongedSlotIsHeldAsLongAsStated(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		rules := prolonging(600, 120)
		rules.MaxActive = 1
		g := newHouse(t, url, rules).gate()
		f := g.enters()
		next := g.joins()
		_, err := g.Prolong(t.Context(), f.pass())
		must(t, err)
		equal(t, g.lets(), 0, "let in beside them")
		g.lapse()
		equal(t, g.lets(), 1, "let in after them")
		g.look()
		next.wants(Admitted)
		equal(t, f.polls().State, Expired, "who was inside")
	})
}
