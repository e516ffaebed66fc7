package queue

import (
	"errors"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// What proofs are worth when Redis was lost, and what they must not be worth.

// Redis loses what it was told last, together with the gateway that had heard it: a
// token that proves a higher number tells the one that comes after.
func TestATokenTellsThatRedisWentBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t, testenv.Redis(t), quick())
	g := h.gate()
	g.join(5)
	g.look()
	past := snapshot(t, g)
	told := g.join(5)
	past.restore(t, g)

	after := h.gate() // of a new process: it remembers nothing
	for _, f := range told {
		f.g = after
		if s, err := after.Poll(t.Context(), f.who); err == nil && s.State != Waiting {
			t.Errorf("number %d is %s", f.first.Number, s.State)
		}
	}
	after.look()
	after.look()
	equal(t, h.books.kept[h.show.ID].Epoch, 2, "epoch")
	if n := after.joins().first.Number; n <= block {
		t.Errorf("number %d may have been handed out before", n)
	}
	for _, f := range told {
		equal(t, f.wants(Waiting).Number, f.first.Number, "number")
	}
}

// A Redis of an older epoch than a token proves is not believed, nor is one older
// than MySQL knows.
func TestANewerEpochIsProofToo(t *testing.T) {
	t.Parallel()
	h := newHouse(t, testenv.Redis(t), quick())
	g := h.gate()
	g.join(3)
	g.look()
	past := snapshot(t, g)
	must(t, g.redis.Del(t.Context(), g.keys...).Err())
	g.look()
	late := g.joins()
	equal(t, late.who.Token.Epoch, 2, "epoch of the token")
	past.restore(t, g)

	var down *UnavailableError
	if _, err := g.Poll(t.Context(), Who{Visitor: late.who.Visitor}); !errors.As(err, &down) {
		t.Errorf("a gateway that knew of epoch 2: %v", err)
	}
	after := New(Options{Redis: g.redis, Keys: h.keys, Ledger: h.books.ledger(), Logger: g.queue.log}).Follow(h.show)
	if _, err := after.refresh(t.Context()); !errors.As(err, &down) {
		t.Errorf("one that only MySQL can tell: %v", err)
	}
}

// Whoever was out when Redis was lost stays out, whatever pass they still have.
func TestWhoWasOutStaysOut(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		f := g.enters()
		behind := f.pass() // by a gateway whose clock is behind
		behind.Issued, behind.Expires = behind.Issued.Add(-5*time.Second), behind.Expires.Add(-5*time.Second)
		g.lapse()
		other := h.gate()
		other.lets()
		if _, err := other.PinFor(t.Context(), behind, time.Hour); !errors.Is(err, ErrNotInside) {
			t.Errorf("expired in this epoch, and pinned again: %v", err)
		}
	})
}

func TestABuyerIsNotBackInsideByAnotherHold(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		buyer, holder := g.joins(), g.joins()
		g.lets()
		g.look()
		buyer.wants(Admitted)
		holder.wants(Admitted)
		pass := buyer.pass()
		must(t, g.Finish(t.Context(), buyer.who.Visitor, 1))
		soon, late := g.now()+6_000_000, g.now()+60_000_000
		h.books.known = Known{
			Inside:   []Inside{{buyer.who.Visitor, 1, late}, {holder.who.Visitor, 2, late}, {holder.who.Visitor, 2, soon}},
			Finished: []int64{1},
		}
		must(t, g.redis.Del(t.Context(), g.keys...).Err())
		g.look()
		if _, err := g.PinFor(t.Context(), pass, time.Second); !errors.Is(err, ErrNotInside) {
			t.Errorf("bought, and inside again: %v", err)
		}
		buyer.wants(Finished)
		deadline, err := g.redis.ZScore(t.Context(), g.keys[keyActive], holder.who.Visitor).Result()
		must(t, err)
		equal(t, int64(deadline), late, "of two holds the latest end counts")
		found, err := g.Audit(t.Context(), []int64{1})
		must(t, err)
		equal(t, len(found), 0, "violations")
	})
}

// However often Redis is lost, an admission does not outgrow its maximum.
func TestLossesDoNotProlong(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		f := g.enters()
		first, err := g.PinFor(t.Context(), f.pass(), 2*time.Hour)
		must(t, err)
		f.polls()
		for range 2 {
			g.set("opened_at", g.now()-60_000_000)
			must(t, g.redis.Del(t.Context(), g.keys...).Err())
			g.look()
			f.wants(Admitted)
			again, err := g.PinFor(t.Context(), f.pass(), 2*time.Hour)
			must(t, err)
			if again.Max > first.Max {
				t.Errorf("the maximum grew by %d us", again.Max-first.Max)
			}
		}
	})
}

// Back in line by the old token, then inside by the pass: the line forgets them.
func TestAPassAfterTheTokenLeavesNoTrace(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		fans := g.join(3)
		old := fans[0].who // proves no admission
		g.lets()           // what follows, the ledger has not heard of: its head is 0
		_, err := g.refresh(t.Context())
		must(t, err)
		fans[0].wants(Admitted)
		pass := fans[0].pass()
		pass.Issued = pass.Issued.Add(-2 * time.Second)
		g.set("opened_at", g.now()-60_000_000)
		must(t, g.redis.Del(t.Context(), g.keys...).Err())
		g.look()
		fans[0].who = old
		fans[0].wants(Waiting)
		g.look()
		_, err = g.PinFor(t.Context(), pass, time.Second)
		must(t, err)
		g.look()
		fans[0].wants(Admitted)
	})
}

// A show that is deleted and made anew has a queue of its own.
func TestAShowMadeAnewHasAQueueOfItsOwn(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.CreatedAt, h.show.RulesVersion = 1_000, 1_000
		g, other := h.gate(), h.gate()
		f := g.enters()
		pass := f.pass()
		closed := h.show
		closed.Phase, closed.RulesVersion = Closed, 1_002
		must(t, g.Apply(t.Context(), closed))
		other.queue.Follow(closed)
		_, err := h.books.ledger().NextGeneration(t.Context(), h.show.ID, 1)
		must(t, err)

		anew := h.show
		anew.CreatedAt, anew.RulesVersion = 2_000, 2_000
		room := g.queue.Follow(anew)
		if room == g.Room {
			t.Fatal("the old show's room serves the new show")
		}
		if again := g.queue.Follow(closed); again != room {
			t.Error("a catalogue that is behind brings the old show back")
		}
		if _, err := room.PinFor(t.Context(), pass, time.Second); err == nil {
			t.Error("the old show's pass is good for the new one")
		}
		watch := &Watcher{room: room}
		testenv.Wait(t, 10*time.Second, func() bool {
			_ = other.watch.RunOnce(t.Context()) // it has not heard of the new one, and spoils nothing
			return watch.RunOnce(t.Context()) == nil
		}, "the new show does not open")
		s, created, err := room.Join(t.Context(), newcomer())
		must(t, err)
		equal(t, created, true, "joined")
		equal(t, s.Position, 1, "position")
	})
}
