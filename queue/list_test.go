package queue

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// list is a waiting list that keeps in memory what MySQL keeps.
type list struct {
	mu      sync.Mutex
	rows    []listedRow
	told    []Called
	failing error
}

type listedRow struct {
	Listed
	called bool
}

func (l *list) book() ListBook {
	return ListBook{
		Add: func(_ context.Context, _ string, _ int64, one Listed) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			for i, row := range l.rows {
				if row.Listed == one {
					return nil
				} else if row.Visitor == one.Visitor {
					l.rows = slices.Delete(l.rows, i, i+1)
					break
				}
			}
			l.rows = append(l.rows, listedRow{Listed: one})
			return nil
		},
		Remove: func(_ context.Context, _ string, _ int64, visitor string) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.rows = slices.DeleteFunc(l.rows, func(row listedRow) bool { return row.Visitor == visitor })
			return nil
		},
		Load: func(context.Context, string, int64) ([]Listed, error) { return l.waiting(), l.failing },
		Called: func(_ context.Context, _ string, _ int64, called []Called) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.failing != nil {
				return l.failing
			}
			for _, c := range called {
				for i := range l.rows {
					if l.rows[i].Visitor == c.Visitor && !l.rows[i].called {
						l.rows[i].called = true
						l.told = append(l.told, c)
					}
				}
			}
			return nil
		},
	}
}

// waiting lists who was not called, by number.
func (l *list) waiting() (listed []Listed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, row := range l.rows {
		if !row.called {
			listed = append(listed, row.Listed)
		}
	}
	slices.SortFunc(listed, func(a, b Listed) int { return cmp.Compare(a.Number, b.Number) })
	return listed
}

// lists puts a fan on the waiting list, and wants the position there.
func (f *fan) lists(position int64) {
	f.g.t.Helper()
	s, created, err := f.g.Enlist(f.g.t.Context(), f.who)
	must(f.g.t, err)
	equal(f.g.t, created, false, "created")
	equal(f.g.t, s.State, SoldOut, "state")
	equal(f.g.t, s.Listed, position, "position on the list")
	equal(f.g.t, s.Number, f.who.Token.Number, "the number stays")
	f.holds(s)
}

func (g *gate) isClean(h *house) {
	g.t.Helper()
	g.isCleanBut(h, "")
}

// isCleanBut is isClean but for one invariant.
func (g *gate) isCleanBut(h *house, but string) {
	g.t.Helper()
	g.look()
	found, err := g.Audit(g.t.Context(), nil)
	must(g.t, err)
	for _, v := range append(found, AuditAdmissions(h.books.admissions)...) {
		if v.Invariant != but {
			g.t.Error(v)
		}
	}
}

var soldOut = &Stock{Sold: 10, Most: 4}

func TestTheWaitingListGoesFirst(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		rules := mindful(0)
		rules.WaitingListClaimSeconds = 300
		h := newHouse(t, url, rules)
		h.seats = &Stock{Free: 1, Sold: 9, Most: 4}
		g := h.gate()
		fans := g.join(5)
		g.look()
		_, _, err := g.Enlist(t.Context(), fans[0].who)
		equal(t, errors.Is(err, ErrNotSoldOut), true, "while the line moves there is no list")
		_, _, err = g.Enlist(t.Context(), newcomer())
		equal(t, errors.Is(err, ErrNotSoldOut), true, "for newcomers neither")

		h.seats = soldOut
		g.look()
		fans[3].lists(1)
		fans[1].lists(1) // ahead of the one who asked before
		fans[3].lists(2)
		late := &fan{g: g}
		s, created, err := g.Enlist(t.Context(), newcomer())
		must(t, err)
		late.holds(s)
		equal(t, created, true, "a newcomer has a new number")
		equal(t, s.Number, 6, "behind everybody")
		equal(t, s.Listed, 3, "position")
		g.look()
		equal(t, fans[3].wants(SoldOut).Listed, 2, "a poll says so too")
		equal(t, fans[0].wants(SoldOut).Listed, 0, "who did not ask is not on it")
		stats, _ := g.Figures()
		equal(t, stats.Listed, 3, "listed")
		equal(t, stats.Waiting, 3, "in line")

		h.seats = &Stock{Free: 2, Sold: 8, Most: 4}
		g.look()
		equal(t, g.lets(), 2, "as many as the seats serve")
		equal(t, g.lets(), 0, "and nobody of the line")
		equal(t, len(h.list.told), 0, "nobody was told yet")
		g.look()
		g.look()
		equal(t, len(h.list.told), 2, "told")
		equal(t, h.list.told[0].Visitor == fans[1].who.Visitor || h.list.told[1].Visitor == fans[1].who.Visitor, true, "the first of the list")
		if wait := h.list.told[0].Until - g.now(); wait < 290_000_000 || wait > 300_000_000 {
			t.Errorf("they may claim for %s, want waiting_list_claim_seconds", time.Duration(wait)*time.Microsecond)
		}
		fans[0].wants(Waiting)
		late.wants(SoldOut)
		for _, f := range []*fan{fans[1], fans[3]} {
			f.wants(Admitted)
			_, err := g.PinUntil(t.Context(), f.who.Visitor, f.who.Token.Number, g.now()+60_000_000)
			must(t, err)
		}
		h.seats = &Stock{Free: 1, Held: 2, Sold: 7, Most: 4}
		equal(t, g.lets(), 1, "the next of the list")
		equal(t, g.lets(), 3, "and with nobody on it the line goes on")
		g.look()
		late.wants(Admitted)
		fans[0].wants(Admitted)
		g.isClean(h)
	})
}

func TestAbsenceCostsNoPlaceOnTheList(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, mindful(100))
		h.seats = soldOut
		g := h.gate()
		fans := g.listedFans(3)
		must(t, g.redis.Del(t.Context(), g.keys[keyPresent]).Err()) // nobody is there
		h.seats = &Stock{Free: 2, Sold: 8, Most: 4}
		equal(t, g.lets(), 2, "called all the same")

		// One does not come: the place is lost, once.
		g.look()
		fans[1].wants(Admitted)
		must(t, g.redis.ZAdd(t.Context(), g.keys[keyActive], zscore(time.UnixMicro(1), fans[0])).Err())
		h.seats = soldOut
		g.lets()
		g.look()
		fans[0].wants(Expired)
		equal(t, g.totals().Missed, 1, "missed")

		// They may list themselves anew, behind the others.
		s, created, err := g.Enlist(t.Context(), fans[0].who)
		must(t, err)
		equal(t, created, true, "created")
		equal(t, s.Number, 4, "number")
		equal(t, s.Listed, 2, "position")
		g.isClean(h)
	})
}

// listedFans join a show that is about to be sold out, and are on its waiting list.
func (g *gate) listedFans(n int64) (fans []*fan) {
	g.t.Helper()
	for range n {
		s, _, err := g.Enlist(g.t.Context(), newcomer())
		must(g.t, err)
		f := &fan{g: g, first: s}
		f.holds(s)
		fans = append(fans, f)
	}
	g.look()
	return fans
}

func TestWhoLeavesTheListIsNotCalled(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, mindful(100))
		h.seats = soldOut
		g := h.gate()
		fans := g.listedFans(2)
		left, err := g.Leave(t.Context(), fans[0].who)
		must(t, err)
		equal(t, left, true, "there was a place")
		fans[0].wants(Finished)
		equal(t, len(h.list.waiting()), 1, "kept")
		equal(t, g.totals().LeftWaiting, 1, "left waiting")
		s, created, err := g.Join(t.Context(), Who{Visitor: fans[1].who.Visitor})
		must(t, err)
		equal(t, created, false, "who is on the list has a place")
		equal(t, s.Listed, 1, "position")
		h.seats = &Stock{Free: 2, Sold: 8, Most: 4}
		equal(t, g.lets(), 1, "called")
		g.look()
		fans[1].wants(Admitted)
		g.isClean(h)
	})
}

func TestTheListSurvivesRedis(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, mindful(100))
		h.seats = soldOut
		g := h.gate()
		fans := g.listedFans(4)
		inLine := g.joinAnyway()
		h.seats = &Stock{Free: 1, Sold: 9, Most: 4}
		equal(t, g.lets(), 1, "the first is called")
		g.look()
		g.look()
		fans[0].wants(Admitted)

		must(t, g.redis.Del(t.Context(), g.keys...).Err())
		h.list.failing = errors.New("MySQL is away")
		if err := g.watch.RunOnce(t.Context()); err == nil {
			t.Error("the list could not be read, and nobody says so")
		}
		// Their tokens come first, and one of them would be in line.
		g.look2()
		fans[2].polls()
		inLine.polls()
		g.set("recovering_until", 0)
		h.seats = &Stock{Free: 2, Sold: 8, Most: 4}
		equal(t, g.lets(), 0, "nobody enters before the list is there")
		h.list.failing = nil
		h.seats = soldOut
		g.look()
		g.look()
		for i, f := range fans[1:] {
			equal(t, f.wants(SoldOut).Listed, int64(i+1), "position")
		}
		equal(t, inLine.wants(SoldOut).Listed, 0, "who was in line is in line")
		g.set("recovering_until", 0)
		h.seats = &Stock{Free: 2, Sold: 8, Most: 4}
		fans[0].wants(Admitted) // the token proves the admission
		equal(t, g.lets(), 1, "beside the one who is inside")
		g.look()
		fans[1].wants(Admitted)
		g.isClean(h)
	})
}

// look2 looks while the ledger fails.
func (g *gate) look2() { _ = g.watch.RunOnce(g.t.Context()) }

// joinAnyway joins a line that takes nobody, as who came a moment before the end did.
func (g *gate) joinAnyway() *fan {
	g.t.Helper()
	s, _, err := g.newPlace(g.t.Context(), g.view.Load(), newcomer())
	must(g.t, err)
	f := &fan{g: g, first: s}
	f.holds(s)
	g.look()
	return f
}

// Whoever was called is told, though a gateway fails or dies in between.
func TestCallsAreToldUntilTheyAreKnown(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, mindful(100))
		h.seats = soldOut
		g, other := h.gate(), h.gate()
		g.listedFans(3)
		h.seats = &Stock{Free: 3, Sold: 7, Most: 4}
		equal(t, g.lets(), 3, "called")
		h.list.failing = errors.New("MySQL is away")
		if err := g.watch.RunOnce(t.Context()); err == nil {
			t.Error("a call that could not be told passes in silence")
		}
		equal(t, len(h.list.told), 0, "told")
		h.list.failing = nil
		other.look()
		g.look()
		equal(t, len(h.list.told), 3, "told by another gateway, once")
		n, err := g.redis.ZCard(t.Context(), g.keys[keyUntold]).Result()
		must(t, err)
		equal(t, n, 0, "left to tell")
	})
}
