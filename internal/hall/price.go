package hall

import (
	"math"
	"sort"
)

// prices in KRW, best first, and which part of the seats is sold up to each.
var prices = []struct {
	price int64
	upTo  float64
}{
	{198_000, 0.10}, {176_000, 0.30}, {154_000, 0.55}, {132_000, 0.80}, {99_000, 1},
}

// alike is how much further than another a section may lie, in decimetres, to
// cost the same: left and right mirror each other, but for a seat or two.
const alike = 10.0

// setPrices prices the sections by how far their middle is from the stage.
func setPrices(sections []Section, stage place) {
	order := make([]int, len(sections))
	distance := make([]float64, len(sections))
	total := 0
	for i, s := range sections {
		order[i] = i
		middle, n := middleOf(s)
		distance[i] = math.Hypot(middle.x-stage.x, middle.y-stage.y)
		total += n
	}
	sort.SliceStable(order, func(a, b int) bool { return distance[order[a]] < distance[order[b]] })
	before := 0
	for len(order) > 0 {
		group, seats := 0, 0
		for group < len(order) && distance[order[group]] < distance[order[0]]+alike {
			_, n := middleOf(sections[order[group]])
			group, seats = group+1, seats+n
		}
		price := priceAt((float64(before) + float64(seats)/2) / float64(total))
		for _, i := range order[:group] {
			sections[i].Price = price
		}
		before, order = before+seats, order[group:]
	}
}

// priceAt returns the price of the seats before which that part of all is better.
func priceAt(part float64) int64 {
	for _, p := range prices {
		if part <= p.upTo {
			return p.price
		}
	}
	return prices[len(prices)-1].price
}

func middleOf(s Section) (middle place, seats int) {
	for _, r := range s.Rows {
		for _, seat := range r.Seats {
			middle.x += seat.X
			middle.y += seat.Y
		}
		seats += len(r.Seats)
	}
	return place{middle.x / float64(seats), middle.y / float64(seats)}, seats
}

// finish moves the plan so that its upper left corner is the origin and rounds
// to one decimal, a centimetre.
func finish(sections []Section) []Section {
	left, top := math.Inf(1), math.Inf(1)
	each(sections, func(s *Seat) { left, top = min(left, s.X), min(top, s.Y) })
	each(sections, func(s *Seat) {
		s.X = math.Round((s.X-left+margin)*10) / 10
		s.Y = math.Round((s.Y-top+margin)*10) / 10
	})
	return sections
}

func each(sections []Section, f func(*Seat)) {
	for _, section := range sections {
		for _, row := range section.Rows {
			for i := range row.Seats {
				f(&row.Seats[i])
			}
		}
	}
}
