package booking

import (
	"math"
	"strconv"
)

// placesAbreast is how many places of a standing section are taken for neighbours: nobody
// stands beside anybody, but whoever comes together should go in together.
const placesAbreast = 10

// Area is where a standing section is on the plan.
type Area struct {
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

// places are the places of a standing section: numbers from 1 on, spread over its area line by
// line. A place is a seat to everything else: it has one owner at most, by the same guards, and
// so a crowd for 500 places is a crowd for 500 seats, and no counter has to be believed.
func (s Section) places() []Row {
	area := *s.Area
	lines := max(1, int(math.Round(math.Sqrt(float64(s.Standing)*area.Height/area.Width))))
	abreast := (s.Standing + lines - 1) / lines
	lines = (s.Standing + abreast - 1) / abreast
	rows := make([]Row, lines)
	for i := range s.Standing {
		number, row := strconv.Itoa(i+1), &rows[i/abreast]
		row.Row = "standing-" + strconv.Itoa(i/abreast+1)
		row.Seats = append(row.Seats, Seat{
			Seat: s.Section + "-" + number, Number: number,
			X: hundredths(area.X + area.Width*(float64(i%abreast)+0.5)/float64(abreast)),
			Y: hundredths(area.Y + area.Height*(float64(i/abreast)+0.5)/float64(lines)),
		})
	}
	return rows
}

func hundredths(v float64) float64 { return math.Round(v*100) / 100 }

// isToExpand tells whether the section says how many stand there, and not yet where.
func (s Section) isToExpand() bool {
	return s.Standing > 0 && s.Standing <= maxSeatsOfShow && len(s.Rows) == 0 && s.Area != nil && s.Area.fits()
}

func (a Area) fits() bool {
	return a.Width >= 1 && a.Height >= 1 && onPlan(a.X) && onPlan(a.Y) && onPlan(a.X+a.Width) && onPlan(a.Y+a.Height)
}

// standing judges a section in which people stand.
func (f *faults) standing(at string, s Section) {
	f.within(at+".standing", s.Standing, 0, maxSeatsOfShow)
	places := 0
	for _, row := range s.Rows {
		places += len(row.Seats)
	}
	switch {
	case s.Standing == 0:
		f.unless(s.Area == nil, at+".area", "is that of a standing section")
		f.unless(len(s.Rows) > 0, at+".rows", "must not be empty")
	case len(s.Rows) > 0:
		f.unless(s.Area == nil && places == s.Standing, at+".rows", "must not be there where people stand")
	default:
		f.unless(s.Area != nil, at+".area", "must say where people stand")
		f.unless(s.Area == nil || s.Area.fits(), at+".area", "must be 1 wide and high at least, and within ±%d", maxCoordinate)
	}
}
