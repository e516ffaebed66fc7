package queue

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// mindful are rules with which the seats bound who may be inside, and little else.
func mindful(percent int) Rules {
	rules := quick()
	rules.Admit, rules.MaxActive, rules.SeatsPerVisitorPercent = 1000, 10_000, percent
	return rules
}

// box is a box office beside the queue: what its visitors do with the seats.
type box struct {
	t                *testing.T
	g                *gate
	free, held, sold int
	inside           []*fan       // have claimed, and hold nothing
	holding          map[*fan]int // how many seats
	entered          int
}

func (b *box) stock() *Stock {
	return &Stock{Free: int64(b.free), Held: int64(b.held), Sold: int64(b.sold), Most: 4, AsOf: b.g.now()}
}

// takes has somebody inside hold as many seats as they want, or as there are; they must find
// some.
func (b *box) takes(f *fan, seats int) {
	b.t.Helper()
	if seats = min(seats, b.free); seats == 0 {
		b.t.Fatalf("number %d finds nothing", f.who.Token.Number)
	}
	b.free -= seats
	b.held += seats
	b.holding[f] = seats
	_, err := b.g.PinUntil(b.t.Context(), f.who.Visitor, f.who.Token.Number, b.g.now()+60_000_000)
	must(b.t, err)
}

func (b *box) pays(f *fan) {
	b.t.Helper()
	b.sold += b.holding[f]
	b.held -= b.holding[f]
	delete(b.holding, f)
	must(b.t, b.g.Finish(b.t.Context(), f.who.Visitor, f.who.Token.Number))
}

// givesBack releases a hold; whoever does is inside without seats again.
func (b *box) givesBack(f *fan) {
	b.t.Helper()
	b.free += b.holding[f]
	b.held -= b.holding[f]
	delete(b.holding, f)
	must(b.t, b.g.Unpin(b.t.Context(), f.who.Visitor, f.who.Token.Number, 0))
	b.inside = append(b.inside, f)
}

// A thousand wait for forty seats, of which everybody inside takes two at most, and often
// changes their mind. The count of the seats is always a little old. Nobody is called for nothing.
func TestNobodyIsLetInForNothing(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		const people, seats = 1000, 40
		h := newHouse(t, url, mindful(200))
		g := h.gate()
		fans := g.join(people)
		g.look()
		b := &box{t: t, g: g, free: seats, holding: map[*fan]int{}}
		random := rand.New(rand.NewPCG(7, 7))
		called := 0
		for range 3000 {
			if b.sold == seats {
				break
			}
			if random.IntN(3) == 0 {
				h.seats = b.stock()
			}
			called += int(g.lets())
			for ; b.entered < called; b.entered++ {
				f := fans[b.entered]
				g.view.Store(nil) // whoever is called shows up
				g.look()
				f.wants(Admitted)
				b.inside = append(b.inside, f)
			}
			if n := len(b.inside); n > seats/2 {
				t.Fatalf("%d are inside without seats", n)
			}
			active := g.totals().Active
			if int(active) != len(b.inside)+len(b.holding) {
				t.Fatalf("%d are inside, want %d and %d", active, len(b.inside), len(b.holding))
			}
			if n := len(b.inside); n > 0 {
				i := random.IntN(n)
				f := b.inside[i]
				b.inside = append(b.inside[:i], b.inside[i+1:]...)
				if random.IntN(4) == 0 {
					_, err := g.Leave(t.Context(), f.who)
					must(t, err)
				} else {
					b.takes(f, 1+random.IntN(2))
				}
			}
			for f := range b.holding {
				if random.IntN(3) == 0 {
					b.givesBack(f)
				} else {
					b.pays(f)
				}
				break
			}
		}
		equal(t, b.sold, seats, "sold")
		g.look()
		for _, v := range AuditAdmissions(h.books.admissions) {
			t.Error(v)
		}
		equal(t, len(h.books.admissions) > 0 && h.books.admissions[0].Served == 20, true, "the first admission says how many the seats served")
	})
}

func TestTheSeatsLeftBoundAdmission(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		for name, test := range map[string]struct {
			percent int
			stock   *Stock
			age     time.Duration
			want    int64
		}{
			"a seat each":                 {100, &Stock{Free: 3}, 0, 3},
			"one and a half each":         {150, &Stock{Free: 3}, 0, 2},
			"two people for a seat":       {50, &Stock{Free: 3}, 0, 6},
			"a rest is for one more":      {200, &Stock{Free: 5}, 0, 3},
			"the last seat":               {200, &Stock{Free: 1, Sold: 9}, 0, 1},
			"none but what is held":       {200, &Stock{Held: 1, Sold: 9}, 0, 0},
			"enough for all":              {100, &Stock{Free: 8}, 0, 8},
			"what is held is not free":    {100, &Stock{Free: 2, Held: 9}, 0, 2},
			"nobody knows":                {100, nil, 0, 0},
			"just known":                  {100, &Stock{Free: 3}, 2 * time.Second, 3},
			"too long ago":                {100, &Stock{Free: 3}, 4 * time.Second, 0},
			"whatever is left":            {0, &Stock{Free: 3}, 0, 8},
			"whatever is left, not known": {0, nil, 0, 8},
			"held, and may come back":     {0, &Stock{Held: 1, Sold: 9}, 0, 8},
			"all sold":                    {0, &Stock{Sold: 9}, 0, 0},
		} {
			h := newHouse(t, url, mindful(test.percent))
			g := h.gate()
			g.join(8)
			if h.seats = test.stock; test.stock != nil {
				h.seats.AsOf = g.now() - test.age.Microseconds()
			}
			equal(t, g.lets(), test.want, name)
		}
	})
}

// Who holds has their seats, for as long as the hold lasts: the seats that are left are
// for others.
func TestWhoHoldsNeedsNoSeatThatIsLeft(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, mindful(100))
		h.seats = &Stock{Free: 2}
		g := h.gate()
		fans := g.join(8)
		equal(t, g.lets(), 2, "a seat each")
		g.look()
		for _, f := range fans[:2] {
			f.wants(Admitted)
		}
		holds := func(f *fan, until int64) {
			_, err := g.PinUntil(t.Context(), f.who.Visitor, f.who.Token.Number, until)
			must(t, err)
		}
		holding := func() int64 {
			t.Helper()
			g.look()
			s, _ := g.Figures()
			return s.Holding
		}
		counted := g.now()
		holds(fans[0], g.now()+60_000_000)
		equal(t, holding(), 1, "holds")

		h.seats = &Stock{Free: 2, AsOf: counted}
		equal(t, g.lets(), 0, "a count from before the hold has its seats among the free")
		h.seats = &Stock{Free: 1, Held: 1}
		equal(t, g.lets(), 0, "the other one needs what is left")
		h.seats = &Stock{Free: 3, Held: 1}
		equal(t, g.lets(), 2, "beside those who hold")

		// A moment's pin and its end are no hold and no release.
		pin, err := g.PinFor(t.Context(), fans[0].pass(), time.Hour)
		must(t, err)
		must(t, g.GiveBack(t.Context(), fans[0].pass(), pin))
		_, err = g.PinFor(t.Context(), fans[1].pass(), time.Second)
		must(t, err)
		equal(t, holding(), 1, "holds still")

		must(t, g.Unpin(t.Context(), fans[0].who.Visitor, 1, g.now()+50_000_000))
		equal(t, holding(), 1, "another hold of theirs")
		must(t, g.Unpin(t.Context(), fans[0].who.Visitor, 1, 0))
		equal(t, holding(), 0, "gave it back")

		holds(fans[0], g.now()+60_000_000)
		holds(fans[1], g.now()+60_000_000)
		must(t, g.Finish(t.Context(), fans[0].who.Visitor, 1))
		equal(t, holding(), 1, "bought")
		g.lapse()
		g.lets()
		equal(t, holding(), 0, "the session is over")
		n, err := g.redis.ZCard(t.Context(), g.keys[keyHolding]).Result()
		must(t, err)
		equal(t, n, 0, "nobody is left among those who hold")
	})
}

// What a hold knows of its visitor outlives Redis, and so does what it means here.
func TestHoldersAreKnownAfterRedisWasLost(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, mindful(100))
		h.seats = &Stock{Free: 1}
		g := h.gate()
		f := g.enters()
		h.books.known.Inside = []Inside{{Visitor: f.who.Visitor, Number: 1, Until: g.now() + 60_000_000}}
		must(t, g.redis.Del(t.Context(), g.keys...).Err())
		g.look()
		s, _ := g.Figures()
		equal(t, s.Holding, 1, "holds")
	})
}

func TestSoldOutAndBackAgain(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.seats = &Stock{Free: 1, Held: 1, Sold: 8, Most: 4}
		g := h.gate()
		fans := g.join(4)
		g.look()
		s := fans[2].wants(Waiting)
		equal(t, s.Chance, ChanceLow, "chance")
		equal(t, s.SeatsLeft, 1, "seats left")

		h.seats = &Stock{Held: 1, Sold: 9, Most: 4}
		g.look()
		equal(t, fans[2].wants(Waiting).Chance, ChanceLow, "a held seat may come back")
		late := g.joins()

		h.seats = &Stock{Sold: 10, Most: 4}
		g.look()
		s = fans[2].wants(SoldOut)
		equal(t, s.Chance, ChanceNone, "chance")
		equal(t, s.Number, 3, "the number stays")
		equal(t, s.ETA == nil && s.PollAfter > 0, true, "no wait, but come and see")
		equal(t, g.lets(), 0, "nobody is let in")
		_, _, err := g.Join(t.Context(), newcomer())
		equal(t, errors.Is(err, ErrSoldOut), true, "a newcomer is told")
		_, _, err = g.Join(t.Context(), Who{Visitor: NewVisitor()})
		equal(t, errors.Is(err, ErrSoldOut), true, "so is a cookie without a place")
		for name, who := range map[string]Who{"token": late.who, "cookie": {Visitor: late.who.Visitor}} {
			s, created, err := g.Join(t.Context(), who)
			must(t, err)
			equal(t, s.State, SoldOut, name+": who has a place keeps it")
			equal(t, created, false, name)
		}
		_, err = g.Leave(t.Context(), late.who)
		must(t, err)
		_, _, err = g.Join(t.Context(), late.who)
		equal(t, errors.Is(err, ErrSoldOut), true, "and who has left it does not get another")
		board, err := g.Board()
		must(t, err)
		equal(t, *board.Odds, Odds{Rivals: 2, Each: 4, Most: 4}, "the board's odds")
		equal(t, board.Forecast == nil, true, "no forecast")
		stats, _ := g.Figures()
		equal(t, stats.SoldOut, true, "stats")

		h.seats = &Stock{Free: 2, Sold: 8, Most: 4}
		g.look()
		equal(t, fans[2].wants(Waiting).Position, 3, "the line goes on where it was")
		equal(t, g.lets(), 3, "people are let in again")
		g.joins()
	})
}

func TestNothingIsSaidOfSeatsThatNobodyKnows(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		f := g.joins()
		equal(t, f.first.Chance, "", "on joining")
		g.look()
		equal(t, f.wants(Waiting).Chance, "", "on polling")
		board, err := g.Board()
		must(t, err)
		equal(t, board.Odds == nil, true, "on the board")
	})
}
