package booking

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
)

func (h *hall) keep(t *testing.T, state string, seats ...string) int {
	t.Helper()
	return must1(h.KeepSeats(t.Context(), h.show.ID, Keeping{Seats: seats, State: state}))(t)
}

func TestSeatsOutOfTheSaleAndBack(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		if n := h.keep(t, KeptBlocked, "A-1-1"); n != 1 {
			t.Errorf("%d blocked", n)
		}
		if n := h.keep(t, KeptHouse, "A-1-3", "A-1-2"); n != 2 {
			t.Errorf("%d kept back", n)
		}
		if n := h.keep(t, KeptHouse, "A-1-2"); n != 0 {
			t.Errorf("%d changed that were so before", n)
		}
		if got := h.letters(t, "A-1-1", "A-1-2", "A-1-3", "A-1-4"); got != "bbbf" {
			t.Errorf("the door says %s", got)
		}
		kept := must1(h.Kept(t.Context(), h.show.ID))(t)
		if !slices.Equal(kept.Blocked, []string{"A-1-1"}) || !slices.Equal(kept.House, []string{"A-1-2", "A-1-3"}) {
			t.Errorf("kept %+v", kept)
		}

		// The door alone refuses it: this gateway has no database.
		other := h.gateway(t)
		must1(other.Layout(t.Context(), h.show))(t)
		must0(t, must1(other.db.DB())(t).Close())
		_, err := other.Hold(t.Context(), h.request("A-1-1", "A-1-4"))
		if lost := asError[*SeatsTakenError](t, err); !slices.Equal(lost.Seats, []string{"A-1-1"}) {
			t.Errorf("taken %v", lost.Seats)
		}

		// All or none: one that is held is in the way.
		hold := h.hold(t, h.request("A-1-4"))
		_, err = h.KeepSeats(t.Context(), h.show.ID, Keeping{Seats: []string{"A-1-5", "A-1-4"}, State: KeptHouse})
		if lost := asError[*SeatsTakenError](t, err); !slices.Equal(lost.Seats, []string{"A-1-4"}) || h.seat(t, "A-1-5").Kept != "" {
			t.Errorf("taken %v", lost.Seats)
		}
		h.charge(t, hold.Visitor, 1000)
		must1(h.PayFromWallet(t.Context(), h.payment(t, hold)))(t)
		_, err = h.KeepSeats(t.Context(), h.show.ID, Keeping{Seats: []string{"A-1-4"}, State: seatFree})
		wantType[*SeatsTakenError](t, err)
		h.intact(t)

		// What the house does not need, in one step; the blocked one stays.
		n := must1(h.KeepSeats(t.Context(), h.show.ID, Keeping{Was: KeptHouse, State: seatFree}))(t)
		if got := h.letters(t, "A-1-1", "A-1-2", "A-1-3"); n != 2 || got != "bff" {
			t.Errorf("%d released, the door says %s", n, got)
		}
		h.buy(t, "A-1-2", "A-1-3")
		h.intact(t)
	})
}

// A hold that ran out and was not swept is nobody's.
func TestASeatWhoseHoldIsOverIsKept(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.shortHold(t, h.request("A-1-1"))
		if n := h.keep(t, KeptHouse, "A-1-1"); n != 1 {
			t.Errorf("%d kept", n)
		}
		must1(h.ExpireHolds(t.Context(), h.redisNow(t)))(t)
		if row := h.seat(t, "A-1-1"); row.Kept != KeptHouse || row.State != seatSold {
			t.Errorf("the seat is %+v", row)
		}
		h.intact(t)
	})
}

// Whatever was kept as the show was made, or since, is so after Redis was lost.
func TestKeptSeatsOutliveRedis(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		spec := standingSpec(3)
		spec.Sections[0].Blocked, spec.Sections[0].House = []string{"A-2-5"}, []string{"A-1-1", "A-1-2"}
		spec.Sections[2].House = []string{"F-1"}
		h.show = must1(h.CreateShow(t.Context(), spec))(t)
		must0(t, h.LoadDoor(t.Context(), h.show.ID, false))
		kept := []string{"A-1-1", "A-1-2", "A-2-5", "F-1", "F-2"}
		if got := h.letters(t, kept...); got != "bbbbf" {
			t.Errorf("the door says %s", got)
		}
		h.keep(t, seatFree, "A-1-2")
		must0(t, h.rdb.Del(t.Context(), doorKeys(h.show.ID)...).Err())
		h.keep(t, KeptBlocked, "F-2") // while there is no door
		must0(t, h.LoadDoor(t.Context(), h.show.ID, false))
		if got := h.letters(t, kept...); got != "bfbbb" {
			t.Errorf("after the loss the door says %s", got)
		}
		// Seeded again, it stays as it was changed.
		if w, _, err := h.PutShow(t.Context(), spec); err != nil || w.LayoutVersion != 1 || h.seat(t, "A-1-2").Kept != "" {
			t.Errorf("seeded again: layout %d, %v", w.LayoutVersion, err)
		}
		h.buy(t, "A-1-2", "F-3")
		h.intact(t)
	})
}

// A door that does not know yet lets a hold through: the database refuses it, and the door learns.
func TestTheDatabaseRefusesAKeptSeat(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		_, err := exec(h.db, "UPDATE seats SET state = 'sold', kept = 'house', fence = 1 WHERE show_id = ? AND seat = 'A-1-1'", h.show.ID)
		must0(t, err)
		_, err = h.Hold(t.Context(), h.request("A-1-1"))
		wantType[*SeatsTakenError](t, err)
		if got := h.letters(t, "A-1-1"); got != "b" {
			t.Errorf("the door says %s", got)
		}
		h.intact(t)
	})
}

// Holds and the house run for the same seats: each has one owner.
func TestTheHouseAgainstHolds(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		var held, kept [10]bool
		var race sync.WaitGroup
		for i := range 10 {
			seat := fmt.Sprintf("B-1-%d", i+1)
			race.Go(func() {
				_, err := h.Hold(t.Context(), h.request(seat))
				held[i] = err == nil
				if err != nil && !errors.As(err, new(*SeatsTakenError)) {
					t.Errorf("hold: %v", err)
				}
			})
			race.Go(func() {
				n, err := h.KeepSeats(t.Context(), h.show.ID, Keeping{Seats: []string{seat}, State: KeptHouse})
				kept[i] = n == 1
				if err != nil && !errors.As(err, new(*SeatsTakenError)) {
					t.Errorf("keep: %v", err)
				}
			})
		}
		race.Wait()
		for i := range 10 {
			seat := fmt.Sprintf("B-1-%d", i+1)
			letter := map[bool]string{true: "h", false: "b"}[held[i]]
			if held[i] == kept[i] || h.letters(t, seat) != letter {
				t.Errorf("%s: held %v, kept %v, at the door %s", seat, held[i], kept[i], h.letters(t, seat))
			}
		}
		h.intact(t)
	})
}

// Best seats are never the house's, and what is left is what is for sale.
func TestAShowWhoseRestIsKeptIsSoldOut(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		n := must1(h.KeepSeats(t.Context(), h.show.ID, Keeping{Was: seatFree, Section: new("A"), State: KeptHouse}))(t)
		if n != 10 {
			t.Errorf("%d kept", n)
		}
		for range 5 {
			if got := h.hold(t, h.best(2, "")); got.Seats[0][0] != 'B' {
				t.Errorf("the best are %v", got.Seats)
			}
		}
		free, held, sold := must1(h.lookAtDoor(t.Context(), h.show))(t).Count()
		if free != 0 || held != 10 || sold != 0 {
			t.Errorf("%d free, %d held, %d sold", free, held, sold)
		}
		_, err := h.Hold(t.Context(), h.best(1, "A"))
		wantError(t, err, ErrSoldOut)
		h.keep(t, seatFree, "A-1-1")
		must1(h.look(t.Context(), h.show))(t)
		if got := h.hold(t, h.best(1, "")); got.Seats[0] != "A-1-1" {
			t.Errorf("released was A-1-1, the best is %v", got.Seats)
		}
		h.intact(t)
	})
}

func TestKeepingIsChecked(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.show = must1(h.CreateShow(t.Context(), standingSpec(MostKept+1)))(t)
		places := make([]string, MostKept+1)
		for i := range places {
			places[i] = fmt.Sprintf("F-%d", i+1)
		}
		for field, k := range map[string]Keeping{
			"state":   {Seats: places[:1], State: "sold"},
			"seats":   {Seats: places, State: KeptHouse},
			"was":     {Was: KeptHouse, Seats: places[:1], State: seatFree},
			"section": {Was: KeptHouse, Section: new("Z"), State: seatFree},
		} {
			_, err := h.KeepSeats(t.Context(), h.show.ID, k)
			if bad := asError[*InvalidError](t, err); bad.Fields[0].Field != field {
				t.Errorf("%s: %+v", field, bad.Fields)
			}
		}
		_, err := h.KeepSeats(t.Context(), h.show.ID, Keeping{State: seatFree})
		wantType[*InvalidError](t, err)
		_, err = h.KeepSeats(t.Context(), h.show.ID, Keeping{Seats: []string{"Z-1"}, State: KeptHouse})
		wantType[*UnknownSeatError](t, err)
		_, err = h.KeepSeats(t.Context(), "no-show", Keeping{Seats: places[:1], State: KeptHouse})
		wantError(t, err, ErrShowNotFound)

		if n := h.keep(t, KeptHouse, places[:MostKept]...); n != MostKept {
			t.Errorf("%d kept at once", n)
		}
		if n := must1(h.KeepSeats(t.Context(), h.show.ID, Keeping{Was: seatFree, Section: new("F"), State: KeptHouse}))(t); n != 1 {
			t.Errorf("%d more kept", n)
		}
		if n := must1(h.KeepSeats(t.Context(), h.show.ID, Keeping{Was: KeptHouse, State: seatFree}))(t); n != MostKept+1 {
			t.Errorf("%d released, in two steps", n)
		}
	})
}

func TestWhatASpecKeepsIsChecked(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Section){
		"unknown":          func(s *Section) { s.House = []string{"A-9-9"} },
		"another sections": func(s *Section) { s.Blocked = []string{"B-1-1"} },
		"twice":            func(s *Section) { s.House = []string{"A-1-1", "A-1-1"} },
		"in both":          func(s *Section) { s.House, s.Blocked = []string{"A-1-1"}, []string{"A-1-1"} },
	} {
		spec := hallSpec()
		change(&spec.Sections[0])
		if !errors.As(spec.Validate(), new(*InvalidError)) {
			t.Errorf("%s: is let through", name)
		}
	}
	spec := hallSpec()
	spec.Sections[0].House, spec.Sections[0].Blocked = []string{"A-1-1"}, []string{"A-1-2"}
	must0(t, spec.Validate())
}
