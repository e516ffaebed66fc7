package booking

import (
	"math"
	"slices"
)

// aisleFrom is how many times the row's usual distance between two seats makes
// an aisle of the gap: nobody calls seats neighbours between which people walk.
const aisleFrom = 1.8

// rowWeight is what a row further back costs, in half seats: as much as three
// seats to the side.
const rowWeight = 6

// seating is what of a layout matters to those who choose seats: who sits beside
// whom, and how good it is there. The layout says nothing of the stage, but
// sections, rows and seats come in an order, and seats have a price. So of two
// sections the dearer one is better, and of the same price they are alike; the
// first row of a section is its front, and the middle of a row is best. Where people
// stand, the lowest numbers go in first.
type seating struct {
	benches  []bench
	benchOf  []int32 // by ordinal
	sections []span  // the ordinals of each section
	byName   map[string]int
	inside   [][]int32 // the benches of each section
	tiers    []tier    // the dearest first
}

// tier is the sections of one price, and their benches.
type tier struct {
	sections []int
	benches  []int32
}

// span is the ordinals from first on, so many.
type span struct{ first, n int }

// bench is seats of one row that stand beside each other, with no aisle between.
type bench struct {
	span
	front  int // what its row costs, in half seats
	middle int // twice the middle of its row, in ordinals
}

// cost is how much worse than the best a place is that begins at an ordinal and is n
// seats wide: what its row costs, and its distance from the row's middle, in half seats.
func (b bench) cost(at, n int) int { return b.front + abs(b.aside(at, n)) }

// aside is how far to the right of the row's middle the place is, in half seats.
func (b bench) aside(at, n int) int { return 2*at + n - 1 - b.middle }

func abs(n int) int { return max(n, -n) }

func newSeating(sections []Section) *seating {
	s := &seating{byName: map[string]int{}}
	at := 0
	for i, section := range sections {
		s.byName[section.Section] = i
		from, firstBench := at, len(s.benches)
		if section.Standing > 0 {
			at = s.stand(at, section.Standing)
		} else {
			for j, row := range section.Rows {
				for _, n := range benchesOf(row.Seats) {
					s.benches = append(s.benches, bench{span: span{at, n}, front: j * rowWeight})
					at += n
				}
				s.middles(at, len(row.Seats))
			}
		}
		s.sections = append(s.sections, span{from, at - from})
		var inside []int32
		for b := firstBench; b < len(s.benches); b++ {
			inside = append(inside, int32(b))
			s.benchOf = append(s.benchOf, slices.Repeat([]int32{int32(b)}, s.benches[b].n)...)
		}
		s.inside = append(s.inside, inside)
	}
	s.rank(sections)
	return s
}

// stand makes benches of the n places from an ordinal on where people stand: the lower the
// number, the better. It returns the ordinal behind them.
func (s *seating) stand(at, n int) int {
	for front := 0; n > 0; front += rowWeight {
		abreast := min(n, placesAbreast)
		s.benches = append(s.benches, bench{span: span{at, abreast}, front: front, middle: 2*at + abreast - 1})
		at, n = at+abreast, n-abreast
	}
	return at
}

// middles tells the benches of the row of n seats that ends before an ordinal
// where the row's middle is.
func (s *seating) middles(end, n int) {
	for i := len(s.benches) - 1; i >= 0 && s.benches[i].first >= end-n; i-- {
		s.benches[i].middle = 2*end - n - 1
	}
}

func (s *seating) rank(sections []Section) {
	order := make([]int, len(sections))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(sections[b].Price - sections[a].Price) })
	for i, section := range order {
		if i == 0 || sections[section].Price != sections[order[i-1]].Price {
			s.tiers = append(s.tiers, tier{})
		}
		t := &s.tiers[len(s.tiers)-1]
		t.sections = append(t.sections, section)
		t.benches = append(t.benches, s.inside[section]...)
	}
}

// benchesOf tells how many seats of a row stand together, from its start.
func benchesOf(seats []Seat) []int {
	gaps := make([]float64, 0, len(seats))
	for i := 1; i < len(seats); i++ {
		gaps = append(gaps, math.Hypot(seats[i].X-seats[i-1].X, seats[i].Y-seats[i-1].Y))
	}
	usual := 0.0
	if len(gaps) > 0 {
		usual = slices.Sorted(slices.Values(gaps))[(len(gaps)-1)/2]
	}
	sizes := []int{1}
	for _, gap := range gaps {
		if usual > 0 && gap > aisleFrom*usual {
			sizes = append(sizes, 0)
		}
		sizes[len(sizes)-1]++
	}
	return sizes
}
