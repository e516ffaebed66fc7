// Package hall makes the seating of an arena of any size: floor blocks before
// the stage, and two bowls around them. It stands in for the plan of a real
// house, so that demos, tests and load run on seats that look like seats.
//
// Its types are plain data in the shape of the contract's layout and of the show
// file, and depend on nothing else of this project.
package hall

import (
	"fmt"
	"strconv"
)

// MaxSeats is the largest hall that Arena makes, a stadium.
const MaxSeats = 100_000

// Section is one block of seats with one price, in the currency's minor unit.
type Section struct {
	Section string `json:"section"`
	Name    string `json:"name"`
	Price   int64  `json:"price"`
	Rows    []Row  `json:"rows"`
}

// Row is one row of a section, counted from the stage. Its seats go from left to
// right as the people on them see it, who look towards the stage.
type Row struct {
	Row   string `json:"row"`
	Seats []Seat `json:"seats"`
}

// Seat is one seat. Its id is unique in the hall, and it lies X to the right and
// Y down from the hall's upper left corner, in decimetres with one decimal. The
// stage is at the top.
type Seat struct {
	Seat   string  `json:"seat"`
	Number string  `json:"number"`
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
}

// Arena returns the sections of a hall of exactly that many seats, 1 to MaxSeats,
// the same for the same number. Nobody sits closer to another than half a metre,
// and the best price is before the stage.
func Arena(seats int) ([]Section, error) {
	if seats < 1 || seats > MaxSeats {
		return nil, fmt.Errorf("a hall of %d seats: want 1 to %d", seats, MaxSeats)
	}
	floorSeats, lowerSeats, upperSeats := shares(seats)
	block := blockSize(seats)

	f := floor{seats: floorSeats, block: block}
	sections, reach := f.sections()

	lower := bowl{seats: lowerSeats, block: block, inner: reach + moat, first: 101, name: "Lower bowl"}
	lowerSections, outer := lower.sections()

	upper := bowl{seats: upperSeats, block: block, inner: outer + concourse, first: 201, name: "Upper bowl"}
	upperSections, _ := upper.sections()

	sections = append(append(sections, lowerSections...), upperSections...)
	setPrices(sections, place{0, f.stageEdge()})
	return finish(sections), nil
}

// shares divides the seats between floor, lower and upper bowl as arenas do when
// the stage is at one end. A small house has no upper bowl.
func shares(seats int) (floor, lower, upper int) {
	if seats < 1500 {
		floor = (seats + 1) / 2
		return floor, seats - floor, 0
	}
	floor = seats * 22 / 100
	lower = seats * 38 / 100
	return floor, lower, seats - floor - lower
}

// blockSize is how many seats a section has, about: the 40th part of the house,
// within what people call one block.
func blockSize(seats int) int {
	return min(max(seats/40, 60), 320)
}

// even divides n into parts that differ by one at most, the larger ones first.
func even(n, parts int) []int {
	sizes := make([]int, parts)
	for i := range sizes {
		sizes[i] = n / parts
		if i < n%parts {
			sizes[i]++
		}
	}
	return sizes
}

// sectionOf makes a section of rows of places; ids and prices are set later.
func sectionOf(id, name string, rows [][]place) Section {
	s := Section{Section: id, Name: name, Rows: make([]Row, len(rows))}
	for i, places := range rows {
		s.Rows[i].Row = strconv.Itoa(i + 1)
		s.Rows[i].Seats = make([]Seat, len(places))
		for j, p := range places {
			number := strconv.Itoa(j + 1)
			s.Rows[i].Seats[j] = Seat{
				Seat:   id + "-" + s.Rows[i].Row + "-" + number,
				Number: number, X: p.x, Y: p.y,
			}
		}
	}
	return s
}
