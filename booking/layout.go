package booking

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"golang.org/x/sync/singleflight"
	"gorm.io/gorm"
)

// The states of a seat in the database.
const (
	seatFree = "free"
	seatHeld = "held"
	seatSold = "sold"
)

type sectionRow struct {
	ShowID  string `gorm:"primaryKey"`
	Section string `gorm:"primaryKey"`
	Name    string
	Price   int64
	Ordinal int

	Standing int
}

func (sectionRow) TableName() string { return "sections" }

type seatRow struct {
	ShowID  string `gorm:"primaryKey"`
	Seat    string `gorm:"primaryKey"`
	Ordinal int
	Section string
	RowName string
	Number  string
	X       float64
	Y       float64

	LayoutVersion int
	State         string
	Fence         int64
	HoldID        string
	HoldUntil     int64
	OrderID       string
	Kept          string
}

func (seatRow) TableName() string { return "seats" }

// Layout is the plan of a show's seats. It never changes: a show whose seats
// change has another layout, with the next version. A seat's ordinal is its
// place in the plan, from 0, and in the string of states.
type Layout struct {
	Version  int       `json:"layout_version"`
	Currency string    `json:"currency"`
	Sections []Section `json:"sections"`

	// JSON is the layout as it is served.
	JSON []byte `json:"-"`

	seats    []string
	prices   []int64
	ordinals map[string]int
	seating  *seating
}

// Len is the number of seats.
func (l *Layout) Len() int { return len(l.seats) }

// Seat is the id of the seat at an ordinal.
func (l *Layout) Seat(ordinal int) string { return l.seats[ordinal] }

// Ordinal finds a seat's place in the plan.
func (l *Layout) Ordinal(seat string) (ordinal int, ok bool) {
	ordinal, ok = l.ordinals[seat]
	return ordinal, ok
}

// Where says where a seat is, as people look for it: section, row and number.
func (l *Layout) Where(id string) (section Section, row, number string, ok bool) {
	for _, section := range l.Sections {
		for _, row := range section.Rows {
			for _, seat := range row.Seats {
				if seat.Seat == id {
					return section, row.Row, seat.Number, true
				}
			}
		}
	}
	return Section{}, "", "", false
}

// sectionOf finds the place of a section in the plan; nil for none, and for one
// that it does not have.
func (l *Layout) sectionOf(name *string) *int {
	if name == nil {
		return nil
	}
	i, ok := l.seating.byName[*name]
	if !ok {
		return nil
	}
	return &i
}

// ordinalsOf finds the places of seats, leaving out those that it does not have.
func (l *Layout) ordinalsOf(seats []string) []int {
	ordinals := make([]int, 0, len(seats))
	for _, seat := range seats {
		if o, ok := l.ordinals[seat]; ok {
			ordinals = append(ordinals, o)
		}
	}
	return ordinals
}

// Price is the price of the seat at an ordinal, in the currency's minor unit.
func (l *Layout) Price(ordinal int) int64 { return l.prices[ordinal] }

// layouts keeps the last layout of each show.
type layouts struct {
	byShow  sync.Map // show → *cachedLayout
	loading singleflight.Group
}

type cachedLayout struct {
	show   Show
	layout *Layout
}

// Layout is the plan of the show in the version that the Show names, read from
// the database once and kept. It may return ErrShowNotFound,
// or ErrUnavailable if the show has another version meanwhile.
func (s *Store) Layout(ctx context.Context, show Show) (*Layout, error) {
	if c, ok := s.layouts.byShow.Load(show.ID); ok && c.(*cachedLayout).show.plan() == show.plan() {
		return c.(*cachedLayout).layout, nil
	}
	l, err, _ := s.layouts.loading.Do(show.ID+" "+show.plan(), func() (any, error) {
		// Others wait for the same answer: it must not die with the first asker.
		ctx, cancel := detached(ctx)
		defer cancel()
		l, err := s.readLayout(ctx, show)
		if err == nil {
			s.layouts.byShow.Store(show.ID, &cachedLayout{show: show, layout: l})
		}
		return l, err
	})
	if err != nil {
		return nil, failed("layout of "+show.ID, err)
	}
	return l.(*Layout), nil
}

// errRelaid says that the show has another layout than the caller knows of; the
// catalogue will know within a second or so.
var errRelaid = fmt.Errorf("the layout has changed: %w", ErrUnavailable)

func (s *Store) readLayout(ctx context.Context, show Show) (*Layout, error) {
	var sections []sectionRow
	if err := s.db.WithContext(ctx).Where("show_id = ?", show.ID).Order("ordinal").Find(&sections).Error; err != nil {
		return nil, err
	}
	var seats []seatRow
	err := s.db.WithContext(ctx).Where("show_id = ?", show.ID).Order("ordinal").
		Select("seat", "section", "row_name", "number", "x", "y", "layout_version").Find(&seats).Error
	if err != nil {
		return nil, err
	}
	if len(seats) == 0 && show.SeatCount > 0 {
		return nil, ErrShowNotFound
	}
	if len(seats) != show.SeatCount || len(seats) > 0 && seats[0].LayoutVersion != show.LayoutVersion {
		return nil, errRelaid
	}
	l := &Layout{Version: show.LayoutVersion, Currency: show.Currency, Sections: assemble(sections, seats)}
	return l, l.index()
}

// assemble puts the tree together from rows in the order of the plan, in which
// sections and rows stand together.
func assemble(sections []sectionRow, seats []seatRow) []Section {
	tree := make([]Section, 0, len(sections))
	for _, sec := range sections {
		section := Section{Section: sec.Section, Name: sec.Name, Price: sec.Price, Standing: sec.Standing}
		for len(seats) > 0 && seats[0].Section == sec.Section {
			n := len(section.Rows)
			if n == 0 || section.Rows[n-1].Row != seats[0].RowName {
				section.Rows = append(section.Rows, Row{Row: seats[0].RowName})
				n++
			}
			seat := Seat{Seat: seats[0].Seat, Number: seats[0].Number, X: seats[0].X, Y: seats[0].Y}
			section.Rows[n-1].Seats = append(section.Rows[n-1].Seats, seat)
			seats = seats[1:]
		}
		tree = append(tree, section)
	}
	return tree
}

func (l *Layout) index() (err error) {
	l.ordinals = map[string]int{}
	eachSeat(l.Sections, func(section Section, _ Row, seat Seat) {
		l.ordinals[seat.Seat] = len(l.seats)
		l.seats = append(l.seats, seat.Seat)
		l.prices = append(l.prices, section.Price)
	})
	l.seating = newSeating(l.Sections)
	if l.JSON, err = json.Marshal(l); err != nil {
		return fmt.Errorf("encode layout: %w", err)
	}
	return nil
}

func eachSeat(sections []Section, f func(Section, Row, Seat)) {
	for _, section := range sections {
		for _, row := range section.Rows {
			for _, seat := range row.Seats {
				f(section, row, seat)
			}
		}
	}
}

func countSeats(sections []Section) (n int) {
	eachSeat(sections, func(Section, Row, Seat) { n++ })
	return n
}

// seatsPerInsert keeps a statement's parameters few: the embedded database
// binds them in quadratic time, and 100,000 seats in one statement would pass
// the packet size of a server.
const seatsPerInsert = 100

func insertLayout(tx *gorm.DB, show string, version int, sections []Section) error {
	heads := make([]sectionRow, len(sections))
	for i, sec := range sections {
		heads[i] = sectionRow{ShowID: show, Section: sec.Section, Name: sec.Name, Price: sec.Price, Ordinal: i, Standing: sec.Standing}
	}
	var seats []seatRow
	kept := keptFrom(sections)
	eachSeat(sections, func(section Section, row Row, seat Seat) {
		seats = append(seats, seatRow{
			ShowID: show, Seat: seat.Seat, Ordinal: len(seats), Section: section.Section, RowName: row.Row,
			Number: seat.Number, X: seat.X, Y: seat.Y, LayoutVersion: version, State: stateOf(kept[seat.Seat]), Kept: kept[seat.Seat],
		})
	})
	if err := tx.CreateInBatches(heads, seatsPerInsert).Error; err != nil {
		return err
	}
	return tx.CreateInBatches(seats, seatsPerInsert).Error
}
