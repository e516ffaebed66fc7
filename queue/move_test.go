package queue

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/testenv"
)

// offers gives a code for the visitor's place.
func (f *fan) offers() string {
	f.g.t.Helper()
	code, err := f.g.Offer(f.g.t.Context(), f.who)
	must(f.g.t, err)
	if _, ok := readCode(code.Code); !ok {
		f.g.t.Fatalf("%q is no code", code.Code)
	}
	return code.Code
}

// accepts has a new device take over the place that a code was given for.
func (g *gate) accepts(code string) *fan {
	g.t.Helper()
	token, text, err := g.Accept(g.t.Context(), code, newcomer())
	must(g.t, err)
	parsed, err := g.queue.keys.ParseToken(text)
	must(g.t, err)
	equal(g.t, parsed, token, "the token")
	return &fan{g: g, who: Who{Visitor: token.Visitor, Since: token.Since, Token: &token}}
}

// refuses wants an error for a code.
func (g *gate) refuses(code string, want error) {
	g.t.Helper()
	if _, _, err := g.Accept(g.t.Context(), code, newcomer()); !errors.Is(err, want) {
		g.t.Errorf("%q: %v, want %v", code, err, want)
	}
}

// hasMoved tells whether what the visitor held before speaks for nobody any more.
func (g *gate) hasMoved(f *fan) bool { return g.queue.HasMoved(f.who.Visitor, f.who.Since) }

func TestAPlaceMovesToAnotherDevice(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g, other := h.gate(), h.gate()
		old := g.join(3)[1]
		g.look()
		before := old.wants(Waiting)
		code := old.offers()
		equal(t, g.hasMoved(old), false, "before")

		device := other.accepts(" " + strings.ToLower(code[:4]) + "-" + code[4:])
		equal(t, other.hasMoved(old), true, "at the gateway that moved it")
		g.look()
		equal(t, g.hasMoved(old), true, "at another, a second later")
		equal(t, g.hasMoved(device) || other.hasMoved(device), false, "the new device")
		other.look()
		after := device.wants(Waiting)
		equal(t, after.Number, before.Number, "number")
		equal(t, after.Position, before.Position, "position")
		equal(t, device.who.Visitor, old.who.Visitor, "visitor")
		equal(t, device.who.Token.Joined, old.who.Token.Joined, "joined")

		again, created, err := other.Join(t.Context(), device.who)
		must(t, err)
		equal(t, created, false, "a second place")
		equal(t, again.Number, before.Number, "number after joining again")
		equal(t, g.totals().Joined, 3, "joined")

		// And on to a third one.
		third := g.accepts(device.offers())
		equal(t, g.hasMoved(device) && g.hasMoved(old), true, "two moves later")
		equal(t, g.hasMoved(third), false, "the third device")
	})
}

func TestCodesThatMoveNothing(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g, elsewhere := h.gate(), newHouse(t, url, quick()).gate()
		f := g.joins()
		first := f.offers()
		code := f.offers()
		g.refuses(first, ErrCodeUnknown) // another was given since
		elsewhere.refuses(code, ErrCodeUnknown)
		for _, text := range []string{"", "2", code + "2", "ABCDEFG1", "ABCDEFGÖ", strings.Repeat(" ", 100) + code} {
			g.refuses(text, ErrCodeUnknown)
		}
		g.accepts(code)
		g.refuses(code, ErrCodeUsed)

		late := g.joins().offers()
		ends := func(us int64) {
			must(t, g.redis.ZAdd(t.Context(), g.keys[keyCodes], redis.Z{Score: float64(us), Member: late}).Err())
		}
		ends(g.now() - 1)
		g.refuses(late, ErrCodeExpired)
		ends(g.now() + 60_000_000)
		g.accepts(late)

		// What is long over is forgotten, by the next who asks for one.
		ends(1)
		other := g.joins()
		other.offers()
		g.refuses(late, ErrCodeUnknown)
		n, err := g.redis.HLen(t.Context(), g.keys[keyOffers]).Result()
		must(t, err)
		equal(t, n, 3, "kept: a code that was used, and one that is good with its visitor")

		_, err = g.Offer(t.Context(), newcomer())
		equal(t, errors.Is(err, ErrNoPlace), true, "a code for no place")
		_, err = g.Leave(t.Context(), other.who)
		must(t, err)
		_, err = g.Offer(t.Context(), other.who)
		equal(t, errors.Is(err, ErrNoPlace), true, "a code for a place that is over")
	})
}

func TestOneOfTwoGetsThePlace(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		gates := []*gate{h.gate(), h.gate()}
		for range 10 {
			code := gates[0].joins().offers()
			errs, both := make([]error, len(gates)), sync.WaitGroup{}
			for i, g := range gates {
				both.Go(func() { _, _, errs[i] = g.Accept(t.Context(), code, newcomer()) })
			}
			both.Wait()
			if errs[0] == nil {
				errs[0], errs[1] = errs[1], errs[0]
			}
			equal(t, errs[1], nil, "one")
			equal(t, errors.Is(errs[0], ErrCodeUsed), true, "the other")
		}
	})
}

// At the bound a wrong code is refused as such, past it as one try too many; and then the
// right one is as well.
func TestGuessingCodesIsLimited(t *testing.T) {
	t.Parallel()
	const wrong = "22222222"
	for name, c := range map[string]struct {
		most int
		by   func(i int) Who
	}{
		"visitor": {5, func() func(int) Who {
			who := newcomer()
			return func(int) Who { return who }
		}()},
		"address": {10, func(int) Who { return from("192.0.2.1") }},
		"network": {10, func(i int) Who {
			who := newcomer()
			who.From = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(i)})
			return who
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testenv.EachRedis(t, func(t *testing.T, url string) {
				g := newHouse(t, url, quick()).gate()
				code := g.joins().offers()
				for i := range c.most {
					_, _, err := g.Accept(t.Context(), wrong, c.by(i))
					equal(t, errors.Is(err, ErrCodeUnknown), true, "at the bound")
				}
				var many *TooManyError
				_, _, err := g.Accept(t.Context(), code, c.by(c.most))
				equal(t, errors.As(err, &many), true, "past the bound")
				g.later(many.RetryAfter)
				_, _, err = g.Accept(t.Context(), code, c.by(c.most))
				must(t, err)
			})
		})
	}
}

func TestGuessingCodesIsLimitedForTheWholeShow(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		code := g.joins().offers()
		var many *TooManyError
		tries, began := 0, time.Now()
		for ; ; tries++ {
			_, _, err := g.Accept(t.Context(), "22222222", newcomer())
			if errors.As(err, &many) {
				break
			}
			equal(t, errors.Is(err, ErrCodeUnknown), true, "a wrong code")
		}
		if most := 101 + int(time.Since(began)/(100*time.Millisecond)); tries < 100 || tries > most {
			t.Errorf("%d wrong tries, want 100 to %d", tries, most)
		}
		g.later(time.Minute)
		g.accepts(code)
	})
}

func TestWhoIsInsideMovesInside(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		old := g.enters()
		before := old.wants(Admitted)
		device := g.accepts(old.offers())
		after := device.wants(Admitted)
		equal(t, after.Until, before.Until, "until")
		equal(t, after.Since, device.who.Since, "since, for the pass")
		equal(t, g.totals().Active, 1, "inside")
		// They may be asked who they are by the visitor's cookie alone.
		byCookie, err := g.Poll(t.Context(), Who{Visitor: device.who.Visitor, Since: device.who.Since})
		must(t, err)
		device.holds(byCookie)
		equal(t, device.who.Token.Since, after.Since, "since, in a token for the cookie")
	})
}

// What was held before a move stays without worth after a reset, and after Redis was lost
// as soon as the new device was heard of.
func TestAMoveOutlivesTheEpoch(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		old := g.joins()
		device := g.accepts(old.offers())
		must(t, g.Reset(t.Context()))
		equal(t, h.gate().hasMoved(old), true, "after a reset, at a new gateway")

		must(t, g.redis.Del(t.Context(), g.keys...).Err())
		g.look()
		fresh := h.gate()
		equal(t, g.hasMoved(old), true, "Redis lost, at a gateway that knows")
		equal(t, fresh.hasMoved(old), false, "Redis lost, at a new gateway")
		equal(t, fresh.hasMoved(device), false, "the new device there")
		equal(t, fresh.hasMoved(old), true, "once the new device was heard of")
		// The moves of the new epoch are learnt as those of the old one were.
		one := g.joins()
		g.look()
		g.accepts(one.offers())
		fresh.look()
		fresh.look()
		equal(t, fresh.hasMoved(one), true, "a move of the new epoch")
	})
}

func TestWhoWaitsForTheDrawMoves(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newLottery(t, url, "")
		g := h.gate()
		h.draw(g)
		old := g.gather(1)[0]
		device := g.accepts(old.offers())
		g.look()
		equal(t, device.wants(Gathers).Visitor, old.who.Visitor, "visitor")
	})
}
