package queue

import (
	"errors"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

func TestAFixedNumberPerInterval(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		fans := g.join(8)
		equal(t, g.lets(), 3, "first interval")
		n, next, err := g.admit.RunOnce(t.Context())
		must(t, err)
		equal(t, n, 0, "within the interval")
		if next <= 0 || next > 100*time.Millisecond {
			t.Errorf("come again in %s, want the rest of the interval", next)
		}
		equal(t, g.lets(), 3, "second interval")
		equal(t, g.lets(), 2, "whoever is left")
		g.look()
		for _, f := range fans {
			f.wants(Admitted)
		}
	})
}

func TestNeverMoreInsideThanMaxActive(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.Rules.Admit, h.show.Rules.MaxActive = 100, 4
		g := h.gate()
		fans := g.join(10)
		equal(t, g.lets(), 4, "up to the cap")
		equal(t, g.lets(), 0, "beyond it")
		g.look()
		must(t, g.Finish(t.Context(), fans[0].who.Visitor, 1))
		equal(t, g.lets(), 1, "as many as are gone")

		h.show.Rules.MaxActive, h.show.RulesVersion = 2, 2
		must(t, g.Apply(t.Context(), h.show))
		g.look()
		fans[3].wants(Admitted)
		for _, f := range fans[1:4] {
			must(t, g.Finish(t.Context(), f.who.Visitor, f.who.Token.Number))
		}
		equal(t, g.lets(), 1, "a lowered cap puts nobody out; nobody enters until active is below it")
	})
}

// Who came back is taken one by one, so a large batch of them goes in chunks.
func TestChunksDrawOnOneQuota(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.Rules.Admit, h.show.Rules.MaxActive = 25, 1000
		g := h.gate()
		fans := g.join(60)
		equal(t, g.lets(), 25, "called the first time, at once")
		equal(t, g.lets(), 25, "and the next")
		g.miss()
		g.look()
		for _, f := range fans[:30] {
			f.wants(Waiting)
		}
		run := func() (int64, int64) {
			a, err := g.run(t.Context(), "admit", admitScript, 10, -1, 0, 0)
			must(t, err)
			return a.rest[0].(int64), a.rest[1].(int64)
		}
		g.set("interval_ms", 60_000)
		g.set("admitted_at", 0)
		g.set("quota_until", 0)
		for i, want := range []int64{10, 10, 5, 0} {
			n, next := run()
			equal(t, n, want, "chunk")
			equal(t, next == 0, i < 2, "come again at once")
		}
		// What is not drawn by the interval's end lapses.
		g.set("admitted_at", 0)
		g.set("quota_until", 0)
		n, _ := run()
		equal(t, n, 5+10, "the next quota, not the rest of the last: who came back, and then the line")
		n, _ = run()
		equal(t, n, 0, "nobody is left")
	})
}

func TestPauseAndPhasesShutTheDoor(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		f := g.joins()
		change := func(change func(*Show)) {
			change(&h.show)
			h.show.RulesVersion++
			must(t, g.Apply(t.Context(), h.show))
			g.look()
		}
		change(func(s *Show) { s.Rules.Paused = true; s.Message = "Doors in ten minutes" })
		equal(t, g.lets(), 0, "while paused")
		s := f.wants(Waiting)
		equal(t, s.ETA == nil, true, "no ETA while paused")
		equal(t, s.PollAfter >= 4*time.Second, true, "told to poll seldom while paused")
		change(func(s *Show) { s.Rules.Paused = false })
		equal(t, f.wants(Waiting).PollAfter <= time.Second, true, "told to poll as ever again")
		change(func(s *Show) { s.Rules.Paused = true })
		s = f.wants(Waiting)
		equal(t, s.Message, "Doors in ten minutes", "message")
		change(func(s *Show) { s.Rules.Paused = false; s.Phase = Closed })
		equal(t, g.lets(), 0, "while closed")
		change(func(s *Show) { s.Phase = Open })
		older := h.show
		older.Rules.Paused, older.RulesVersion = true, 2
		must(t, g.Apply(t.Context(), older))
		equal(t, g.lets(), 1, "open again, whatever an older rule says")
	})
}

func TestClaimMissReturnExpire(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		fans := g.join(3)
		quickOne, lateOne, gone := fans[0], fans[1], fans[2]
		g.lets()
		g.look()
		until := quickOne.wants(Admitted).Until
		if rest := until.Sub(timeOf(g.now())); rest < 590*time.Second || rest > 600*time.Second {
			t.Errorf("the session lasts %s, want session_seconds", rest)
		}

		// The claim window ends for the two who did not show up.
		g.miss()
		g.lets()
		g.look()
		equal(t, g.totals().Missed, 2, "missed")
		s := lateOne.wants(Waiting)
		equal(t, s.Number, 2, "the old number")
		equal(t, s.Position, 1, "next to be called")
		newcomer := g.joins()
		g.look()
		equal(t, newcomer.polls().Position, 2, "behind the one who came back")
		g.lets()
		g.look()
		lateOne.wants(Admitted)

		// Away too long, and inside too long.
		g.forget()
		g.lets()
		g.look()
		gone.wants(Expired)
		equal(t, g.totals().ExpiredWaiting, 0, "who missed is not counted twice")
		g.lapse()
		quickOne.wants(Expired)
		lateOne.wants(Expired)
	})
}

func TestMissingTwiceIsOnceTooOften(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		f := g.joins()
		g.lets()
		g.miss()
		g.look()
		f.wants(Waiting) // by the poll itself, before any tick noticed
		g.lets()
		g.lapse()
		g.look()
		f.wants(Expired)
		totals := g.totals()
		equal(t, totals.Missed, 2, "missed")
		equal(t, totals.Admitted, totals.Active+totals.Finished+totals.Left+totals.Expired+totals.Missed, "admitted adds up")
	})
}

func TestTheAbsentArePassedOverAndComeBack(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		fans := g.join(6)
		g.look()
		for _, absent := range fans[:2] {
			must(t, g.redis.SetBit(t.Context(), g.keys[keyPresent], absent.first.Number, 0).Err())
		}
		g.look()
		equal(t, fans[5].polls().Position, 4, "positions count those who are there")
		equal(t, g.lets(), 3, "admitted past the absent")
		g.look()
		fans[2].wants(Admitted)
		fans[4].wants(Admitted)
		s := fans[0].wants(Waiting)
		equal(t, s.Number, 1, "the old number")
		equal(t, s.Position, 1, "next to be called")
		equal(t, fans[1].polls().Position, 2, "and the other behind")
		g.look()
		equal(t, fans[5].polls().Position, 3, "who came back in time is ahead again")
		equal(t, g.lets(), 3, "admitted")
		g.look()
		fans[0].wants(Admitted)
		equal(t, g.totals().Missed, 0, "being absent is not missing")

		for _, absent := range g.join(2) {
			must(t, g.redis.SetBit(t.Context(), g.keys[keyPresent], absent.first.Number, 0).Err())
		}
		g.joins()
		equal(t, g.lets(), 1, "admitted")
		g.forget()
		g.lets()
		equal(t, g.totals().ExpiredWaiting, 2, "passed over, and never back")
	})
}

func TestPins(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		f, outside := g.joins(), g.joins()
		h.show.Rules.MaxActive = 1
		h.show.RulesVersion++
		must(t, g.Apply(t.Context(), h.show))
		g.lets()
		g.look()
		session := f.wants(Admitted).Until

		_, err := g.PinFor(t.Context(), outside.pass(), time.Second)
		equal(t, errors.Is(err, ErrNotInside), true, "nobody pins who waits")
		wrong := f.pass()
		wrong.Number++
		_, err = g.PinFor(t.Context(), wrong, time.Second)
		equal(t, errors.Is(err, ErrNotInside), true, "nor under another number")

		pin, err := g.PinFor(t.Context(), f.pass(), 10*time.Second)
		must(t, err)
		equal(t, pin.Until, session.UnixMicro(), "a moment within the session changes nothing")
		late := session.Add(100 * time.Second).UnixMicro()
		pin, err = g.PinUntil(t.Context(), f.who.Visitor, 1, late)
		must(t, err)
		equal(t, pin.Until, late, "pinned")
		pin, err = g.PinUntil(t.Context(), f.who.Visitor, 1, session.Add(time.Hour).UnixMicro())
		must(t, err)
		equal(t, pin.Until, pin.Max, "no further than the maximum")
		equal(t, pin.Max, session.Add(300*time.Second).UnixMicro(), "which counts from the claim")
		pin, err = g.PinFor(t.Context(), f.pass(), time.Second)
		must(t, err)
		equal(t, pin.Until, pin.Max, "a moment never shortens")

		must(t, g.Unpin(t.Context(), f.who.Visitor, 1, late))
		equal(t, f.polls().Until.UnixMicro(), late, "another hold's deadline is kept")
		must(t, g.Unpin(t.Context(), f.who.Visitor, 1, 0))
		equal(t, f.polls().Until, session, "the session's deadline is back")

		vain, err := g.PinFor(t.Context(), f.pass(), 650*time.Second)
		must(t, err)
		equal(t, vain.Before, session.UnixMicro(), "what a pin was put on")
		_, err = g.PinUntil(t.Context(), f.who.Visitor, 1, late)
		must(t, err)
		must(t, g.GiveBack(t.Context(), f.pass(), vain))
		equal(t, f.polls().Until.UnixMicro(), late, "a pin given back does not undo a later one")
		must(t, g.Unpin(t.Context(), f.who.Visitor, 1, 0))
		vain, err = g.PinFor(t.Context(), f.pass(), 650*time.Second)
		must(t, err)
		must(t, g.GiveBack(t.Context(), f.pass(), vain))
		equal(t, f.polls().Until, session, "a pin given back")

		g.lapse()
		_, err = g.PinFor(t.Context(), f.pass(), time.Second)
		equal(t, errors.Is(err, ErrNotInside), true, "past the deadline nobody pins")
	})
}

func TestFinishNamesItsNumber(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		f := g.enters()
		must(t, g.Finish(t.Context(), f.who.Visitor, 1))
		must(t, g.Finish(t.Context(), f.who.Visitor, 1))
		f.wants(Finished)

		s, _, err := g.Join(t.Context(), f.who)
		must(t, err)
		f.holds(s)
		g.lets()
		g.look()
		f.wants(Admitted)
		must(t, g.Finish(t.Context(), f.who.Visitor, 1))
		f.wants(Admitted) // a late message about the first admission ends nothing
		equal(t, g.totals().Finished, 1, "finished")
	})
}
