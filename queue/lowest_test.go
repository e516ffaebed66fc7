package queue

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"frontrow/internal/testenv"
)

// Admission goes by bits; a plain loop over a list of people says whom it must let in.
func TestTheLowestWhoArePresentGoIn(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.Rules.Admit, h.show.Rules.MaxActive = 100_000, 1_000_000
		rapid.Check(t, func(rt *rapid.T) {
			h.show.ID = "t-" + randomWord()
			g := h.gate()
			line := newcomers(rt, g)
			slices.Sort(line)
			for len(line) > 0 {
				n := rapid.IntRange(1, 700).Draw(rt, "admit")
				g.set("admit", int64(n))
				n = min(n, len(line))
				if got := g.lets(); got != int64(n) {
					rt.Fatalf("let %d in of %d, want %d", got, len(line), n)
				}
				raw, err := g.redis.Get(t.Context(), g.keys[keyInvited]).Result()
				must(t, err)
				for _, number := range line[:n] {
					if raw[number/8]&(0x80>>(number%8)) == 0 {
						rt.Fatalf("number %d waited and was not let in", number)
					}
				}
				if got := onesIn(raw); got != int64(n) {
					rt.Fatalf("%d are invited, want %d", got, n)
				}
				must(t, g.redis.Del(t.Context(), g.keys[keyInvited]).Err()) // they claim and go
				g.set("invited", 0)
				line = line[n:]
			}
			if got := g.lets(); got != 0 {
				rt.Fatalf("let %d in when nobody was left", got)
			}
		})
	})
}

// newcomers makes a line with gaps of every size, without joining one by one, and
// returns the numbers of those who are there.
func newcomers(rt *rapid.T, g *gate) (there []int64) {
	number := int64(rapid.IntRange(1, 20).Draw(rt, "first"))
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
	pipe := g.redis.Pipeline()
	for range rapid.IntRange(1, 6).Draw(rt, "runs") {
		present := rapid.Float64Range(0, 1).Draw(rt, "share present")
		for range rapid.IntRange(1, 400).Draw(rt, "length") {
			if random.Float64() < present {
				there = append(there, number)
				pipe.SetBit(g.t.Context(), g.keys[keyPresent], number, 1)
				pipe.ZAdd(g.t.Context(), g.keys[keyWaiting], redis.Z{Score: float64(number), Member: NewVisitor()})
			}
			number++
		}
		number += int64(rapid.SampledFrom([]int{0, 1, 7, 64, 5_000, 200_000}).Draw(rt, "gap"))
	}
	_, err := pipe.Exec(g.t.Context())
	must(g.t, err)
	g.set("issued", number)
	g.set("ceiling", number)
	return there
}

// Many who are called and never come cost no step of their own, and are counted all the same.
func TestWholeAdmissionsMissAndAreForgotten(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		h.show.Rules.Admit, h.show.Rules.MaxActive = 40, 1000
		g := h.gate()
		fans := g.join(100)
		for range 3 {
			g.lets()
		}
		g.look()
		claims, leaves, late := fans[3], fans[50], fans[60]
		claims.wants(Admitted)
		_, err := g.Leave(t.Context(), leaves.who)
		must(t, err)
		equal(t, g.totals().Active, 99, "inside, claimed or not")
		g.miss()
		g.lets()
		g.look()
		totals := g.totals()
		equal(t, totals.Missed, 98, "missed")
		equal(t, totals.Active, 1, "inside")
		late.wants(Waiting)
		g.forget()
		for range 3 {
			a, err := g.run(t.Context(), "admit", admitScript, 30, -1, 0, 0)
			must(t, err)
			equal(t, a.rest[0].(int64) <= 1, true, "only the one who came back is let in")
		}
		for range 8 {
			_, err := g.run(t.Context(), "admit", admitScript, 30, -1, 0, 0)
			must(t, err)
		}
		n, err := g.redis.ZCard(t.Context(), g.keys[keyWaiting]).Result()
		must(t, err)
		equal(t, n, 0, "nobody is kept of whose time is over")
		totals = g.totals()
		equal(t, totals.ExpiredWaiting, 0, "who missed is not counted twice")
		equal(t, totals.Admitted, totals.Active+totals.Finished+totals.Left+totals.Expired+totals.Missed, "admitted adds up")
		found, err := g.Audit(t.Context(), nil)
		must(t, err)
		for _, v := range found {
			t.Error(v)
		}
		s, created, err := g.Join(t.Context(), fans[70].who)
		must(t, err)
		equal(t, created, true, "who was forgotten joins anew")
		equal(t, s.Number, 101, "at the end")
	})
}
