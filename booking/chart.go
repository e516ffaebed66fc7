package booking

import (
	"math/rand/v2"
	"sync"
)

// chart is one gateway's picture of the free seats of a show, from which it
// chooses for those who ask for the best: the last look at the door, and what has
// been learnt since. Seats that it has offered to somebody it offers to nobody
// else until it knows what came of that, so that a crowd at one gateway never runs
// for the same two seats; gateways among each other are kept apart by chance.
type chart struct {
	mu      sync.Mutex
	seating *seating
	view    *view
	letters []byte // as of view, with those struck off that are
	// struck are the seats that are not free although the view may say so, with
	// the version of the door from which on a view knows; underWay for an offer.
	struck map[int]int64
	// offers keeps for each size and bench the best place that is free there.
	// A look changes few benches, so that choosing in 50,000 seats takes 3 µs.
	offers map[int][]offer
}

const underWay = -1

// bestSlack is how much worse than the best, in half seats, a place may be that is
// still as good: a row.
const bestSlack = rowWeight

// offer is a place on a bench. The one that leaves no orphan, a single free seat
// between taken ones or the bench's end, is better than all that do.
type offer struct {
	known, free bool
	orphans     bool
	cost, at    int32
}

func (o offer) better(than offer) bool {
	if o.orphans != than.orphans {
		return !o.orphans
	}
	return o.cost < than.cost
}

// like tells whether a place is about as good as the best: within the slack, in
// half seats, and no worse for its neighbours.
func (o offer) like(best offer, slack int) bool {
	return o.free && o.orphans == best.orphans && int(o.cost-best.cost) <= slack
}

func newChart(s *seating) *chart {
	return &chart{seating: s, letters: make([]byte, len(s.benchOf)), struck: map[int]int64{}, offers: map[int][]offer{}}
}

// learn takes a look in, if it is another one than the last; it must be at this seating.
func (c *chart) learn(v *view) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.view == v {
		return
	}
	another := c.view == nil || c.view.incarnation != v.incarnation
	for ordinal, version := range c.struck {
		if version != underWay && (another || version <= v.Version) {
			delete(c.struck, ordinal)
		}
	}
	c.view = v
	for i, b := range c.seating.benches {
		now := v.States.States[b.first : b.first+b.n]
		if string(c.letters[b.first:b.first+b.n]) != now {
			copy(c.letters[b.first:], now)
			c.spoil(i)
		}
	}
	for ordinal := range c.struck {
		c.set(ordinal, letterHeld)
	}
}

func (c *chart) set(ordinal int, letter byte) {
	if c.letters[ordinal] != letter {
		c.letters[ordinal] = letter
		c.spoil(int(c.seating.benchOf[ordinal]))
	}
}

// spoil forgets what was known of a bench.
func (c *chart) spoil(bench int) {
	for _, offers := range c.offers {
		offers[bench].known = false
	}
}

// choose offers n seats to somebody: beside each other if there are any such, else
// in groups or at last one by one, as near to each other as there are. section is
// where, or any; own are seats that whoever asks has, which are free to them. It
// tells nil when there are not enough. What is chosen is off the chart until
// settle is told what came of it. Places within the slack of the best (half seats)
// have equal chances.
func (c *chart) choose(n int, section *int, own []int, slack int) []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range own {
		c.set(o, letterFree)
	}
	chosen := c.find(n, section, slack)
	for _, o := range own {
		c.set(o, letterHeld)
	}
	for _, o := range chosen {
		if _, mine := c.struck[o]; !mine && c.letters[o] == letterFree {
			c.struck[o] = underWay
			c.set(o, letterHeld)
		}
	}
	return chosen
}

// settle says what came of an offer: those seats that have an owner now, by the
// time of a version of the door, stay off the chart until a look has seen it.
func (c *chart) settle(offered []int, gone func(ordinal int) bool, version int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range offered {
		if c.struck[o] != underWay {
			continue // it was of those who asked
		}
		if gone(o) {
			c.struck[o] = version
			continue
		}
		delete(c.struck, o)
		c.set(o, c.view.States.States[o])
	}
}

// unsold counts the seats that are not sold, as the last look saw them.
func (c *chart) unsold(section *int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	states := c.view.States
	if section != nil {
		in := c.seating.sections[*section]
		states.States = states.States[in.first : in.first+in.n]
	}
	free, held, _ := states.Count()
	return free + held
}

func (c *chart) find(n int, section *int, slack int) []int {
	tiers := c.seating.tiers
	if section != nil {
		tiers = []tier{{sections: []int{*section}, benches: c.seating.inside[*section]}}
	}
	for _, t := range tiers {
		if at, ok := c.together(t.benches, n, slack); ok {
			return ordinals(at, n)
		}
	}
	return c.apart(tiers, n, slack)
}

func ordinals(at, n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = at + i
	}
	return list
}

// together finds n seats beside each other on one of the benches.
func (c *chart) together(benches []int32, n, slack int) (at int, ok bool) {
	offers, known := c.offers[n]
	if !known {
		offers = make([]offer, len(c.seating.benches))
		c.offers[n] = offers
	}
	var best offer
	for _, b := range benches {
		if !offers[b].known {
			offers[b] = c.bestOn(int(b), n)
		}
		if o := offers[b]; o.free && (!best.free || o.better(best)) {
			best = o
		}
	}
	if !best.free {
		return 0, false
	}
	// A bench by chance, and then a place on it by chance.
	var bench int32
	alike := 0
	for _, b := range benches {
		if offers[b].like(best, slack) {
			if alike++; rand.IntN(alike) == 0 {
				bench = b
			}
		}
	}
	alike = 0
	c.places(int(bench), n, func(o offer) {
		if o.like(best, slack) {
			if alike++; rand.IntN(alike) == 0 {
				at = int(o.at)
			}
		}
	})
	return at, true
}

func (c *chart) bestOn(bench, n int) offer {
	best := offer{known: true}
	c.places(bench, n, func(o offer) {
		if !best.free || o.better(best) {
			best = o
		}
	})
	return best
}

// places calls f for every place of n free seats on a bench.
func (c *chart) places(bench, n int, f func(offer)) {
	b := c.seating.benches[bench]
	c.runs(b, func(r span) {
		for i := 0; i+n <= r.n; i++ {
			left, right := i, r.n-i-n
			f(offer{
				known: true, free: true, orphans: left == 1 || right == 1,
				at: int32(r.first + i), cost: int32(b.cost(r.first+i, n)),
			})
		}
	})
}

// runs calls f for every stretch of free seats on a bench.
func (c *chart) runs(b bench, f func(span)) {
	r := span{first: b.first}
	for o := b.first; o < b.first+b.n; o++ {
		if c.letters[o] == letterFree {
			r.n++
			continue
		}
		if r.n > 0 {
			f(r)
		}
		r = span{first: o + 1}
	}
	if r.n > 0 {
		f(r)
	}
}
