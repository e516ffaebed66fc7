package queue

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/testenv"
)

// draws is a book of draws that keeps in memory what MySQL keeps.
type draws struct {
	mu      sync.Mutex
	draw    Draw
	parts   map[int64][]string // epoch → lobby
	worker  string
	opened  bool
	failing error // what Freeze, Reveal and Open answer
}

func newDraws() *draws { return &draws{parts: map[int64][]string{}} }

func (d *draws) book() DrawBook {
	locked := func(f func()) { d.mu.Lock(); defer d.mu.Unlock(); f() }
	step := func(generation int64, from, to string, f func()) (won bool, err error) {
		locked(func() {
			if err = d.failing; err != nil || d.draw.Generation != generation || d.draw.State != from {
				return
			}
			d.draw.State, won = to, true
			f()
		})
		return won, err
	}
	return DrawBook{
		Load: func(context.Context, string) (of Draw, _ error) { locked(func() { of = d.draw }); return of, nil },
		Commit: func(_ context.Context, of Draw) error {
			locked(func() {
				if d.draw.Generation < of.Generation {
					d.draw, d.draw.State = of, drawCommitted
				}
			})
			return nil
		},
		Reserve: func(_ context.Context, of Draw, first, reserved int64) (won bool, _ error) {
			locked(func() {
				if won = d.draw.First == of.First && (d.draw.State == drawCommitted || d.draw.State == drawFreezing); won {
					d.draw.State, d.draw.First, d.draw.Reserved = drawFreezing, first, reserved
				}
			})
			return won, nil
		},
		StoreLobby: func(_ context.Context, _ string, _, epoch, seq int64, visitors string) error {
			locked(func() {
				if int64(len(d.parts[epoch])) == seq {
					d.parts[epoch] = append(d.parts[epoch], visitors)
				}
			})
			return nil
		},
		Freeze: func(_ context.Context, of Draw) (bool, error) {
			return step(of.Generation, drawFreezing, drawFrozen, func() { d.draw, d.draw.State = of, drawFrozen })
		},
		Lobby: func(_ context.Context, of Draw) (parts []string, _ error) {
			locked(func() { parts = slices.Clone(d.parts[of.Epoch]) })
			return parts, nil
		},
		Reveal: func(_ context.Context, _ string, generation int64) (bool, error) {
			return step(generation, drawFrozen, drawDrawn, func() {})
		},
		Open: func(_ context.Context, _ string, generation int64) error {
			_, err := step(generation, drawDrawn, drawNumbered, func() { d.opened = true })
			return err
		},
		Attend: func(_ context.Context, _ string, _ int64, worker string, _ time.Duration) (mine bool, _ error) {
			locked(func() {
				if d.worker == "" {
					d.worker = worker
				}
				mine = d.worker == worker
			})
			return mine, nil
		},
	}
}

// lottery is a show in its lobby, an hour before the draw.
func newLottery(t *testing.T, url, beacon string) *house {
	t.Helper()
	h := newHouse(t, url, quick())
	h.show.Phase, h.show.Draw, h.show.StartsAt = Lobby, &DrawPlan{Beacon: beacon}, time.Now().Add(time.Hour).UnixMicro()
	h.show.Rules.Admit, h.show.Rules.MaxActive = 1000, 1000
	return h
}

// starts makes the draw due.
func (h *house) starts(gates ...*gate) {
	h.t.Helper()
	h.change(func(s *Show) { s.StartsAt = time.Now().Add(-time.Second).UnixMicro() }, gates...)
}

func (h *house) change(f func(*Show), gates ...*gate) {
	h.t.Helper()
	f(&h.show)
	h.show.RulesVersion++
	for _, g := range gates {
		must(h.t, g.Apply(h.t.Context(), h.show))
		g.look()
	}
}

// draws takes all steps that are due, and shows the outcome to the gateways.
func (h *house) draw(g *gate, others ...*gate) {
	h.t.Helper()
	h.draws.mu.Lock()
	h.draws.worker = "" // whoever attended is gone
	h.draws.mu.Unlock()
	for more := true; more; {
		var err error
		more, err = g.draw.RunOnce(h.t.Context())
		must(h.t, err)
	}
	h.draws.mu.Lock()
	opened := h.draws.opened
	h.draws.mu.Unlock()
	if opened && h.show.Phase == Lobby {
		h.change(func(s *Show) { s.Phase = Open }, append(others, g)...)
	}
	for _, g := range append(others, g) {
		g.look()
		_, err := g.draw.RunOnce(h.t.Context())
		must(h.t, err)
	}
}

func (g *gate) gather(n int) []*fan {
	g.t.Helper()
	fans := g.join(n)
	for _, f := range fans {
		equal(g.t, f.first.State, Gathers, "state")
		equal(g.t, f.who.Token.Number, 0, "number in the lobby")
	}
	g.look()
	return fans
}

// inOrder sorts fans as seed and beacon say, by hand.
func (h *house) inOrder(fans []*fan) []*fan {
	sorted := slices.Clone(fans)
	hash := func(f *fan) string { return sum(h.draws.draw.Seed + h.draws.draw.Beacon + f.who.Visitor) }
	slices.SortFunc(sorted, func(a, b *fan) int { return strings.Compare(hash(a), hash(b)) })
	return sorted
}

// drawnAs checks that everybody has the number that was drawn for them, on a gateway.
func (h *house) drawnAs(g *gate, fans []*fan) {
	h.t.Helper()
	for rank, f := range h.inOrder(fans) {
		f.g = g
		s := f.wants(Waiting)
		equal(h.t, s.Number, h.draws.draw.First+int64(rank), "number of the drawn")
		equal(h.t, s.Position, int64(rank)+1, "position of the drawn")
		equal(h.t, f.who.Token.Number, s.Number, "number of the token")
	}
}

func TestALobbyIsDrawn(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newLottery(t, url, "")
		g, other := h.gate(), h.gate()
		h.draw(g, other)
		equal(t, h.draws.draw.State, drawCommitted, "state before anybody comes")
		equal(t, h.draws.draw.Commitment, sum(h.draws.draw.Seed), "commitment")
		fans := g.gather(40)
		for _, f := range fans[:3] { // who comes again has the same place
			f.g = other
			s, created, err := other.Join(t.Context(), f.who)
			must(t, err)
			equal(t, created, false, "created")
			equal(t, s.State, Gathers, "state")
			s = f.wants(Gathers)
			equal(t, s.StartsAt.UnixMicro(), h.show.StartsAt, "start")
		}
		v, err := g.refresh(t.Context())
		must(t, err)
		equal(t, v.lobby, 40, "in the lobby")
		equal(t, g.lets(), 0, "let in before the draw")
		h.draw(g, other)
		equal(t, h.draws.draw.State, drawCommitted, "state before the start")

		h.starts(g, other)
		h.draws.failing = errors.New("away") // the lobby is frozen, and MySQL cannot be told
		for more := true; more; more, err = g.draw.RunOnce(t.Context()) {
		}
		if err == nil {
			t.Error("goes on without MySQL")
		}
		h.draws.failing = nil
		late := other.joins()
		equal(t, late.first.State, Waiting, "state of who is late")
		other.look()
		s := late.wants(Waiting)
		equal(t, s.Position, 41, "position behind everybody who will be drawn")
		equal(t, s.ETA == nil, true, "no wait foretold before the draw")
		fans[0].wants(Gathers)
		equal(t, g.lets(), 0, "let in while the lobby is frozen")
		_, ok := g.Drawn(0, 100)
		equal(t, ok, false, "drawn")

		h.draw(other, g) // the first one is gone
		equal(t, h.draws.draw.State, drawNumbered, "state")
		var ids []string
		for _, f := range h.inOrder(fans) {
			ids = append(ids, f.who.Visitor)
		}
		listed, _ := g.Drawn(0, 100)
		equal(t, strings.Join(listed, " "), strings.Join(ids, " "), "the list")
		asked := &counter{}
		g.redis.AddHook(asked)
		h.drawnAs(g, fans) // the last one's position needs the others
		equal(t, asked.n.Load(), 0, "commands to Redis for those who come for their numbers")
		s = late.wants(Waiting)
		equal(t, s.Position, 41, "position of who is late")
		if s.Number < h.draws.draw.First+40 {
			t.Errorf("who is late has number %d", s.Number)
		}
		h.audits(g)
		equal(t, g.lets(), 41, "let in, heard of since or not")
		g.look()
		fans[39].wants(Admitted)
		equal(t, g.totals().Joined, 41, "joined")
	})
}

// counter counts what a client asks of Redis.
type counter struct{ n atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }
func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { c.n.Add(1); return next(ctx, cmd) }
}
func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// audits wants nothing wrong with what stands in Redis.
func (h *house) audits(g *gate) {
	h.t.Helper()
	found, err := g.Audit(h.t.Context(), nil)
	must(h.t, err)
	drawn, err := g.AuditDraw(h.t.Context())
	must(h.t, err)
	for _, v := range append(found, drawn...) {
		h.t.Error(v)
	}
}

// Whoever has not come for their number is called all the same, and claims with the token
// from the lobby.
func TestWhoIsDrawnCountsAsSeen(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newLottery(t, url, "")
		g := h.gate()
		h.draw(g)
		fans := g.gather(20)
		h.starts(g)
		g.age() // the lobby has been open for long, and nobody is heard of in it
		h.draw(g)
		g.turn()
		g.turn()
		equal(t, g.lets(), 20, "let in")
		g.look()
		for _, f := range fans[:10] {
			f.wants(Admitted)
		}
		g.miss()
		g.look()
		equal(t, fans[15].wants(Waiting).Position > 0, true, "who missed is back in line")
		h.audits(g)
		// In the end they are gone, and told so.
		g.forget()
		g.look()
		fans[19].wants(Expired)
		_, created, err := g.Join(t.Context(), fans[19].who)
		must(t, err)
		equal(t, created, true, "a new place at the end")
	})
}

// Redis is lost, or another process takes over, at any moment of the draw: the order stays, and so do those who
// came later.
func TestADrawSurvivesTheLossOfRedis(t *testing.T) {
	t.Parallel()
	losses := map[string]func(t *testing.T, g *gate){
		"lost":       func(t *testing.T, g *gate) { must(t, g.redis.Del(t.Context(), g.keys...).Err()) },
		"taken over": func(_ *testing.T, g *gate) { g.changesMaster() },
	}
	for loss, lose := range losses {
		aDrawSurvives(t, loss, lose)
	}
}

func aDrawSurvives(t *testing.T, loss string, lose func(t *testing.T, g *gate)) {
	t.Helper()
	// Each goes as far as it says, and leaves the rest to the other gateway.
	moments := map[string]func(t *testing.T, h *house, g *gate){
		"gathering": func(*testing.T, *house, *gate) {},
		"frozen, not stored": func(t *testing.T, h *house, g *gate) {
			h.starts(g)
			h.draws.failing = errors.New("away")
			for more := true; more; {
				more, _ = g.draw.RunOnce(t.Context())
			}
			h.draws.failing = nil
		},
		"stored": func(t *testing.T, h *house, g *gate) {
			h.starts(g)
			for h.draws.draw.State != drawFrozen {
				must2(g.draw.RunOnce(t.Context()))(t)
			}
		},
		"half numbered": func(t *testing.T, h *house, g *gate) {
			h.starts(g)
			for h.draws.draw.State != drawDrawn {
				must2(g.draw.RunOnce(t.Context()))(t)
			}
			order, err := g.readOrder(t.Context(), h.draws.draw)
			must(t, err)
			code, next, err := g.place(t.Context(), h.draws.draw, 0, order.some(0, 10))
			must(t, err)
			equal(t, code, "placed", "code")
			equal(t, next, 10, "cursor")
		},
		"numbered": func(t *testing.T, h *house, g *gate) {
			h.starts(g)
			h.draw(g)
		},
	}
	for name, until := range moments {
		t.Run(loss+" "+name, func(t *testing.T) {
			t.Parallel()
			testenv.EachRedis(t, func(t *testing.T, url string) {
				h := newLottery(t, url, "")
				g, other := h.gate(), h.gate()
				h.draw(g)
				fans := g.gather(30)
				until(t, h, g)
				g.look()
				var late []*fan
				if name != "gathering" {
					late = g.join(3)
				}
				other.look()
				lose(t, g)
				g.look()
				other.look()
				if name == "gathering" {
					h.starts(g, other)
				}
				h.draw(other, g)
				equal(t, h.draws.draw.State == drawNumbered, name == "half numbered" || name == "stored" || name == "numbered", "drawn while places come back")
				newcomer := g.joins()
				if name == "gathering" {
					equal(t, newcomer.first.State, Gathers, "state of who comes before the freeze")
					fans = append(fans, newcomer)
				} else {
					late = append(late, newcomer)
				}
				for _, f := range fans {
					f.g = other
					f.polls()
				}
				for _, f := range late {
					f.g = other
					equal(t, f.polls().State, Waiting, "state of who is late")
				}
				other.set("recovering_until", 0)
				other.set("objections_until", 0)
				g.look()
				other.look()
				h.draw(g, other)
				equal(t, h.draws.draw.State, drawNumbered, "state")
				equal(t, h.draws.draw.LobbyCount, int64(len(fans)), "in the lobby")
				for _, f := range fans {
					f.polls()
				}
				other.look()
				h.drawnAs(other, fans)
				for i, f := range late {
					equal(t, f.wants(Waiting).Position, int64(len(fans)+i+1), "position of who is late")
				}
				h.audits(g)
			})
		})
	}
}

// A gateway that slept through the draw wakes up and undoes nothing.
func TestASleepingGatewayUndoesNothing(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newLottery(t, url, "")
		g, slept := h.gate(), h.gate()
		h.draw(g)
		fans := g.gather(25)
		h.starts(g, slept)
		for h.draws.draw.State != drawDrawn {
			must2(slept.draw.RunOnce(t.Context()))(t)
		}
		of := h.draws.draw
		order, err := slept.readOrder(t.Context(), of)
		must(t, err)
		place := func(from, n int) (string, int) {
			code, cursor, err := slept.place(t.Context(), of, from, order.some(from, n))
			must(t, err)
			return code, cursor
		}
		for _, test := range []struct {
			from, n int
			code    string
			cursor  int
		}{{0, 10, "placed", 10}, {0, 10, "moved", 10}, {5, 10, "moved", 10}, {15, 10, "moved", 10}, {10, 10, "placed", 20}, {20, 0, "placed", 20}} {
			code, cursor := place(test.from, test.n)
			equal(t, code, test.code, "code")
			equal(t, cursor, test.cursor, "cursor")
		}
		for range 3 { // it takes long until somebody goes on: nobody is absent meanwhile
			g.age()
			g.turn()
		}
		h.draw(g, slept)
		v, _ := g.Figures()
		equal(t, v.Present, 25, "present")
		gone := fans[0]
		gone.polls()
		must2(g.Leave(t.Context(), gone.who))(t)
		g.look()
		slept.look()
		before, err := g.refresh(t.Context())
		must(t, err)
		code, _ := place(0, 10)
		equal(t, code, drawNumbered, "code after the draw")
		f, err := slept.freeze(t.Context(), Draw{Generation: 1, First: 1, Reserved: 100})
		must(t, err)
		equal(t, f.code, drawNumbered, "freezing after the draw")
		stale := of
		stale.Generation = 7
		f, err = slept.freeze(t.Context(), stale)
		must(t, err)
		equal(t, f.code, "closed", "freezing in another generation")
		after, err := g.refresh(t.Context())
		must(t, err)
		equal(t, after.version, before.version, "version: nothing has changed")
		equal(t, after.waiting, 24, "in line")
		gone.wants(Finished)
	})
}

func TestABeaconIsAwaited(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newLottery(t, url, "round 4711")
		g := h.gate()
		h.draw(g)
		equal(t, h.draws.draw.BeaconSource, "round 4711", "source of the beacon")
		fans := g.gather(12)
		h.starts(g)
		h.draw(g)
		equal(t, h.draws.draw.State, drawFrozen, "state")
		d, _ := g.Draw()
		equal(t, d.IsFrozen() && !d.IsDrawn(), true, "frozen, and not drawn")
		g.age() // it takes long: nobody becomes absent by it
		g.turn()
		g.turn()
		h.draws.draw.Beacon = "e2a1"
		h.draw(g)
		h.drawnAs(g, fans)
	})
}

func TestLeavingTheLobby(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newLottery(t, url, "round 4711")
		g := h.gate()
		h.draw(g)
		fans := g.gather(10)
		leave := func(f *fan) { must2(g.Leave(t.Context(), f.who))(t) }
		leave(fans[0]) // and comes back
		s, created, err := g.Join(t.Context(), fans[0].who)
		must(t, err)
		equal(t, created, true, "a new place")
		equal(t, s.State, Gathers, "state")
		leave(fans[1])
		h.starts(g)
		h.draw(g)
		equal(t, h.draws.draw.LobbyCount, 9, "in the lobby")
		leave(fans[2]) // what is frozen stays, with its number
		late := g.joins()
		h.draws.draw.Beacon = "e2a1"
		h.draw(g)
		equal(t, h.draws.draw.LobbyCount, 9, "in the lobby")
		fans[1].wants(Expired)
		fans[2].wants(Finished)
		there := slices.Concat(fans[:1], fans[3:])
		for _, f := range there {
			f.polls()
		}
		equal(t, late.wants(Waiting).Position, 9, "position behind eight")
		listed, _ := g.Drawn(0, 100)
		equal(t, slices.Contains(listed, fans[2].who.Visitor), true, "who left is on the list")
		h.audits(g)
		totals := g.totals()
		equal(t, totals.LeftWaiting, 1, "left")
		equal(t, totals.Joined, 10, "joined")
	})
}

func TestALobbyIsFullAtTheLimit(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newLottery(t, url, "")
		h.show.MaxWaiting = 5
		g := h.gate()
		h.draw(g)
		fans := g.gather(5)
		_, _, err := g.Join(t.Context(), newcomer())
		equal(t, errors.Is(err, ErrFull), true, "full")
		must2(g.Leave(t.Context(), fans[4].who))(t)
		g.joins()
		h.starts(g)
		h.draw(g)
		_, _, err = g.Join(t.Context(), newcomer())
		equal(t, errors.Is(err, ErrFull), true, "full after the draw")
	})
}

func TestAnEmptyLobbyIsDrawn(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newLottery(t, url, "")
		g := h.gate()
		h.starts(g)
		h.draw(g)
		equal(t, h.draws.draw.State, drawNumbered, "state")
		g.joins()
		equal(t, g.lets(), 1, "let in")
	})
}

// A reset sends the lobby away, and the next generation has a seed of its own.
func TestAResetLobbyGathersAnew(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newLottery(t, url, "")
		g := h.gate()
		h.draw(g)
		old := h.draws.draw.Seed
		f := g.gather(1)[0]
		must(t, g.Reset(t.Context()))
		_, err := g.Poll(t.Context(), f.who)
		equal(t, errors.Is(err, ErrPlaceExpired), true, "place of the old generation")
		h.draw(g)
		equal(t, h.draws.draw.Seed != old && h.draws.draw.Generation == 2, true, "another seed")
		s, created, err := g.Join(t.Context(), f.who)
		must(t, err)
		equal(t, created && s.State == Gathers, true, "a new place in the lobby")
	})
}

// Whatever is changed behind the draw's back is found.
func TestAuditOfADraw(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newLottery(t, url, "")
		g := h.gate()
		h.draw(g)
		fans := g.gather(10)
		h.starts(g)
		h.draw(g)
		late := g.joins()
		h.audits(g)
		whole := h.draws.draw
		first, second := h.inOrder(fans)[0].who.Visitor, h.inOrder(fans)[1].who.Visitor
		score := func(visitor string, number int64) {
			must(t, g.redis.ZAdd(t.Context(), g.keys[keyWaiting], redis.Z{Score: float64(number), Member: visitor}).Err())
		}
		for name, change := range map[string]func(){
			"two have swapped":       func() { score(first, whole.First+1); score(second, whole.First) },
			"a stranger is in front": func() { score(late.who.Visitor, whole.First) },
			"one is missing":         func() { must(t, g.redis.ZRem(t.Context(), g.keys[keyWaiting], first).Err()) },
			"another seed":           func() { h.draws.draw.Seed = NewSeed() },
			"another hash":           func() { h.draws.draw.LobbyHash = sum("") },
			"a part is missing":      func() { h.draws.parts[whole.Epoch] = nil },
		} {
			parts := h.draws.parts[whole.Epoch]
			change()
			found, err := g.AuditDraw(t.Context())
			must(t, err)
			if len(found) == 0 {
				t.Errorf("%s: nothing is found", name)
			}
			h.draws.draw, h.draws.parts[whole.Epoch] = whole, parts
			score(first, whole.First)
			score(second, whole.First+1)
			score(late.who.Visitor, late.who.Token.Number)
		}
		h.audits(g)

		list, _ := g.Drawn(0, 100)
		equal(t, len(AuditDrawn(whole, list)), 0, "violations of the list")
		for name, other := range map[string][]string{
			"swapped":    append([]string{list[1], list[0]}, list[2:]...),
			"one less":   list[1:],
			"one twice":  append(slices.Clone(list), list[0]),
			"a stranger": append([]string{NewVisitor()}, list[1:]...),
			"no visitor": append([]string{"nobody"}, list[1:]...),
		} {
			if len(AuditDrawn(whole, other)) == 0 {
				t.Errorf("%s: nothing is found in the list", name)
			}
		}
		other := whole
		other.Beacon = "late"
		equal(t, len(AuditDrawn(other, list)), 1, "violations with another beacon")
	})
}

func TestLobbyPollsAreSpread(t *testing.T) {
	t.Parallel()
	rules := Rules{AbsenceSeconds: 120, ClaimSeconds: 60} // polls every 30 s at the most
	for name, test := range map[string]struct {
		until     time.Duration
		people    int64
		low, high time.Duration
	}{
		"long before":                {time.Hour, 1_000_000, 24 * time.Second, 30 * time.Second},
		"a million, near the start":  {10 * time.Second, 1_000_000, 10 * time.Second, 40 * time.Second},
		"a million, after the start": {-time.Second, 1_000_000, 15 * time.Second, 30 * time.Second},
		"some, near the start":       {10 * time.Second, 100, 10 * time.Second, 11 * time.Second},
		"some, after the start":      {0, 100, 500 * time.Millisecond, time.Second},
		"50,000, near the start":     {time.Second, 50_000, time.Second, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 2000
			var sum time.Duration
			for range n {
				d := lobbyPoll(test.until, test.people, rules)
				if d < test.low || d > test.high {
					t.Fatalf("%s, want %s to %s", d, test.low, test.high)
				}
				sum += d
			}
			middle, width := (test.low+test.high)/2, test.high-test.low
			if off := (sum/n - middle).Abs(); off > width/10 {
				t.Errorf("on average %s: not spread over %s to %s", sum/n, test.low, test.high)
			}
		})
	}
}

func must2[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T { t.Helper(); must(t, err); return v }
}
