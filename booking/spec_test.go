package booking

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestSpecValidateNamesTheFieldOutOfBounds(t *testing.T) {
	t.Parallel()
	must0(t, hallSpec().Validate())
	seat := func(s *Spec) *Seat { return &s.Sections[0].Rows[0].Seats[0] }
	for name, c := range map[string]struct {
		change func(*Spec)
		field  string
	}{
		"no id":               {func(s *Spec) { s.Show = "" }, "show"},
		"capitals in id":      {func(s *Spec) { s.Show = "Demo" }, "show"},
		"long id":             {func(s *Spec) { s.Show = strings.Repeat("a", 41) }, "show"},
		"space after id":      {func(s *Spec) { s.Show += " " }, "show"},
		"no title":            {func(s *Spec) { s.Title = "" }, "title"},
		"long title":          {func(s *Spec) { s.Title = strings.Repeat("ä", 201) }, "title"},
		"title not UTF-8":     {func(s *Spec) { s.Title = "\xff" }, "title"},
		"other currency":      {func(s *Spec) { s.Currency = "USD" }, "currency"},
		"closed from start":   {func(s *Spec) { s.Phase = PhaseClosed }, "phase"},
		"rules not JSON":      {func(s *Spec) { s.Admission = json.RawMessage("{") }, "admission"},
		"short holds":         {func(s *Spec) { s.HoldSeconds = new(9) }, "hold_seconds"},
		"long holds":          {func(s *Spec) { s.HoldSeconds = new(3601) }, "hold_seconds"},
		"no seats a visitor":  {func(s *Spec) { s.MaxSeats = new(0) }, "max_seats"},
		"many seats":          {func(s *Spec) { s.MaxSeats = new(51) }, "max_seats"},
		"negative queue":      {func(s *Spec) { s.MaxWaiting = new(-1) }, "max_waiting"},
		"huge queue":          {func(s *Spec) { s.MaxWaiting = new(10_000_001) }, "max_waiting"},
		"far future":          {func(s *Spec) { s.PlaysAt = new(time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)) }, "plays_at"},
		"ends before start":   {func(s *Spec) { s.StartsAt, s.EndsAt = new(time.Unix(2e9, 0)), new(time.Unix(1e9, 0)) }, "ends_at"},
		"no sections":         {func(s *Spec) { s.Sections = nil }, "sections"},
		"section twice":       {func(s *Spec) { s.Sections[1].Section = "A" }, "sections[1].section"},
		"section id":          {func(s *Spec) { s.Sections[1].Section = "B/2" }, "sections[1].section"},
		"negative price":      {func(s *Spec) { s.Sections[0].Price = -1 }, "sections[0].price"},
		"huge price":          {func(s *Spec) { s.Sections[0].Price = maxPrice + 1 }, "sections[0].price"},
		"section of no rows":  {func(s *Spec) { s.Sections[1].Rows = nil }, "sections[1].rows"},
		"row twice":           {func(s *Spec) { s.Sections[0].Rows[1].Row = "1" }, "sections[0].rows[1].row"},
		"empty row":           {func(s *Spec) { s.Sections[0].Rows[1].Seats = nil }, "sections[0].rows[1].seats"},
		"seat twice":          {func(s *Spec) { seat(s).Seat = "B-1-1" }, "sections[1].rows[0].seats[0].seat"},
		"seat id":             {func(s *Spec) { seat(s).Seat = "A 1" }, "sections[0].rows[0].seats[0].seat"},
		"seat without number": {func(s *Spec) { seat(s).Number = "" }, "sections[0].rows[0].seats[0].number"},
		"seat off the plan":   {func(s *Spec) { seat(s).X = 1e7 }, "sections[0].rows[0].seats[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := hallSpec()
			c.change(&s)
			e := asError[*InvalidError](t, s.Validate())
			for _, f := range e.Fields {
				if f.Field == c.field {
					return
				}
			}
			t.Errorf("told of %v, want %s", e.Fields, c.field)
		})
	}
}

func TestSpecValidateTellsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	s := hallSpec()
	s.Show, s.Title, s.MaxSeats = "", "", new(0)
	if e := asError[*InvalidError](t, s.Validate()); len(e.Fields) != 3 {
		t.Errorf("told of %v", e.Fields)
	}
}

func TestSpecDefaults(t *testing.T) {
	t.Parallel()
	var s Spec
	must0(t, json.Unmarshal([]byte(`{"show":"s","title":"T","sections":[{"section":"A","price":1,"rows":[{"row":"1","seats":[{"number":"7"}]}]}]}`), &s))
	must0(t, s.Validate())
	d := s.WithDefaults()
	if d.Phase != PhaseDraft || d.Currency != Currency || *d.HoldSeconds != 300 || *d.MaxSeats != 4 || *d.MaxWaiting != 0 {
		t.Errorf("defaults %+v", d)
	}
	if sec := d.Sections[0]; sec.Name != "A" || sec.Rows[0].Seats[0].Seat != "A-1-7" {
		t.Errorf("section %+v", sec)
	}
	if s.Sections[0].Rows[0].Seats[0].Seat != "" || s.Sections[0].Name != "" {
		t.Error("the original was changed")
	}
}
