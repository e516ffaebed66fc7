package queue

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// runsAt names the Redis of a gateway.
func (g *gate) runsAt() string {
	g.t.Helper()
	name, err := g.master(g.t.Context())
	must(g.t, err)
	return name
}

// changesMaster makes the room one that another master opened, as a replica has it that took over.
func (g *gate) changesMaster() {
	g.t.Helper()
	must(g.t, g.redis.HSet(g.t.Context(), g.keys[keyRoom], "home", "another master").Err())
}

// hearsNothing lets a time pass in which Redis is silent.
func (g *gate) hearsNothing() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.heardAt = g.heardAt.Add(-silence)
}

// rivalWins has a gateway that is not seen again win the next epoch.
func (h *house) rivalWins() {
	h.t.Helper()
	kept := h.books.kept[h.show.ID]
	won, err := h.books.ledger().WinEpoch(h.t.Context(), h.show.ID, kept.Epoch, kept.Ceiling, kept.Ceiling+block)
	must(h.t, err)
	equal(h.t, won, true, "the rival won")
}

// refused wants a gateway to give no number to anybody, and to let nobody in.
func (g *gate) refused(why error) {
	g.t.Helper()
	if _, _, err := g.Join(g.t.Context(), newcomer()); !errors.Is(err, why) {
		g.t.Errorf("a join: %v, want %v", err, why)
	}
	if _, _, err := g.admit.RunOnce(g.t.Context()); !errors.Is(err, why) {
		g.t.Errorf("an admission: %v, want %v", err, why)
	}
}

// Everybody keeps what they have when another Redis takes over that knows it all: only
// the numbers go on elsewhere.
func TestATakeOverMovesNobody(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		c := newCrowd(t, url)
		before := c.h.books.kept[c.h.show.ID]
		c.g.changesMaster()
		c.g.refused(errCopy)
		c.waiting[0].wants(Waiting)

		c.g.look()
		late := c.other.joins() // by a gateway that has not looked since
		if n := late.first.Number; n <= before.Ceiling {
			t.Errorf("number %d may have been handed out before: the ceiling was %d", n, before.Ceiling)
		}
		equal(t, late.first.Position, int64(len(c.waiting)+1), "position of who comes now")
		c.other.look()
		equal(t, c.h.books.kept[c.h.show.ID].Epoch, before.Epoch+1, "epoch")
		equal(t, c.g.lets(), 0, "let in before all have looked")
		for i, f := range c.waiting {
			f.g = c.other
			equal(t, f.wants(Waiting).Position, int64(i+1), "position")
		}
		for _, f := range c.inside {
			f.wants(Admitted)
		}
		for _, f := range c.bought {
			f.wants(Finished)
		}
		c.left.wants(Finished)
		equal(t, late.wants(Waiting).Position, int64(len(c.waiting)+1), "position a poll later")

		c.g.set("objections_until", 1)
		c.g.set("admitted_at", c.g.now())
		n, _, err := c.g.admit.RunOnce(t.Context())
		must(t, err)
		equal(t, n, 0, "let in within an interval of the other master")
		equal(t, c.g.lets(), 3, "let in, up to the cap")
		c.other.look()
		for i, f := range c.waiting {
			f.wants(map[bool]State{true: Admitted, false: Waiting}[i < 3])
		}
		c.g.isClean(c.h)
	})
}

// A take-over gives nobody a second time what they have lost.
func TestATakeOverBringsNobodyBackWhoIsOut(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		late, old := g.enters(), g.joins()
		early := late.who
		g.lapse()
		g.lets()
		for range 3 {
			g.changesMaster()
			g.look()
		}
		equal(t, h.books.kept[h.show.ID].Epoch, 4, "epoch")
		late.who = early
		late.wants(Expired)
		g.set("objections_until", 1)
		g.lets()
		g.look()
		old.wants(Admitted)
		g.isClean(h)
	})
}

// What the master before told a gateway that is gone as well, and the copy never heard of, comes back by its
// token, under its number, and before who comes now.
func TestAPlaceThatACopyLacksComesBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t, testenv.Redis(t), quick())
	g := h.gate()
	had := g.join(2)
	g.look()
	past := snapshot(t, g)
	told := g.join(3)
	past.restore(t, g)
	g.changesMaster()

	after := h.gate()
	equal(t, h.books.kept[h.show.ID].Epoch, 2, "epoch")
	late := after.joins()
	if n := late.first.Number; n <= block {
		t.Errorf("number %d may have been handed out before", n)
	}
	after.changesMaster() // once more, before they poll
	after.look()
	for _, f := range append(told, had...) {
		f.g = after
		equal(t, f.wants(Waiting).Number, f.first.Number, "number")
	}
	after.look()
	equal(t, h.books.kept[h.show.ID].Epoch, 3, "epoch: nobody was lost")
	for i, f := range append(append(had, told...), late) {
		equal(t, f.wants(Waiting).Position, int64(i+1), "position")
	}
	after.isClean(h)
}

// A gateway that was told more than the copy knows has the room opened anew, whoever adopted it.
func TestWhoWasToldMoreObjects(t *testing.T) {
	t.Parallel()
	h := newHouse(t, testenv.Redis(t), quick())
	knows, other := h.gate(), h.gate()
	knows.join(2)
	knows.look()
	other.look()
	past := snapshot(t, knows)
	left := knows.joins()
	_, err := knows.Leave(t.Context(), left.who)
	must(t, err)
	past.restore(t, knows)
	knows.changesMaster()
	other.look()
	equal(t, h.books.kept[h.show.ID].Epoch, 2, "epoch: the other adopts it")
	knows.refused(errLost)
	knows.look()
	equal(t, h.books.kept[h.show.ID].Epoch, 3, "epoch: this one was told more")
	other.look()
	equal(t, other.lets(), 0, "let in while places come back")
}

// Two that both take themselves for the master hand no number out twice, and nobody's place is
// lost, though the gateways of one never hear of the other.
func TestTwoMastersShareNoNumber(t *testing.T) {
	t.Parallel()
	h := newHouse(t, testenv.Redis(t), quick())
	g := h.gate()
	fans := g.join(3)
	g.look()
	past := snapshot(t, g)
	h.url = testenv.OwnRedis(t).URL()
	past.restore(t, &gate{Room: g.Room, redis: connect(t, h.url)})
	other := h.gate()
	for range 3 {
		fans = append(fans, g.joins(), other.joins())
	}
	for _, f := range fans {
		f.g = other // the first is a replica again
		equal(t, f.wants(Waiting).Number, f.first.Number, "number")
	}
	other.look()
	holder := map[int64]string{}
	for _, f := range fans {
		equal(t, f.wants(Waiting).Number, f.first.Number, "number")
		if of, taken := holder[f.first.Number]; taken {
			t.Errorf("number %d belongs to %s and %s", f.first.Number, of, f.who.Visitor)
		}
		holder[f.first.Number] = f.who.Visitor
	}
	other.isClean(h)
}

// What a master that was replaced in its sleep answers when it wakes, nobody is told: the new one's numbers are higher,
// and who came later would be ahead.
func TestWhoWakesIsNotBelieved(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		g.joins()
		g.look()
		g.hearsNothing()
		g.joins() // MySQL knows of no other
		h.rivalWins()
		g.refused(errLost)

		g.mu.Lock()
		g.doubtUntil = time.Time{}
		g.mu.Unlock()
		g.joins() // as if it had not slept
		g.hearsNothing()
		if _, _, err := g.admit.RunOnce(t.Context()); !errors.Is(err, errLost) {
			t.Errorf("the first that it would let in: %v", err)
		}
		g.refused(errLost)
		if err := g.reopen(t.Context()); !errors.Is(err, errRival) {
			t.Errorf("an epoch here in place of the other's: %v", err)
		}
		g.rival.since = g.rival.since.Add(-rivalGrace)
		if err := g.reopen(t.Context()); !errors.Is(err, errRival) {
			t.Errorf("an epoch here, two seconds later: %v", err)
		}
	})
}

// Nobody is told a number while MySQL cannot be asked, and no place is given that nobody is told of.
func TestDoubtLeavesNoPlaces(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		g.joins()
		g.look()
		away := errors.New("MySQL is away")
		load := g.queue.ledger.Load
		g.queue.ledger.Load = func(context.Context, string) (Kept, error) { return Kept{}, away }
		g.hearsNothing()
		for range 10 {
			g.refused(away)
		}
		g.queue.ledger.Load = load
		g.look()
		equal(t, g.view.Load().waiting, 1, "in line")
	})
}

// A gateway that was told more says so, however often others have adopted the room before it looks.
func TestAnObjectionIsNotForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t, testenv.Redis(t), quick())
	knows, other := h.gate(), h.gate()
	knows.join(2)
	knows.look()
	other.look()
	past := snapshot(t, knows)
	must2(knows.Leave(t.Context(), knows.joins().who))(t)
	past.restore(t, knows)
	for range 2 {
		knows.changesMaster()
		other.look()
	}
	equal(t, h.books.kept[h.show.ID].Epoch, 3, "epoch: adopted twice by the other")
	knows.look()
	equal(t, h.books.kept[h.show.ID].Epoch, 4, "epoch: this one was told more")
}

// Nor is it when a copy of an epoch takes over that others have left behind.
func TestASkippedEpochIsAnObjection(t *testing.T) {
	t.Parallel()
	h := newHouse(t, testenv.Redis(t), quick())
	knows, other := h.gate(), h.gate()
	knows.enters()
	knows.look()
	other.look()
	past := snapshot(t, knows)
	knows.changesMaster()
	knows.look()
	equal(t, h.books.kept[h.show.ID].Epoch, 2, "epoch, of which only one gateway knows")
	past.restore(t, knows)
	knows.changesMaster()
	if err := other.watch.RunOnce(t.Context()); !errors.Is(err, errRival) {
		t.Errorf("at first whoever won the second is given time: %v", err)
	}
	other.rival.since = other.rival.since.Add(-rivalGrace)
	other.look()
	equal(t, h.books.kept[h.show.ID].Epoch, 3, "epoch: the other takes the copy over")
	knows.look()
	equal(t, h.books.kept[h.show.ID].Epoch, 4, "epoch: this one was told of the second")
}

// A gateway that looks at a replica, or at a master that takes no writes, begins no epoch: it would cost all others theirs.
func TestNoEpochIsWonWhereNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	server := testenv.OwnRedis(t)
	h := newHouse(t, server.URL(), quick())
	g := h.gate()
	g.join(2)
	g.look()
	g.changesMaster()
	writes := func(replicas string) {
		must(t, g.redis.ConfigSet(t.Context(), "min-replicas-to-write", replicas).Err())
	}
	writes("1")
	for range 2 {
		if err := g.watch.RunOnce(t.Context()); err == nil {
			t.Error("adopted where nothing can be written")
		}
	}
	equal(t, h.books.kept[h.show.ID].Epoch, 1, "epoch, while nothing can be written")
	must(t, g.redis.ConfigSet(t.Context(), "min-replicas-to-write", "0").Err())
	g.look()
	equal(t, h.books.kept[h.show.ID].Epoch, 2, "epoch")
	g.joins()
}

// A master that was a replica in between is another one, though it is the same process.
func TestAMasterThatComesBackIsAnother(t *testing.T) {
	t.Parallel()
	server := testenv.OwnRedis(t)
	g := newHouse(t, server.URL(), quick()).gate()
	before := g.runsAt()
	if before == "" {
		t.Fatal("a Redis does not say who it is")
	}
	must(t, g.redis.Do(t.Context(), "REPLICAOF", "127.0.0.1", "1").Err())
	must(t, g.redis.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err())
	if after := g.runsAt(); after == before {
		t.Errorf("it is %s as before", after)
	}
	equal(t, g.runsAt(), g.runsAt(), "the name stays")
}

// What the ledger had not heard of before the master changed, it hears of afterwards.
func TestATakeOverLosesNoAdmission(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		g.joins()
		g.look()
		for i := 1; i <= 600; i++ { // more than are read at once
			row := fmt.Sprintf("1:%d:%d:3:100:10:1:%d:%d:0:1:0:0", i, int64(i)*1_000_000, i, i)
			must(t, g.redis.RPush(t.Context(), g.keys[keyAdmissions], row).Err())
		}
		g.set("admissions", 600)
		g.changesMaster()
		for range 3 {
			g.watch.keptAt = time.Time{}
			g.look()
		}
		equal(t, len(h.books.admissions), 600, "admissions kept")
	})
}

// What MySQL knows and a copy does not, the room knows afterwards: who is on the waiting list, how far the line
// and the draw have got.
func TestACopyThatMySQLIsAheadOf(t *testing.T) {
	t.Parallel()
	t.Run("waiting list", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, testenv.Redis(t), quick())
		g := h.gate()
		f := g.joins()
		g.look()
		past := snapshot(t, g)
		h.seats = soldOut
		g.look()
		f.lists(1)
		past.restore(t, g)
		g.changesMaster()
		after := h.gate()
		after.look()
		equal(t, after.view.Load().listed, 1, "on the list")
		after.isClean(h)
	})
	t.Run("line", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, testenv.Redis(t), quick())
		g := h.gate()
		fans := g.join(3)
		g.look()
		past := snapshot(t, g)
		equal(t, g.lets(), 3, "let in")
		g.watch.keptAt = time.Time{}
		g.look()
		past.restore(t, g)
		g.changesMaster()
		after := h.gate()
		equal(t, after.view.Load().head, 3, "head")
		for _, f := range fans {
			f.g = after
			equal(t, f.wants(Waiting).Number, f.first.Number, "number")
		}
	})
	t.Run("draw", func(t *testing.T) {
		t.Parallel()
		h := newLottery(t, testenv.Redis(t), "")
		g := h.gate()
		h.draw(g)
		fans := g.gather(5)
		h.starts(g)
		for h.draws.draw.State != drawDrawn {
			must2(g.draw.RunOnce(t.Context()))(t)
		}
		g.look()
		past := snapshot(t, g)
		h.draw(g)
		equal(t, h.draws.draw.State, drawNumbered, "state")
		past.restore(t, g)
		g.changesMaster()
		after := h.gate()
		h.draw(after)
		for _, f := range fans {
			f.g = after
			f.wants(Waiting)
		}
		after.look()
		h.drawnAs(after, fans)
	})
}

// Whose place has ended after a draw, or because they came too late after a loss, has no second one by a take-over;
// nor does a token from when somebody held seats make a session longer.
func TestATakeOverIsNobodysSecondChance(t *testing.T) {
	t.Parallel()
	t.Run("drawn", func(t *testing.T) {
		t.Parallel()
		h := newLottery(t, testenv.Redis(t), "")
		g := h.gate()
		h.draw(g)
		fans := g.gather(5)
		h.starts(g)
		for h.draws.draw.State != drawFrozen {
			must2(g.draw.RunOnce(t.Context()))(t)
		}
		must(t, g.redis.Del(t.Context(), g.keys...).Err())
		g.look()
		g.set("recovering_until", 1)
		g.look()
		h.draw(g)
		fans[0].polls()
		g.lets()
		g.look()
		fans[0].wants(Admitted)
		g.lapse()
		g.lets()
		g.look()
		fans[0].wants(Expired)
		g.changesMaster()
		g.look()
		fans[0].wants(Expired)
	})
	t.Run("too late", func(t *testing.T) {
		t.Parallel()
		g := newHouse(t, testenv.Redis(t), quick()).gate()
		fans := g.join(6)
		g.lets()
		g.look()
		must(t, g.redis.Del(t.Context(), g.keys...).Err())
		g.look()
		g.set("recovering_until", 1)
		g.changesMaster()
		g.look()
		fans[1].wants(Expired)
	})
	t.Run("session", func(t *testing.T) {
		t.Parallel()
		g := newHouse(t, testenv.Redis(t), quick()).gate()
		f := g.enters()
		until, number := f.polls().Until, f.who.Token.Number
		must2(g.PinUntil(t.Context(), f.who.Visitor, number, until.Add(200*time.Second).UnixMicro()))(t)
		f.polls()
		held := *f.who.Token
		must(t, g.Unpin(t.Context(), f.who.Visitor, number, 0))
		g.changesMaster()
		g.look()
		f.who.Token = &held
		equal(t, f.polls().Until.Unix(), until.Unix(), "inside until")
	})
}

// An epoch that was won for one master is not opened, nor adopted, by another.
func TestAnEpochIsForOneMaster(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		g.joins()
		g.look()
		v, err := g.refresh(t.Context())
		must(t, err)
		_, err = g.run(t.Context(), "adopt", adoptScript, v.epoch+1, v.epoch, block, 2*block, "another master", 0)
		equal(t, errors.Is(err, errCopy), true, "adopted by another")
		err = g.open(t.Context(), Kept{Show: h.show.ID, Generation: 1, Epoch: v.epoch + 1}, 2*block, "another master")
		equal(t, errors.Is(err, errCopy), true, "opened by another")
		now, err := g.refresh(t.Context())
		must(t, err)
		equal(t, now.epoch, v.epoch, "epoch")
	})
}
