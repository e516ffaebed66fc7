package booking

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// Bounds of what a show may be. They keep a mistake from becoming a sale, and
// the door's string, the layout and the scripts at sizes that were measured.
const (
	maxSeatsOfShow = 100_000
	maxSections    = 1_000
	maxPrice       = 1_000_000_000
	maxHoldSeats   = 50
	maxWaiting     = 10_000_000
	maxMessage     = 500
	maxName        = 200
	maxCoordinate  = 1_000_000
	minHoldSeconds = 10
	maxHoldSeconds = 3600
	maxFieldErrors = 50 // more would not be read
)

var (
	showPattern    = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	sectionPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,40}$`)
	rowPattern     = regexp.MustCompile(`^[A-Za-z0-9._-]{1,20}$`)
	seatPattern    = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
)

// Spec describes a whole show: the body that creates one, and what a seed file
// says. Absent limits get the defaults of WithDefaults.
type Spec struct {
	Show        string          `json:"show"`
	Title       string          `json:"title"`
	Venue       string          `json:"venue,omitempty"`
	Currency    string          `json:"currency,omitempty"`
	PlaysAt     *time.Time      `json:"plays_at,omitempty"`
	StartsAt    *time.Time      `json:"starts_at,omitempty"`
	EndsAt      *time.Time      `json:"ends_at,omitempty"`
	CancelUntil *time.Time      `json:"cancel_until,omitempty"`
	HoldSeconds *int            `json:"hold_seconds,omitempty"`
	MaxSeats    *int            `json:"max_seats,omitempty"`
	MaxWaiting  *int            `json:"max_waiting,omitempty"`
	Phase       string          `json:"phase,omitempty"`
	Draw        *DrawPlan       `json:"draw,omitempty"`
	Admission   json.RawMessage `json:"admission,omitempty"`
	Sections    []Section       `json:"sections"`
}

// Section is a part of the hall with one price per seat, in the currency's
// minor unit. Where people stand it says how many in place of its rows, and where.
type Section struct {
	Section  string `json:"section"`
	Name     string `json:"name"`
	Price    int64  `json:"price"`
	Standing int    `json:"standing,omitempty"`
	Area     *Area  `json:"area,omitempty"` // in a Spec alone
	Rows     []Row  `json:"rows"`

	// The ids of seats that are not for sale from the beginning, in a Spec alone; see KeepSeats.
	House   []string `json:"house,omitempty"`
	Blocked []string `json:"blocked,omitempty"`
}

// Row is a row of seats within a section.
type Row struct {
	Row   string `json:"row"`
	Seats []Seat `json:"seats"`
}

// Seat is one seat at its place on the plan. In a Spec an empty id stands for
// SECTION-ROW-NUMBER.
type Seat struct {
	Seat   string  `json:"seat"`
	Number string  `json:"number"`
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
}

// WithDefaults is the Spec with everything filled in that it leaves open: the
// currency, five minutes to a hold, four seats a visitor, no limit to the
// queue, phase draft, names and ids of seats.
func (p Spec) WithDefaults() Spec {
	if p.Currency == "" {
		p.Currency = Currency
	}
	if p.Phase == "" {
		p.Phase = PhaseDraft
	}
	for at, def := range map[**int]int{&p.HoldSeconds: 300, &p.MaxSeats: 4, &p.MaxWaiting: 0} {
		if *at == nil {
			*at = new(def)
		}
	}
	sections := slices.Clone(p.Sections)
	for i, s := range sections {
		if s.Name == "" {
			sections[i].Name = s.Section
		}
		if s.isToExpand() {
			s.Rows = s.places()
			sections[i].Area = nil // it says no more than they
		}
		sections[i].Rows = withSeatIDs(s)
	}
	p.Sections = sections
	return p
}

func withSeatIDs(s Section) []Row {
	rows := slices.Clone(s.Rows)
	for i, r := range rows {
		seats := slices.Clone(r.Seats)
		for j, seat := range seats {
			if seat.Seat == "" {
				seats[j].Seat = s.Section + "-" + r.Row + "-" + seat.Number
			}
		}
		rows[i].Seats = seats
	}
	return rows
}

// Validate returns an *InvalidError that names every field out of bounds, or
// nil. It judges the Spec as WithDefaults completes it.
func (p Spec) Validate() error {
	p = p.WithDefaults()
	f := &faults{}
	f.unless(showPattern.MatchString(p.Show), "show", "must match [a-z0-9-]{1,40}")
	f.unless(p.Currency == Currency, "currency", "must be %s, which the wallets hold", Currency)
	if p.Draw == nil {
		f.unless(p.Phase == PhaseDraft || p.Phase == PhaseOpen, "phase", "must be draft or open")
	} else {
		f.unless(p.Phase == PhaseDraft || p.Phase == PhaseLobby, "phase", "must be draft or lobby: the draw opens the show")
	}
	f.unless(len(p.Admission) == 0 || json.Valid(p.Admission), "admission", "must be JSON")
	f.terms(terms{
		title: p.Title, venue: p.Venue, startsAt: micros(p.StartsAt), endsAt: micros(p.EndsAt), playsAt: micros(p.PlaysAt), cancelUntil: micros(p.CancelUntil),
		holdSeconds: *p.HoldSeconds, maxSeats: *p.MaxSeats, maxWaiting: *p.MaxWaiting, draw: p.Draw,
	})
	f.sections(p.Sections)
	return f.err()
}

// terms are the fields of a show that both a Spec and a ShowPatch may set.
type terms struct {
	title, venue                      string
	playsAt, startsAt, endsAt         *int64
	cancelUntil                       *int64
	holdSeconds, maxSeats, maxWaiting int
	draw                              *DrawPlan
}

// faults gathers what is wrong, up to maxFieldErrors.
type faults struct {
	fields []FieldError
}

func (f *faults) unless(ok bool, field, reason string, args ...any) {
	if !ok && len(f.fields) < maxFieldErrors {
		f.fields = append(f.fields, FieldError{Field: field, Reason: fmt.Sprintf(reason, args...)})
	}
}

func (f *faults) err() error {
	if len(f.fields) == 0 {
		return nil
	}
	return &InvalidError{Fields: f.fields}
}

func (f *faults) name(field, s string, least int) {
	n := utf8.RuneCountInString(s)
	f.unless(utf8.ValidString(s) && n >= least && n <= maxName, field, "must have %d to %d characters", least, maxName)
}

func (f *faults) within(field string, v, least, most int) {
	f.unless(v >= least && v <= most, field, "must be %d to %d", least, most)
}

func (f *faults) terms(t terms) {
	f.name("title", t.title, 1)
	f.name("venue", t.venue, 0)
	f.within("hold_seconds", t.holdSeconds, minHoldSeconds, maxHoldSeconds)
	f.within("max_seats", t.maxSeats, 1, maxHoldSeats)
	f.within("max_waiting", t.maxWaiting, 0, maxWaiting)
	for field, at := range map[string]*int64{"plays_at": t.playsAt, "starts_at": t.startsAt, "ends_at": t.endsAt, "cancel_until": t.cancelUntil} {
		f.unless(at == nil || (*at > 0 && *at < latestTime), field, "must be between 1970 and 2200")
	}
	f.unless(t.startsAt == nil || t.endsAt == nil || *t.startsAt < *t.endsAt, "ends_at", "must be after starts_at")
	f.draw(t.draw, t.startsAt)
}

// latestTime is 2200-01-01 in µs: whatever is later was given in other units.
var latestTime = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func micros(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	return new(t.UnixMicro())
}

func (f *faults) sections(sections []Section) {
	f.unless(len(sections) <= maxSections, "sections", "must be at most %d", maxSections)
	names, seats := map[string]bool{}, map[string]bool{}
	for i, s := range sections {
		at := fmt.Sprintf("sections[%d]", i)
		f.unless(sectionPattern.MatchString(s.Section), at+".section", "must match [A-Za-z0-9._-]{1,40}")
		f.unless(!names[s.Section], at+".section", "%q is there twice", s.Section)
		names[s.Section] = true
		f.name(at+".name", s.Name, 1)
		f.unless(s.Price >= 0 && s.Price <= maxPrice, at+".price", "must be 0 to %d", maxPrice)
		f.standing(at, s)
		f.rows(at, s.Rows, seats)
		f.kept(at, s)
	}
	// Who says that there are none sells nothing here: the queue stands before somebody else's shop.
	none := sections != nil && len(sections) == 0
	f.unless((len(seats) >= 1 || none) && len(seats) <= maxSeatsOfShow, "sections", "must have 1 to %d seats, or be [] where nothing is sold here", maxSeatsOfShow)
}

func (f *faults) rows(section string, rows []Row, seats map[string]bool) {
	names := map[string]bool{}
	for i, r := range rows {
		at := fmt.Sprintf("%s.rows[%d]", section, i)
		f.unless(rowPattern.MatchString(r.Row), at+".row", "must match [A-Za-z0-9._-]{1,20}")
		f.unless(!names[r.Row], at+".row", "%q is there twice", r.Row)
		f.unless(len(r.Seats) > 0, at+".seats", "must not be empty")
		names[r.Row] = true
		for j, seat := range r.Seats {
			at := fmt.Sprintf("%s.seats[%d]", at, j)
			f.unless(seatPattern.MatchString(seat.Seat), at+".seat", "must match [A-Za-z0-9._-]{1,64}")
			f.unless(!seats[seat.Seat], at+".seat", "%q is there twice", seat.Seat)
			f.unless(rowPattern.MatchString(seat.Number), at+".number", "must match [A-Za-z0-9._-]{1,20}")
			f.unless(onPlan(seat.X) && onPlan(seat.Y), at, "x and y must be within ±%d", maxCoordinate)
			seats[seat.Seat] = true
		}
	}
}

func onPlan(v float64) bool {
	return !math.IsNaN(v) && math.Abs(v) <= maxCoordinate
}
