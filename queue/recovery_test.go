package queue

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/testenv"
)

// crowd is a show with people in every state, seen by two gateways.
type crowd struct {
	h                       *house
	g, other                *gate
	waiting, inside, bought []*fan
	left, holding           *fan
}

// newCrowd has numbers 1-6 called (1, 2 bought, 3 left, 4-6 inside) and 7-16 waiting.
func newCrowd(t *testing.T, url string) *crowd {
	t.Helper()
	h := newHouse(t, url, quick())
	h.show.Rules.Admit, h.show.Rules.MaxActive = 6, 6
	c := &crowd{h: h, g: h.gate(), other: h.gate()}
	fans := c.g.join(16)
	equal(t, c.g.lets(), 6, "called")
	c.g.look()
	for _, f := range fans[:6] {
		f.wants(Admitted)
	}
	for _, f := range fans[:2] {
		must(t, c.g.Finish(t.Context(), f.who.Visitor, f.who.Token.Number))
	}
	_, err := c.g.Leave(t.Context(), fans[2].who)
	must(t, err)
	c.bought, c.left, c.inside, c.holding, c.waiting = fans[:2], fans[2], fans[3:6], fans[5], fans[6:]
	c.g.look()
	c.other.look()
	h.books.known = Known{
		Inside:   []Inside{{c.holding.who.Visitor, c.holding.who.Token.Number, c.g.now() + 60_000_000}},
		Finished: []int64{1, 2},
	}
	return c
}

// recovers checks that everybody is where they were, in a new epoch.
func (c *crowd) recovers(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	before := c.h.books.kept[c.h.show.ID]
	must(t, c.g.watch.RunOnce(ctx))
	must(t, c.other.watch.RunOnce(ctx))
	kept := c.h.books.kept[c.h.show.ID]
	if kept.Epoch != before.Epoch+1 {
		t.Fatalf("epoch %d after %d: want one more, whoever noticed", kept.Epoch, before.Epoch)
	}

	newcomer := c.other.joins()
	if newcomer.first.Number <= before.Ceiling {
		t.Errorf("number %d may have been handed out before: the ceiling was %d", newcomer.first.Number, before.Ceiling)
	}
	equal(t, c.g.lets(), 0, "admitted during the recovery")

	for i := len(c.waiting) - 1; i >= 0; i-- { // the last comes back first: the order is the numbers'
		f := c.waiting[i]
		f.g = c.other
		s := f.wants(Waiting)
		equal(t, s.Number, f.first.Number, "number of somebody who waits")
	}
	for _, f := range c.inside {
		number := f.who.Token.Number
		s := f.wants(Admitted)
		equal(t, s.Number, number, "number of somebody inside")
	}
	if rest := c.holding.polls().Until.Sub(timeOf(c.g.now())); rest < 500*time.Second {
		t.Errorf("the session of somebody who holds lasts %s: their token proves more", rest)
	}
	for _, f := range c.bought {
		f.wants(Finished)
	}

	must(t, c.other.watch.RunOnce(ctx))
	c.g.look()
	for i, f := range c.waiting {
		f.g = c.g
		equal(t, f.wants(Waiting).Position, int64(i+1), "position")
	}
	newcomer.g = c.g
	equal(t, newcomer.wants(Waiting).Position, int64(len(c.waiting)+1), "nobody new got ahead")

	found, err := c.g.Audit(ctx, []int64{1, 2})
	must(t, err)
	for _, v := range found {
		t.Error(v)
	}
	c.g.set("recovering_until", 1)
	equal(t, c.g.lets(), 3, "admitted after the recovery, up to the cap")
	c.g.look()
	for _, f := range c.waiting[:3] {
		f.wants(Admitted)
	}
	newcomer.wants(Waiting)
	totals := c.g.totals()
	equal(t, totals.Admitted, totals.Active+totals.Finished+totals.Left+totals.Expired+totals.Missed, "admitted adds up")
}

func TestLosingRedisLosesNobodysPlace(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		c := newCrowd(t, url)
		must(t, c.g.redis.Del(t.Context(), c.g.keys...).Err())
		c.recovers(t)
	})
}

// A replica that lagged behind takes over: Redis is there, but of a while ago.
func TestARedisThatWentBackIsTreatedAsLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t, testenv.Redis(t), quick())
	g := h.gate()
	g.join(2)
	g.look()
	past := snapshot(t, g)
	left := g.joins()
	_, err := g.Leave(t.Context(), left.who)
	must(t, err)
	past.restore(t, g)

	_, _, err = g.Join(t.Context(), newcomer())
	var down *UnavailableError
	if !errors.As(err, &down) || down.RetryAfter <= 0 {
		t.Fatalf("join on a Redis that went back: %v, want an UnavailableError", err)
	}
	must(t, g.watch.RunOnce(t.Context()))
	equal(t, h.books.kept[h.show.ID].Epoch, 2, "epoch")
	if n := g.joins().first.Number; n <= block {
		t.Errorf("number %d was below the ceiling", n)
	}
}

func TestALaggingRedisWithACrowd(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, testenv.Redis(t))
	past := snapshot(t, c.g)
	// What happens now, the replica never hears of.
	late := c.g.joins()
	c.waiting = append(c.waiting, late)
	c.g.look()
	c.other.look()
	past.restore(t, c.g)
	c.recovers(t)
}

// between runs something after the first call of a script.
type between struct {
	counter
	script *redis.Script
	once   sync.Once
	run    func()
}

func (b *between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if args := cmd.Args(); len(args) > 1 && args[1] == b.script.Hash() && err == nil {
			b.once.Do(b.run)
		}
		return err
	}
}

// Who joins again while Redis loses their place has a place all the same.
func TestAPlaceLostBetweenTwoQuestions(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g, other := h.gate(), h.gate()
		f := g.joins()
		g.look()
		other.look()
		g.redis.AddHook(&between{script: joinScript, run: func() {
			must(t, other.redis.Del(t.Context(), g.keys...).Err())
			other.look()
		}})
		s, created, err := g.Join(t.Context(), Who{Visitor: f.who.Visitor}) // the answer with the token was lost
		must(t, err)
		equal(t, created, true, "a new place")
		equal(t, s.State, Waiting, "state")
		other.look()
		other.isClean(h)
	})
}

type dump map[string]string

func snapshot(t *testing.T, g *gate) dump {
	t.Helper()
	d := dump{}
	for _, key := range g.keys {
		text, err := g.redis.Dump(t.Context(), key).Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		must(t, err)
		d[key] = text
	}
	return d
}

func (d dump) restore(t *testing.T, g *gate) {
	t.Helper()
	must(t, g.redis.Del(t.Context(), g.keys...).Err())
	for key, text := range d {
		must(t, g.redis.Restore(t.Context(), key, 0, text).Err())
	}
}

func TestATokenOfAnOlderEpochIsGoodOnce(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		called, waits := g.joins(), g.joins()
		old := called.who // from before the admission: proves none
		h.show.Rules.MaxActive, h.show.RulesVersion = 1, 2
		must(t, g.Apply(t.Context(), h.show))
		g.lets()
		g.look()
		called.wants(Admitted)
		g.look()
		must(t, g.redis.Del(t.Context(), g.keys...).Err())
		must(t, g.watch.RunOnce(t.Context()))

		called.who = old
		equal(t, called.wants(Waiting).Number, 1, "at or below the head it counts as away: back in line, next to be called")
		waits.wants(Waiting)
		g.set("recovering_until", 1)
		equal(t, g.lets(), 1, "admitted")
		g.lapse()
		g.lets()
		g.look()
		called.who = old
		called.wants(Expired) // that was the one time
		equal(t, waits.wants(Admitted).Number, 2, "the next one's turn")
	})
}

func TestAPassFromBeforeBringsBackInside(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		f, gone := g.joins(), g.joins()
		g.lets()
		g.look()
		f.wants(Admitted)
		gone.wants(Admitted)
		pass, expired := f.pass(), gone.pass()
		g.set("opened_at", g.now()-60_000_000)
		g.look()
		pass.Issued, expired.Issued = pass.Issued.Add(-3*time.Second), expired.Issued.Add(-3*time.Second)

		// In the same epoch a pass alone brings nobody back whose session is over.
		g.lapse()
		must(t, g.redis.ZAdd(t.Context(), g.keys[keyActive], zscore(time.Now().Add(time.Hour), f)).Err())
		g.lets()
		_, err := g.PinFor(t.Context(), expired, time.Second)
		equal(t, errors.Is(err, ErrNotInside), true, "a session that is over stays over")

		must(t, g.redis.Del(t.Context(), g.keys...).Err())
		must(t, g.watch.RunOnce(t.Context()))
		_, err = g.PinFor(t.Context(), pass, time.Minute)
		must(t, err)
		f.wants(Admitted)
	})
}

// Several gateways find the room lost at the same time: one epoch comes of it.
func TestOnlyOneGatewayOpensTheRoom(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		gates := []*gate{h.gate(), h.gate(), h.gate(), h.gate()}
		gates[0].joins()
		for _, g := range gates {
			g.look()
		}
		must(t, gates[0].redis.Del(t.Context(), gates[0].keys...).Err())
		done := make(chan error)
		for _, g := range gates {
			go func() { done <- g.watch.RunOnce(t.Context()) }()
		}
		won := 0
		for range gates {
			if <-done == nil {
				won++
			}
		}
		if won == 0 {
			t.Error("nobody opened the room")
		}
		equal(t, h.books.kept[h.show.ID].Epoch, 2, "epoch")
	})
}

// A gateway that won an epoch and died before it opened the room holds nobody up.
func TestADeadWinnerHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		g.joins()
		g.look()
		must(t, g.redis.Del(t.Context(), g.keys...).Err())
		h.rivalWins()
		if err := g.watch.RunOnce(t.Context()); !errors.Is(err, errRival) {
			t.Fatalf("at first it is given time: %v", err)
		}
		g.rival.since = g.rival.since.Add(-rivalGrace)
		must(t, g.watch.RunOnce(t.Context()))
		equal(t, h.books.kept[h.show.ID].Epoch, 3, "epoch")
		g.joins()
	})
}

// A paused gateway that wakes with an epoch long past undoes nothing.
func TestAnOldEpochOpensNothing(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		f := g.joins()
		must(t, g.Reset(t.Context()))
		s, _, err := g.Join(t.Context(), f.who)
		must(t, err)
		f.holds(s)
		must(t, g.open(t.Context(), Kept{Show: h.show.ID, Generation: 1, Epoch: 1}, 0, g.runsAt()))
		g.look()
		equal(t, f.wants(Waiting).Number, s.Number, "number")
	})
}
