package queue

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

func (g *gate) walks() Status {
	g.t.Helper()
	s, created, err := g.Enter(g.t.Context(), newcomer())
	must(g.t, err)
	equal(g.t, created, true, "a new place")
	return s
}

func (g *gate) crowded(want bool, what string) {
	g.t.Helper()
	got, err := g.IsCrowded()
	must(g.t, err)
	equal(g.t, got, want, what)
}

// isSound checks what Redis and the ledger have of a room.
func (h *house) isSound(g *gate) {
	g.t.Helper()
	g.watch.keptAt = time.Time{}
	g.look()
	found, err := g.Audit(g.t.Context(), nil)
	must(g.t, err)
	if len(h.books.admissions) == 0 {
		g.t.Error("the ledger has no admission")
	}
	for _, v := range append(found, AuditAdmissions(h.books.admissions)...) {
		g.t.Error(v)
	}
}

// Nobody can be on the waiting list of a show that never had a room: the first who come need not
// wait until it was read.
func TestTheFirstRoomAsksForNoList(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.list.failing = errors.New("MySQL is away")
		g := h.gate()
		equal(t, g.walks().State, Admitted, "before the list could be read")

		h.list.failing = nil
		must(t, g.Reset(t.Context()))
		g.crowded(true, "until the list of the second was read")
		g.look()
		g.look()
		g.crowded(false, "it was")
		equal(t, g.walks().State, Admitted, "then")
	})
}

func TestNobodyWaitsBeforeAnIdleShow(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.Rules.IntervalMS, h.show.Rules.Admit = 60_000, 3
		g := h.gate()
		g.crowded(false, "when nobody is there")
		for range 3 {
			s := g.walks()
			equal(t, s.State, Admitted, "of the first three")
			token, err := g.queue.keys.ParseToken(s.Token)
			must(t, err)
			equal(t, token.AdmittedUntil, s.Until.Unix(), "the token proves the admission")
		}
		g.look()
		g.crowded(false, "three came in, and nobody waits")
		late := g.walks()
		equal(t, late.State, Waiting, "the quota is used")
		g.crowded(true, "as the gateway knows at once")
		late2 := g.walks()
		equal(t, late2.State, Waiting, "and so do all behind")
		g.look()
		g.crowded(true, "people wait")

		g.lets()
		g.look()
		equal(t, g.totals().Admitted, 5, "by the usual way")
	})
}

// A view that was taken between somebody's join and their admission shows no line.
func TestWhoIsOnTheirWayInIsNoLine(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.Rules.IntervalMS, h.show.Rules.Admit = 60_000, 1
		g := h.gate()
		first := g.joins()
		g.look()
		g.crowded(false, "one is there, and one is let in at a time")
		equal(t, g.walks().State, Waiting, "behind that one")
		g.look()
		first.wants(Admitted)
		g.joins()
		g.look()
		g.crowded(true, "two are there")
		h.isSound(g)
	})
}

func TestNobodyWalksPastALine(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.Rules.IntervalMS, h.show.Rules.Admit = 60_000, 3
		g, other := h.gate(), h.gate()
		line := g.join(4) // which the other gateway's view has not seen
		s := other.walks()
		equal(t, s.State, Waiting, "four are ahead, and three get in")
		equal(t, s.Number, 5, "number")
		g.look()
		for _, f := range line[:3] {
			f.wants(Admitted)
		}
		line[3].wants(Waiting)
		equal(t, other.isShut(), true, "nobody tries again for this interval")
		other.look()
		other.crowded(true, "people wait")
		h.isSound(g)
	})
}

func TestNobodyWalksInWhereNobodyMay(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		for name, change := range map[string]func(*Show){
			"paused":        func(s *Show) { s.Rules.Paused = true },
			"nobody inside": func(s *Show) { s.Rules.MaxActive = 0 },
			"nobody let in": func(s *Show) { s.Rules.Admit = 0 },
		} {
			h := newHouse(t, url, quick())
			change(&h.show)
			g := h.gate()
			equal(t, g.walks().State, Waiting, name)
			g.look()
			g.crowded(true, name)
		}
		h := newHouse(t, url, quick())
		h.show.Phase = Closed
		g := h.gate()
		g.crowded(true, "closed")
		_, _, err := g.Enter(t.Context(), newcomer())
		equal(t, err, ErrClosed, "closed")
	})
}

// A crowd that comes at once through several gateways: as many as the rules say go in at
// once, whoever they are.
func TestACrowdWalksInUpToTheCap(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.Rules.IntervalMS, h.show.Rules.Admit, h.show.Rules.MaxActive = 60_000, 30, 20
		gates := []*gate{h.gate(), h.gate(), h.gate()}
		var inside atomic.Int64
		var crowd sync.WaitGroup
		for i := range 60 {
			crowd.Go(func() {
				s, _, err := gates[i%3].Enter(t.Context(), newcomer())
				if err != nil {
					t.Error(err)
				}
				if s.State == Admitted {
					inside.Add(1)
				}
			})
		}
		crowd.Wait()
		if n := inside.Load(); n < 1 || n > 20 {
			t.Errorf("%d walked in, and the cap is 20", n)
		}
		testenv.Wait(t, 5*time.Second, func() bool {
			_, _, err := gates[0].admit.RunOnce(t.Context())
			must(t, err)
			return gates[0].totals().Active == 20
		}, "the room does not fill")
		h.isSound(gates[0])
	})
}
