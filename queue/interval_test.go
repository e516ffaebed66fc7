package queue

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"frontrow/internal/testenv"
)

// clock lets time pass in a room without anybody waiting for it: everything that an admission
// compares with now is moved back instead.
type clock struct {
	g      *gate
	passed int64 // us
}

func (c *clock) pass(d time.Duration) {
	c.g.t.Helper()
	ctx := c.g.t.Context()
	for _, field := range []string{"admitted_at", "quota_until", "quota_at"} {
		if at, _ := c.g.redis.HGet(ctx, c.g.keys[keyRoom], field).Int64(); at > 0 {
			must(c.g.t, c.g.redis.HIncrBy(ctx, c.g.keys[keyRoom], field, -d.Microseconds()).Err())
		}
	}
	c.passed += d.Microseconds()
}

// rows are the admissions that the room has not handed to the ledger, at the times of this clock.
func (c *clock) rows(from int64) (rows []Admission) {
	c.g.t.Helper()
	raw, err := c.g.redis.LRange(c.g.t.Context(), c.g.keys[keyAdmissions], from, -1).Result()
	must(c.g.t, err)
	for _, text := range raw {
		a, err := parseAdmission(c.g.show, 1, text)
		must(c.g.t, err)
		a.At += c.passed
		rows = append(rows, a)
	}
	return rows
}

// Whoever comes whenever, and whatever the rules become meanwhile: no window of one interval
// sees more than the rules allow; and a line that is there gets all of it.
func TestNoWindowSeesTwoQuotas(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.Rules.MaxActive = 1_000_000
		rapid.Check(t, func(rt *rapid.T) {
			// rapid's own numbers keep to the edges: this wants the middle of intervals.
			random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
			h.show.ID = "t-" + randomWord()
			g := h.gate()
			c := &clock{g: g}
			g.set("interval_ms", minute.Milliseconds())
			g.set("admit", 1+random.Int64N(8))
			var rows []Admission
			for range 20 {
				switch random.IntN(20) {
				case 0:
					g.set("admit", random.Int64N(9))
				case 1:
					g.set("interval_ms", (minute / time.Duration(1+random.IntN(2))).Milliseconds())
				default:
					c.pass(time.Duration(random.Int64N(int64(minute) * 2 / 3)))
				}
				g.join(random.IntN(4))
				_, _, err := g.admit.RunOnce(t.Context())
				must(t, err)
				rows = append(rows, c.rows(int64(len(rows)))...)
			}
			for _, v := range AuditAdmissions(rows) {
				rt.Error(v)
			}
			// Within two intervals after all that, an interval is full.
			g.set("admit", 2)
			g.set("interval_ms", minute.Milliseconds())
			g.join(6)
			for range 2 {
				_, next, err := g.admit.RunOnce(t.Context())
				must(t, err)
				if next > minute {
					rt.Errorf("come again in %s", next)
				}
				c.pass(next)
			}
			n, _, err := g.admit.RunOnce(t.Context())
			must(t, err)
			if n < 1 {
				rt.Errorf("after two intervals nobody is let in, and six wait")
			}
		})
	})
}

// A gateway of a version before keeps no account of what an interval gave: after it, a whole
// one passes.
func TestAnotherVersionsAdmissionCountsWhole(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		g.set("interval_ms", 60_000)
		c := &clock{g: g}
		g.joins()
		equal(t, g.lets(), 1, "of three")
		g.join(3)
		c.pass(30 * time.Second)
		g.set("admitted_at", g.now())
		n, _, err := g.admit.RunOnce(t.Context())
		must(t, err)
		equal(t, n, 0, "somebody else has let people in meanwhile")
		c.pass(60 * time.Second)
		n, _, err = g.admit.RunOnce(t.Context())
		must(t, err)
		equal(t, n, 3, "a whole interval later")
	})
}

// The quota of an interval stays open until its end, also for those who come one by one.
func TestAnIntervalsQuotaIsDrawnAsPeopleCome(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		g.set("interval_ms", 60_000)
		c := &clock{g: g}
		admits := func(want int64, what string) {
			t.Helper()
			n, _, err := g.admit.RunOnce(t.Context())
			must(t, err)
			equal(t, n, want, what)
		}
		g.joins()
		admits(1, "the first, of three")
		c.pass(30 * time.Second)
		g.join(2)
		admits(2, "the others, later in the interval")
		g.join(4)
		admits(0, "the quota is drawn")
		c.pass(30*time.Second + time.Microsecond)
		admits(0, "the next interval owes what this one gave half an interval ago")
		c.pass(30 * time.Second)
		admits(3, "a whole interval after the last")
		c.pass(60*time.Second - time.Second)
		admits(0, "not before the next")
		c.pass(time.Second)
		admits(1, "and then who is left")
	})
}

// Who raises the pace need not wait for the end of the interval that was: no gateway sleeps it out.
func TestAShorterIntervalIsInForceSoon(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		g.set("interval_ms", 3_600_000)
		g.set("admit", 1)
		g.join(3)
		equal(t, g.lets(), 1, "the interval's")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = g.admit.Run(ctx) // it ends with its context
		}()
		time.Sleep(100 * time.Millisecond) // it has seen that an hour is to pass
		before := g.totals().Admitted
		g.set("interval_ms", 1)
		testenv.Wait(t, 5*time.Second, func() bool { return g.totals().Admitted > before }, "the shorter interval lets nobody in")
		stop()
		<-ended
	})
}
