package booking

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// floor is a section in which so many stand.
func floor(n int) Section {
	return Section{Section: "F", Name: "Floor", Price: 100, Standing: n, Area: &Area{X: 10, Y: 20, Width: 40, Height: 10}}
}

func standingSpec(n int) Spec {
	spec := hallSpec()
	spec.Sections = append(spec.Sections, floor(n))
	return spec
}

func TestStandingPlacesAreNumberedOverTheirArea(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 7, 100, 1000} {
		section := standingSpec(n).WithDefaults().Sections[2]
		var places []Seat
		for i, row := range section.Rows {
			if row.Row != "standing-"+strconv.Itoa(i+1) || len(row.Seats) == 0 {
				t.Errorf("%d: line %d is %+v", n, i+1, row)
			}
			places = append(places, row.Seats...)
		}
		if len(places) != n || n == 1000 && (len(section.Rows) < 10 || len(section.Rows) > 20) {
			t.Fatalf("%d places became %d, in %d lines", n, len(places), len(section.Rows))
		}
		at := map[[2]float64]bool{}
		for i, place := range places {
			if place.Number != strconv.Itoa(i+1) || place.Seat != "F-"+place.Number {
				t.Errorf("place %d is %+v", i, place)
			}
			if place.X <= 10 || place.X >= 50 || place.Y <= 20 || place.Y >= 30 {
				t.Errorf("%d: place %d is outside, at %g, %g", n, i+1, place.X, place.Y)
			}
			at[[2]float64{place.X, place.Y}] = true
		}
		if len(at) != n {
			t.Errorf("%d places are at %d points", n, len(at))
		}
	}
}

func TestStandingIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Section)
		field  string
	}{
		"fewer than none":   {func(s *Section) { s.Standing = -1 }, "sections[2].standing"},
		"too many":          {func(s *Section) { s.Standing = maxSeatsOfShow + 1 }, "sections[2].standing"},
		"more than are let": {func(s *Section) { s.Standing = maxSeatsOfShow }, "sections"}, // with the seats
		"nowhere":           {func(s *Section) { s.Area = nil }, "sections[2].area"},
		"a line":            {func(s *Section) { s.Area.Height = 0.9 }, "sections[2].area"},
		"off the plan":      {func(s *Section) { s.Area.X = maxCoordinate }, "sections[2].area"},
		"seats as well":     {func(s *Section) { s.Rows = hallSpec().Sections[0].Rows }, "sections[2].rows"},
		"an area of seats":  {func(s *Section) { s.Standing, s.Rows = 0, hallSpec().Sections[1].Rows }, "sections[2].area"},
	} {
		spec := standingSpec(10)
		c.change(&spec.Sections[2])
		var bad *InvalidError
		if !errors.As(spec.Validate(), &bad) || !slices.ContainsFunc(bad.Fields, func(f FieldError) bool { return f.Field == c.field }) {
			t.Errorf("%s: %+v", name, bad)
		}
	}
	for _, n := range []int{1, maxSeatsOfShow - 20} {
		if err := standingSpec(n).Validate(); err != nil {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// A layout that was read can be the Spec of another show.
func TestAStandingSectionComesBackAsItWasRead(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.show = must1(h.CreateShow(t.Context(), standingSpec(12)))(t)
		layout := must1(h.Layout(t.Context(), h.show))(t)
		var read struct{ Sections []Section }
		must0(t, json.Unmarshal(layout.JSON, &read))
		if last := read.Sections[2]; last.Standing != 12 || last.Area != nil || countSeats(read.Sections[2:]) != 12 {
			t.Errorf("read %+v", last)
		}
		again := hallSpec()
		again.Sections = read.Sections
		if err := again.Validate(); err != nil {
			t.Error(err)
		}
	})
}

// Eighty want two each of a hundred places: all are sold, none twice, the first numbers first,
// whether they ask by count or, as the map does, for places.
func TestACrowdForStandingPlaces(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.show = must1(h.CreateShow(t.Context(), standingSpec(100)))(t)
		must0(t, h.LoadDoor(t.Context(), h.show.ID, false))
		first := h.hold(t, h.best(2, "F"))
		for _, place := range first.Seats {
			number := must1(strconv.Atoi(strings.TrimPrefix(place, "F-")))(t)
			if number > 3*placesAbreast {
				t.Errorf("the first to come got %v", first.Seats)
			}
		}
		must1(h.Release(t.Context(), first.Visitor, first.ID))(t)
		var won, short atomic.Int64
		var crowd sync.WaitGroup
		for range 80 {
			crowd.Go(func() {
				_, err := h.Hold(t.Context(), h.best(2, "F"))
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, ErrSeatsShort):
					short.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		crowd.Wait()
		for range 50 { // who lost ten times to others while there were places
			if _, err := h.Hold(t.Context(), h.best(2, "F")); err == nil {
				won.Add(1)
			}
		}
		if won.Load() != 50 {
			t.Errorf("%d have two places each, of 50", won.Load())
		}
		h.intact(t)
	})
}
