package queue

import (
	"errors"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/testenv"
)

// from is a newcomer who comes from an address.
func from(address string) Who {
	who := newcomer()
	who.From = netip.MustParseAddr(address)
	return who
}

// limited are quick rules with join limits.
func limited(address, network int) Rules {
	rules := quick()
	rules.JoinsPerAddress, rules.JoinsPerNetwork = address, network
	return rules
}

// comes joins and says for how long the visitor was sent away; 0: a new place.
func (g *gate) comes(who Who) time.Duration {
	g.t.Helper()
	_, created, err := g.Join(g.t.Context(), who)
	var many *TooManyError
	if errors.As(err, &many) {
		if many.RetryAfter <= 0 {
			g.t.Fatalf("sent away for %s", many.RetryAfter)
		}
		return many.RetryAfter
	}
	must(g.t, err)
	if !created {
		g.t.Fatal("no new place")
	}
	return 0
}

// later lets time go by for the limits.
func (g *gate) later(d time.Duration) {
	g.t.Helper()
	rows, err := g.redis.ZRangeWithScores(g.t.Context(), g.keys[keyLimits], 0, -1).Result()
	must(g.t, err)
	for i := range rows {
		rows[i].Score -= float64(d.Microseconds())
	}
	must(g.t, g.redis.ZAdd(g.t.Context(), g.keys[keyLimits], rows...).Err())
	g.turned.mu.Lock()
	defer g.turned.mu.Unlock()
	for address, until := range g.turned.now {
		g.turned.now[address] = until.Add(-d)
	}
}

// As many as the burst may come at once; the next waits for its turn, and only the
// next. The limits are so low that the time a test takes makes no difference.
func TestJoinsOfOneAddressAreLimited(t *testing.T) {
	t.Parallel()
	for _, bound := range []struct{ limit, burst int }{{1, 1}, {3, 3}, {5, 5}, {6, 5}} {
		t.Run(strconv.Itoa(bound.limit), func(t *testing.T) {
			t.Parallel()
			testenv.EachRedis(t, func(t *testing.T, url string) {
				g := newHouse(t, url, limited(bound.limit, 0)).gate()
				for range bound.burst {
					equal(t, g.comes(from("192.0.2.1")), 0, "within the burst")
				}
				wait, each := g.comes(from("192.0.2.1")), time.Minute/time.Duration(bound.limit)
				if wait > each {
					t.Errorf("past the burst: sent away for %s, a turn is %s", wait, each)
				}
				if wait < each/2 {
					t.Errorf("past the burst: sent away for %s of %s", wait, each)
				}
				equal(t, g.comes(from("192.0.2.2")), 0, "another address")
				g.later(wait)
				equal(t, g.comes(from("192.0.2.1")), 0, "after Retry-After")
				if g.comes(from("192.0.2.1")) == 0 {
					t.Error("two came in one turn")
				}
				g.later(time.Minute)
				for range bound.burst {
					equal(t, g.comes(from("192.0.2.1")), 0, "a minute later")
				}
			})
		})
	}
}

// Asked in one call, at one time: exactly the burst comes, and the next waits one turn.
func TestBurstAtAndPast(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		for limit, burst := range map[int]int{1: 1, 4: 4, 5: 5, 6: 5, 59: 5, 60: 6, 80: 8, 2500: 250, 1_000_000: 100_000} {
			g := newHouse(t, url, limited(limit, 0)).gate()
			g.joins() // the first reserves numbers
			asks := make([]joinAsk, min(burst, 300)+1)
			for i := range asks {
				asks[i] = joinAsk{visitor: NewVisitor(), fresh: true, from: netip.MustParseAddr("192.0.2.1")}
			}
			answers, err := g.askJoins(t.Context(), asks)
			must(t, err)
			last := len(asks) - 1
			for i, a := range answers[:last] {
				if a.code != "joined" {
					t.Fatalf("limit %d: number %d of %d is %s", limit, i+1, burst, a.code)
				}
			}
			turn := int64(60_000_000 / limit)
			switch a := answers[last]; {
			case burst > 300:
				equal(t, a.code, "joined", "far from the burst")
			case a.code != "limited" || a.number != turn:
				t.Errorf("limit %d: past the burst %s %d us, want limited %d", limit, a.code, a.number, turn)
			}
		}
	})
}

func TestJoinsOfOneNetworkAreLimited(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, limited(2, 4)).gate()
		for _, address := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.255"} {
			equal(t, g.comes(from(address)), 0, address)
		}
		if g.comes(from("192.0.2.77")) == 0 {
			t.Error("a fifth came from the network")
		}
		equal(t, g.comes(from("192.0.3.1")), 0, "the network beside it")
		n, err := g.redis.ZScore(t.Context(), g.keys[keyLimits], "a:192.0.2.77").Result()
		if !errors.Is(err, redis.Nil) {
			t.Errorf("who was sent away was counted: %v %v", n, err)
		}
	})
}

// A home or a phone with IPv6 has 2^64 addresses, a site 2^80.
func TestIPv6CountsByPrefix(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, limited(1, 2)).gate()
		equal(t, g.comes(from("2001:db8:1:1::1")), 0, "first home")
		if g.comes(from("2001:db8:1:1:ffff::2")) == 0 {
			t.Error("another address of the same home was let through")
		}
		equal(t, g.comes(from("2001:db8:1:2::1")), 0, "second home of the site")
		if g.comes(from("2001:db8:1:3::1")) == 0 {
			t.Error("a third home of the site was let through")
		}
		equal(t, g.comes(from("2001:db8:2:1::1")), 0, "another site")
		equal(t, g.comes(from("::ffff:192.0.2.1")), 0, "IPv4 in IPv6")
		if g.comes(from("192.0.2.1")) == 0 {
			t.Error("the same IPv4 address was let through twice")
		}
	})
}

func TestGatewaysShareTheLimit(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, limited(4, 0))
		a, b := h.gate(), h.gate()
		for _, g := range []*gate{a, b, a, b} {
			equal(t, g.comes(from("192.0.2.1")), 0, "within the burst")
		}
		if a.comes(from("192.0.2.1")) == 0 || b.comes(from("192.0.2.1")) == 0 {
			t.Error("a fifth came")
		}
	})
}

// Who has a place is never sent away, and costs no share of the limit.
func TestLimitsConcernNewPlacesAlone(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, limited(1, 0)).gate()
		who := from("192.0.2.1")
		s, _, err := g.Join(t.Context(), who)
		must(t, err)
		g.look()
		for range 3 {
			again, created, err := g.Join(t.Context(), Who{Visitor: who.Visitor, From: who.From})
			must(t, err)
			equal(t, created, false, "a new place")
			equal(t, again.Number, s.Number, "number")
		}
		g.later(time.Minute)
		equal(t, g.comes(from("192.0.2.1")), 0, "the next, a minute later")
	})
}

func TestWithoutLimitsRedisKeepsNothing(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		for range 20 {
			equal(t, g.comes(from("192.0.2.1")), 0, "no limit")
		}
		n, err := g.redis.Exists(t.Context(), g.keys[keyLimits]).Result()
		must(t, err)
		equal(t, n, 0, "keys of limits")

		h.show.Rules.JoinsPerAddress, h.show.RulesVersion = 1, 2
		must(t, g.Apply(t.Context(), h.show))
		equal(t, g.comes(from("192.0.2.1")), 0, "the first under the new rule")
		if g.comes(from("192.0.2.1")) == 0 {
			t.Error("a rule that was changed is not in force")
		}
		equal(t, g.comes(newcomer()), 0, "from nowhere that we know of")
	})
}

// What is past goes when others come, a bounded number at a time.
func TestLimitsForget(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, limited(1, 0)).gate()
		old := make([]redis.Z, 1500)
		for i := range old {
			old[i] = redis.Z{Score: float64(i + 1), Member: "a:old" + strconv.Itoa(i)}
		}
		must(t, g.redis.ZAdd(t.Context(), g.keys[keyLimits], old...).Err())
		left := func(address string) int64 {
			equal(t, g.comes(from(address)), 0, address)
			n, err := g.redis.ZCard(t.Context(), g.keys[keyLimits]).Result()
			must(t, err)
			return n
		}
		equal(t, left("192.0.2.1"), 501, "after one call")
		equal(t, left("192.0.2.2"), 2, "after another")
		ttl, err := g.redis.PTTL(t.Context(), g.keys[keyLimits]).Result()
		must(t, err)
		if ttl < 5*time.Minute {
			t.Errorf("limits are kept for %s", ttl)
		}
	})
}

func TestJoinRulesAreChecked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		address, network int
		bad              string
	}{
		{0, 0, ""}, {1_000_000, 1_000_000, ""}, {5, 0, ""}, {0, 5, ""}, {5, 5, ""},
		{-1, 0, "joins_per_address"}, {1_000_001, 0, "joins_per_address"},
		{0, -1, "joins_per_network"}, {0, 1_000_001, "joins_per_network"}, {6, 5, "joins_per_network"},
	} {
		err := limited(test.address, test.network).Validate()
		var errs RulesError
		if errors.As(err, &errs); (len(errs) == 0) != (test.bad == "") || len(errs) > 0 && errs[0].Field != test.bad {
			t.Errorf("%d, %d: %v, want trouble with %q", test.address, test.network, err, test.bad)
		}
	}
}

// Who was turned away costs Redis nothing until their time has come, unless they may
// have a place, or the rules have changed.
func TestTheTurnedAwayCostRedisNothing(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, limited(1, 0))
		g := h.gate()
		known := from("192.0.2.1")
		equal(t, g.comes(known), 0, "the first")
		wait := g.comes(from("192.0.2.1"))
		must(t, g.redis.Del(t.Context(), g.keys[keyLimits]).Err()) // Redis would let them through
		if again := g.comes(from("192.0.2.1")); again <= 0 || again > wait {
			t.Errorf("turned away for %s, and then for %s", wait, again)
		}
		g.look()
		_, created, err := g.Join(t.Context(), Who{Visitor: known.Visitor, From: known.From})
		must(t, err)
		equal(t, created, false, "created")

		h.show.RulesVersion, h.show.Rules.JoinsPerAddress = 2, 2
		must(t, g.Apply(t.Context(), h.show))
		equal(t, g.comes(from("192.0.2.1")), 0, "by the new rules")
	})
}

func TestTurnedIsBounded(t *testing.T) {
	t.Parallel()
	var all turned
	address := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}) }
	for n := range 3*turnedKept + 1 {
		all.put(1, address(n), time.Hour)
	}
	if n := len(all.now) + len(all.older); n > 2*turnedKept {
		t.Errorf("%d addresses are kept", n)
	}
	if all.wait(1, address(3*turnedKept)) == 0 || all.wait(1, address(0)) != 0 {
		t.Error("the newest are not the ones kept")
	}
	if all.wait(2, address(3*turnedKept)) != 0 {
		t.Error("of other rules")
	}
}

// A lobby is a door too: a place in it is a new one, and what gave it is spent.
func TestTheLobbyHasTheSameDoors(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newLottery(t, url, "")
		h.show.Rules.JoinsPerAddress, h.show.Rules.ProofOfWork = 2, true
		g := h.gate()
		h.draw(g) // commits to a seed
		wantErr(t, g.brings(from("192.0.2.1"), ""), ErrProofRequired, "no proof")
		first, spent := from("192.0.2.1"), solve(g.challenge())
		wantErr(t, g.brings(first, spent), nil, "the first")
		wantErr(t, g.brings(from("192.0.2.2"), spent), ErrProofSpent, "replayed")
		wantErr(t, g.brings(from("192.0.2.1"), solve(g.challenge())), nil, "the second")
		if err := g.brings(from("192.0.2.1"), solve(g.challenge())); !isTooMany(err) {
			t.Errorf("the third: %v", err)
		}
		s, created, err := g.Join(t.Context(), Who{Visitor: first.Visitor, From: first.From})
		must(t, err)
		equal(t, s.State, Gathers, "who is in the lobby")
		equal(t, created, false, "created")

		often := errors.New("too often")
		_, _, err = g.Join(t.Context(), Who{Visitor: first.Visitor, Unproven: func() error { return often }})
		wantErr(t, err, often, "replayed too often")
	})
}
