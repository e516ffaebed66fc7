package queue

import (
	"math"
	"math/bits"
	"time"
)

// Board is what every visitor needs to work out their own position and wait without a
// personal request: the same for all, so that a CDN can carry it.
type Board struct {
	Show     string
	Phase    Phase
	Paused   bool
	Message  string
	Head     int64     // numbers up to here were called
	Tail     int64     // the last number handed out
	Waiting  int64     // people who keep a place in line
	Present  int64     // of those, there
	Rate     float64   // let in per second of late; 0 when not known
	Forecast *Forecast // nil while nobody is let in
	Odds     *Odds     // nil while not known
	// Line is how positions grow with numbers: knots of straight lines, from the head on.
	Line []Knot
	AsOf time.Time // by Redis's clock
	of   *view
}

// Knot is a point of the line: whoever has the number is at the position.
type Knot struct{ Number, Position int64 }

// Board gives the board as of the view. It is worked out once a view, and only if
// somebody asks. May return an UnavailableError.
func (r *Room) Board() (*Board, error) {
	v, err := r.fresh()
	if err != nil {
		return nil, err
	}
	if b := r.board.Load(); b != nil && b.of == v {
		return b, nil
	}
	b := &Board{
		Show: r.show, Phase: v.phase, Paused: v.rules.Paused, Message: v.message, Head: v.head, Tail: v.issued,
		Waiting: v.waiting, Present: v.present(), Rate: r.pace.rate(), Line: v.line.knots(v.ahead()),
		AsOf: timeOf(v.asOf), of: v,
	}
	if v.phase == Open {
		b.Odds = v.odds
	}
	if v.phase == Open && !v.isRecovering() {
		b.Forecast = r.pace.forecast.Load()
	}
	r.board.Store(b)
	return b, nil
}

// BoardEvery is how often somebody who waits far back looks at the board.
const BoardEvery = 5 * time.Second

// How far a position on the board may be from the exact one: a little less than half a
// percent, or five places, so that rounding fits in.
const (
	boardShare  = 0.004
	boardPlaces = 4
)

// knots draws the line's positions as few straight lines, none of which is further
// than allowed from the position of anybody present. It goes along the line once, and keeps
// the cone of slopes that serve everybody since the last knot (the swing filter of Elmeleegy
// et al., 2009). A million numbers take some milliseconds.
func (l *line) knots(returned int64) []Knot {
	from := Knot{l.head, returned}
	knots := []Knot{from}
	last, position := from, returned
	low, high := math.Inf(-1), math.Inf(1)
	// end puts a knot where the last one present stands, as near as the cone allows.
	end := func() {
		exact := float64(last.Position-from.Position) / float64(last.Number-from.Number)
		slope := math.Min(math.Max(exact, low), high)
		from = Knot{last.Number, from.Position + int64(math.Round(slope*float64(last.Number-from.Number)))}
		knots = append(knots, from)
		low, high = math.Inf(-1), math.Inf(1)
	}
	for i, word := range l.words {
		for word != 0 {
			place := bits.LeadingZeros64(word)
			word &^= 1 << (63 - place)
			number := l.first + int64(i)*64 + int64(place)
			position++
			far := float64(number - from.Number)
			off := math.Max(boardPlaces, boardShare*float64(position))
			least, most := (float64(position-from.Position)-off)/far, (float64(position-from.Position)+off)/far
			if math.Max(low, least) > math.Min(high, most) {
				end()
				far = float64(number - from.Number)
				least, most = (float64(position-from.Position)-off)/far, (float64(position-from.Position)+off)/far
			}
			low, high = math.Max(low, least), math.Min(high, most)
			last = Knot{number, position}
		}
	}
	if last != knots[0] {
		end()
	}
	return knots
}
