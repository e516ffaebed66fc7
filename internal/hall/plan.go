package hall

import (
	"fmt"
	"math"
	"slices"
)

// Measures of the plan in decimetres, as building codes and chair makers have
// them: what a seat, a row, an aisle takes.
const (
	seatPitch = 5.5
	floorRow  = 9.0 // between the rows of loose chairs on the floor
	bowlRow   = 8.5 // between the steps of a bowl, seen from above
	aisle     = 18.0
	crossway  = 25.0 // between a block and the next one behind it
	pit       = 40.0 // between stage and first row
	moat      = 40.0 // between floor and lower bowl
	concourse = 60.0 // between the bowls
	margin    = 10.0 // around the whole plan
)

// sweep is the angle that the bowls open around the floor, in radians; the rest
// is behind the stage, where nobody sees anything.
const sweep = 250 * math.Pi / 180

// narrowest is the least that a section of a bowl holds in its first row.
const narrowest = 6

// place is a point of the plan, in decimetres from the middle of the floor, y
// away from the stage.
type place struct{ x, y float64 }

// floor is the flat part before the stage: a grid of blocks of straight rows.
type floor struct {
	seats, block int
}

// grid returns how many blocks stand side by side and behind one another, and
// how many seats wide and rows deep the largest is. Together they are about as
// deep as wide, since the bowls are round. Columns are odd in number from three
// on, so that somebody sits in the middle.
func (f floor) grid() (columns, lines, wide, deep int) {
	blocks := max(1, (f.seats+f.block/2)/f.block)
	columns = int(math.Ceil(math.Sqrt(0.8 * float64(blocks))))
	if columns > 1 {
		columns |= 1
	}
	columns = min(columns, blocks)
	lines = (blocks + columns - 1) / columns
	largest := (f.seats + columns*lines - 1) / (columns * lines)
	wide = int(math.Ceil(math.Sqrt(1.4 * float64(largest))))
	deep = (largest + wide - 1) / wide
	return columns, lines, wide, deep
}

// size returns how wide and deep the whole grid is.
func (f floor) size() (width, depth float64) {
	columns, lines, wide, deep := f.grid()
	width = float64(columns)*(float64(wide)*seatPitch+aisle) - aisle
	depth = float64(lines)*(float64(deep)*floorRow+crossway) - crossway
	return width, depth
}

// stageEdge is the y of the edge of the stage.
func (f floor) stageEdge() float64 {
	_, depth := f.size()
	return -depth/2 - pit
}

// sections returns the blocks, A the front left one, and the radius around the
// floor's middle within which they all lie.
func (f floor) sections() (sections []Section, reach float64) {
	columns, lines, wide, deep := f.grid()
	width, depth := f.size()
	for i, n := range even(f.seats, columns*lines) {
		if n == 0 {
			continue
		}
		left := -width/2 + float64(i%columns)*(float64(wide)*seatPitch+aisle)
		front := -depth/2 + float64(i/columns)*(float64(deep)*floorRow+crossway)
		id := letters(i)
		sections = append(sections, sectionOf(id, "Floor "+id, straightRows(n, wide, left, front)))
	}
	return sections, math.Hypot(width/2, depth/2)
}

// straightRows places n seats in as many rows as it takes at wide seats each,
// all of a length but for one seat.
func straightRows(n, wide int, left, front float64) [][]place {
	sizes := even(n, (n+wide-1)/wide)
	rows := make([][]place, len(sizes))
	for i, count := range sizes {
		x := left + float64(wide-count)*seatPitch/2
		rows[i] = make([]place, count)
		for j := range rows[i] {
			rows[i][j] = place{x + float64(j)*seatPitch, front + float64(i)*floorRow}
		}
	}
	return rows
}

// bowl is a ring of sections with rows on arcs around the floor's middle.
type bowl struct {
	seats, block int
	inner        float64 // radius of the first row
	first        int     // number of the first section
	name         string
}

// sections returns the sections from left to right as seen from the stage's
// opposite, and the radius of the last row.
func (b bowl) sections() (sections []Section, outer float64) {
	outer = b.inner
	if b.seats == 0 {
		return nil, outer
	}
	fit := int(b.inner * sweep / (aisle + narrowest*seatPitch))
	count := max(1, min((b.seats+b.block/2)/b.block, fit))
	angle := sweep / float64(count)
	for i, n := range even(b.seats, count) {
		if n == 0 {
			continue
		}
		middle := sweep/2 - (float64(i)+0.5)*angle
		rows := arcRows(n, b.inner, middle, angle)
		outer = max(outer, b.inner+float64(len(rows)-1)*bowlRow)
		id := fmt.Sprint(b.first + i)
		sections = append(sections, sectionOf(id, b.name+" "+id, rows))
	}
	return sections, outer
}

// arcRows places n seats on arcs of the given angle around middle, 0 being
// opposite the stage. Each row has room for more than the one before; all are
// filled to the same part, so that none is left with a single seat.
func arcRows(n int, inner, middle, angle float64) [][]place {
	room := []int{0} // in the rows before the i-th
	for room[len(room)-1] < n {
		radius := inner + float64(len(room)-1)*bowlRow
		room = append(room, room[len(room)-1]+int((radius*angle-aisle)/seatPitch))
	}
	all := room[len(room)-1]
	rows := make([][]place, len(room)-1)
	for i := range rows {
		radius := inner + float64(i)*bowlRow
		rows[i] = arc(n*room[i+1]/all-n*room[i]/all, radius, middle)
	}
	return slices.DeleteFunc(rows, func(row []place) bool { return len(row) == 0 })
}

// arc places seats on one arc around middle, from left to right.
func arc(seats int, radius, middle float64) []place {
	step := seatPitch / radius
	from := middle + step*float64(seats-1)/2
	row := make([]place, seats)
	for i := range row {
		sin, cos := math.Sincos(from - step*float64(i))
		row[i] = place{-radius * sin, radius * cos}
	}
	return row
}

// letters names blocks A to Z, then AA, AB and so on.
func letters(i int) string {
	name := string(rune('A' + i%26))
	for i = i/26 - 1; i >= 0; i = i/26 - 1 {
		name = string(rune('A'+i%26)) + name
	}
	return name
}
