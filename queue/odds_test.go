package queue

import (
	"math"
	"math/rand/v2"
	"testing"
)

// scarce is a simulated sale of few seats, a second at a time, to see what the chances that
// people are told come to.
type scarce struct {
	crowd, seats  int
	admit, inside int                  // a second; at a time
	percent       int                  // as the rule; 0: off
	buys          float64              // share of those let in who want to buy
	wants         func(*rand.Rand) int // seats, 1 to 4
	stay          func(*rand.Rand) float64
	regret        float64 // share of holds that are given back
}

// customer is somebody in such a sale.
type customer struct {
	first, last Chance // that they were told
	wants       int    // seats; 0: only looks
	acts, goes  float64
	has         int
	tried, out  bool
}

// fates counts, of those who wanted seats and were told something: who was told so to the
// end, or at first, and who of them went without.
type fates struct{ toEnd, toEndWithout, atFirst, atFirstWithout, none, noneWith, bought int }

func (s scarce) play(seed uint64) (o fates) {
	random := rand.New(rand.NewPCG(seed, 11))
	people := make([]*customer, s.crowd)
	for i := range people {
		people[i] = &customer{}
		if random.Float64() < s.buys {
			people[i].wants = s.wants(random)
		}
	}
	free, held, sold := s.seats, 0, 0
	head, finished := 0, 0
	var inside []*customer
	for now := 0.0; now < 20_000 && (len(inside) > 0 || free+held > 0 && head < len(people)); now++ {
		stay := inside[:0]
		for _, one := range inside {
			if one.wants > 0 && one.has == 0 && one.acts <= now {
				one.tried = true
				if free > 0 { // who finds nothing looks again until they go
					one.has = min(one.wants, free)
					free, held = free-one.has, held+one.has
					one.goes = now + 20
				}
			}
			if one.goes > now {
				stay = append(stay, one)
				continue
			}
			one.out = true
			switch {
			case one.has == 0:
			case random.Float64() < s.regret:
				free, held = free+one.has, held-one.has
			default:
				sold, held = sold+one.has, held-one.has
				finished++
			}
		}
		inside = stay
		holding := 0
		for _, one := range inside {
			if one.has > 0 {
				holding++
			}
		}
		room, served := s.inside-len(inside), 0
		if s.percent > 0 {
			served = (free*100+s.percent-1)/s.percent + holding
			room = min(room, served-len(inside))
		}
		for n := min(s.admit, room); n > 0 && head < len(people) && free+held > 0; n-- {
			one := people[head]
			head++
			one.acts = now + s.stay(random)/2
			one.goes = one.acts + s.stay(random)/2
			inside = append(inside, one)
		}
		v := &view{stock: &Stock{Free: int64(free), Held: int64(held), Sold: int64(sold), Most: 4}, holding: int64(holding)}
		v.rules.MaxActive, v.served, v.line.total = s.inside, -1, int64(len(people)-head)
		if s.percent > 0 {
			v.served = int64(served)
		}
		v.totals.Admitted, v.totals.Active, v.totals.Finished = int64(head), int64(len(inside)), int64(finished)
		odds := newOdds(v)
		for i, one := range people[head:] {
			one.last = odds.Chance(int64(i + 1))
			if one.first == "" {
				one.first = one.last
			}
		}
	}
	for _, one := range people {
		if one.last == ChanceNone {
			o.none++
			o.noneWith += min(one.has, 1)
		}
		if one.has > 0 {
			o.bought++
		}
		without := 0
		if one.tried && one.has == 0 || one.last == ChanceNone && one.wants > 0 {
			without = 1
		}
		if one.wants > 0 && one.last == ChanceGood {
			o.toEnd++
			o.toEndWithout += without
		}
		if one.wants > 0 && one.first == ChanceGood {
			o.atFirst++
			o.atFirstWithout += without
		}
	}
	return o
}

// At most two in a hundred of those who were told `good` to the end go without, and of those
// who were told so at first; and of those told `none` nobody gets a seat.
func TestChancesComeTrue(t *testing.T) {
	t.Parallel()
	pairs := func(r *rand.Rand) int { return []int{1, 2, 2, 2, 3, 4}[r.IntN(6)] }
	one := func(*rand.Rand) int { return 1 }
	four := func(*rand.Rand) int { return 4 }
	quickly := func(r *rand.Rand) float64 { return 30 * math.Exp(0.6*r.NormFloat64()) }
	slowly := func(r *rand.Rand) float64 { return 200 * math.Exp(0.6*r.NormFloat64()) }
	for name, s := range map[string]scarce{
		"pairs, most buy":                {crowd: 6000, seats: 3000, admit: 10, inside: 300, percent: 100, buys: 0.9, wants: pairs, stay: quickly},
		"pairs, few buy":                 {crowd: 6000, seats: 1500, admit: 10, inside: 300, percent: 100, buys: 0.3, wants: pairs, stay: quickly, regret: 0.1},
		"one each":                       {crowd: 3000, seats: 1500, admit: 10, inside: 300, percent: 100, buys: 0.8, wants: one, stay: slowly, regret: 0.1},
		"all they may":                   {crowd: 3000, seats: 2000, admit: 10, inside: 300, percent: 100, buys: 1, wants: four, stay: quickly},
		"people are slow":                {crowd: 4000, seats: 2000, admit: 20, inside: 500, percent: 100, buys: 0.7, wants: pairs, stay: slowly, regret: 0.2},
		"two seats each are reckoned":    {crowd: 4000, seats: 2000, admit: 20, inside: 500, percent: 200, buys: 0.7, wants: pairs, stay: slowly, regret: 0.2},
		"whatever is left":               {crowd: 4000, seats: 2000, admit: 20, inside: 500, buys: 0.7, wants: pairs, stay: slowly, regret: 0.2},
		"fewer seats than people inside": {crowd: 2000, seats: 40, admit: 50, inside: 500, buys: 0.9, wants: pairs, stay: quickly},
	} {
		var sum fates
		for seed := range uint64(4) {
			o := s.play(seed)
			sum.toEnd, sum.toEndWithout = sum.toEnd+o.toEnd, sum.toEndWithout+o.toEndWithout
			sum.atFirst, sum.atFirstWithout = sum.atFirst+o.atFirst, sum.atFirstWithout+o.atFirstWithout
			sum.none, sum.noneWith, sum.bought = sum.none+o.none, sum.noneWith+o.noneWith, sum.bought+o.bought
		}
		t.Logf("%-32s good to the end: %d of %d went without; at first: %d of %d; none: %d of %d had seats; %d bought",
			name, sum.toEndWithout, sum.toEnd, sum.atFirstWithout, sum.atFirst, sum.noneWith, sum.none, sum.bought)
		if sum.toEndWithout*50 > sum.toEnd {
			t.Errorf("%s: %d of %d who were told good to the end went without", name, sum.toEndWithout, sum.toEnd)
		}
		if sum.atFirstWithout*50 > sum.atFirst {
			t.Errorf("%s: %d of %d who were told good at first went without", name, sum.atFirstWithout, sum.atFirst)
		}
		if sum.noneWith > 0 {
			t.Errorf("%s: %d who were told none got seats", name, sum.noneWith)
		}
		if s.seats > s.inside*4 && sum.toEnd*2 < sum.bought {
			t.Errorf("%s: only %d of %d who bought had been told good: that says nothing", name, sum.toEnd, sum.bought)
		}
	}
}

func TestChances(t *testing.T) {
	t.Parallel()
	full := &Odds{Free: 100, Rivals: 10, Each: 2, Most: 4}
	for name, test := range map[string]struct {
		odds     *Odds
		position int64
		want     Chance
	}{
		// 32 people ahead take 64 seats, give or take 32, and 4 are left for this one.
		"next in, ten rivals":       {full, 1, ChanceGood},
		"the last for whom it does": {full, 23, ChanceGood},
		"one behind":                {full, 24, ChanceLow},
		"just as many as they want": {&Odds{Free: 4, Each: 2, Most: 4}, 1, ChanceGood},
		"one fewer":                 {&Odds{Free: 3, Each: 2, Most: 4}, 1, ChanceLow},
		"nobody ahead buys":         {&Odds{Free: 4, Rivals: 1000, Each: 0, Most: 4}, 1000, ChanceGood},
		"held seats may come back":  {&Odds{Held: 1, Each: 2, Most: 4}, 1, ChanceLow},
		"everything is sold":        {&Odds{Each: 2, Most: 4}, 1, ChanceNone},
		"nobody knows":              {nil, 1, ""},
	} {
		equal(t, test.odds.Chance(test.position), test.want, name)
	}

	odds := func(stock Stock, totals Totals, holding int64) Odds {
		return *newOdds(&view{stock: &stock, totals: totals, holding: holding, served: -1})
	}
	equal(t, odds(Stock{Free: 50, Most: 4}, Totals{Admitted: 9, Active: 9}, 3),
		Odds{Free: 50, Rivals: 6, Each: 4, Most: 4}, "before the first sale everybody takes all they may")
	equal(t, odds(Stock{Free: 50, Held: 2, Sold: 190, Most: 4}, Totals{Admitted: 305, Active: 110, Finished: 95}, 10),
		Odds{Free: 50, Held: 2, Rivals: 100, Each: 1.05, Most: 4}, "200 + 10 seats of 95 + 5 buyers, of 195 + 5 who have gone")
	busy := &view{stock: &Stock{Free: 50, Most: 4}, totals: Totals{Active: 7}, holding: 2, served: 30, rules: Rules{MaxActive: 20}}
	busy.line.total = 1000
	equal(t, newOdds(busy).Rivals, 5+10, "half a room comes in before somebody has chosen")
	busy.served = 8
	equal(t, newOdds(busy).Rivals, 5+4, "of as many as may be in")
	busy.line.total = 6
	equal(t, newOdds(busy).Rivals, 5+3, "and as are there")
	equal(t, odds(Stock{Free: 50, Sold: 5000, Most: 4}, Totals{}, 0),
		Odds{Free: 50, Each: 4, Most: 4}, "what was sold before the queue was reset says nothing of this crowd")
}
