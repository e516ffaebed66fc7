package booking

import (
	"math"
	"math/rand/v2"
	"slices"
)

// How far is looked for seats near each other when no bench has enough of them: from
// the best few stretches of a section, each with its neighbours in the layout's
// order. It bounds the work in a section of 50,000 single seats.
const (
	mostAnchors = 12
	reach       = 32
)

// groupWeight is what one group more costs, in half seats: more than any distance
// between those that reach looks at in a section that people sit in together.
const groupWeight = 100_000

// apart finds n seats that cannot be beside each other: groups of two and more in
// one section if there are such, else whatever is nearest to each other there, else
// seats of several sections. The first section that has them is taken.
func (c *chart) apart(tiers []tier, n, slack int) []int {
	for _, least := range []int{2, 1} {
		if n < 2*least {
			continue
		}
		for _, t := range tiers {
			for _, section := range t.sections {
				if seats := c.gather(section, n, least, slack); seats != nil {
					return seats
				}
			}
		}
	}
	return c.strewn(tiers, n)
}

// strewn takes whatever is free, section by section.
func (c *chart) strewn(tiers []tier, n int) []int {
	var seats []int
	for _, t := range tiers {
		for _, b := range t.benches {
			bench := c.seating.benches[b]
			for o := bench.first; o < bench.first+bench.n; o++ {
				if c.letters[o] != letterFree {
					continue
				}
				if seats = append(seats, o); len(seats) == n {
					return seats
				}
			}
		}
	}
	return nil
}

// stretch is free seats beside each other, and where they are, in half seats.
type stretch struct {
	span
	front, aside int
}

func (s stretch) cost() int { return s.front + abs(s.aside) }

func (s stretch) distance(to stretch) int {
	return abs(s.front-to.front) + abs(s.aside-to.aside)
}

// gather puts n seats of a section together from stretches, of each at least so
// many, in as few groups and as near to each other as it finds. It tells nil if
// there are not so many.
func (c *chart) gather(section, n, least, slack int) []int {
	var free []stretch
	total := 0
	for _, b := range c.seating.inside[section] {
		bench := c.seating.benches[b]
		c.runs(bench, func(r span) {
			if r.n >= least {
				free = append(free, stretch{r, bench.front, bench.aside(r.first, r.n)})
				total += r.n
			}
		})
	}
	if total < n {
		return nil
	}
	type found struct {
		seats []int
		cost  int
	}
	var all []found
	best := math.MaxInt
	for _, a := range anchors(free) {
		if seats, cost := around(free, a, n, least); seats != nil {
			all = append(all, found{seats, cost})
			best = min(best, cost)
		}
	}
	all = slices.DeleteFunc(all, func(f found) bool { return f.cost > best+slack })
	if len(all) == 0 {
		return nil
	}
	return all[rand.IntN(len(all))].seats
}

// anchors are the few best stretches.
func anchors(free []stretch) []int {
	var best []int
	for i, s := range free {
		at, _ := slices.BinarySearchFunc(best, s.cost()+1, func(j, cost int) int { return free[j].cost() - cost })
		if at < mostAnchors {
			best = slices.Insert(best, at, i)
			best = best[:min(len(best), mostAnchors)]
		}
	}
	return best
}

// around takes n seats from the anchor and the stretches nearest to it, and tells
// what that costs; nil if it cannot be.
func around(free []stretch, anchor, n, least int) (seats []int, cost int) {
	center := free[anchor]
	near := slices.Clone(free[max(0, anchor-reach):min(len(free), anchor+reach+1)])
	slices.SortStableFunc(near, func(a, b stretch) int { return a.distance(center) - b.distance(center) })
	cost = center.cost()
	for _, s := range near {
		need := n - len(seats)
		take := min(s.n, need)
		if rest := need - take; rest > 0 && rest < least {
			take -= least - rest // so that the last group is one
		}
		if take < least {
			continue
		}
		at := s.first
		if s.aside < center.aside {
			at += s.n - take // the end that is nearer
		}
		seats = append(seats, ordinals(at, take)...)
		cost += groupWeight + s.distance(center)
		if len(seats) == n {
			slices.Sort(seats)
			return seats, cost
		}
	}
	return nil, 0
}
