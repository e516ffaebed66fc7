package booking

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// instead asks, in the name of a hold's visitor, for other seats.
func (h *hall) instead(hold Hold, seats ...string) HoldRequest {
	r := h.request(seats...)
	r.Visitor = hold.Visitor
	return r
}

func TestChangeTakesOtherSeatsInOneStep(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		for name, to := range map[string][]string{
			"all others":    {"A-2-1", "A-2-2"},
			"one kept":      {"A-1-2", "A-1-3"},
			"more":          {"A-1-1", "A-1-2", "A-1-3", "A-1-4"},
			"fewer":         {"A-1-2"},
			"fewer, others": {"B-1-1"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				h := h.another(t)
				old := h.hold(t, h.request("A-1-1", "A-1-2"))
				next := must1(h.Change(t.Context(), old.ID, h.instead(old, to...)))(t)
				if !slices.Equal(next.Seats, to) || next.ID == old.ID || next.ExpiresAt != old.ExpiresAt || next.State != HoldHeld {
					t.Errorf("changed to %+v from %+v", next, old)
				}
				for _, seat := range next.Seats {
					row := h.seat(t, seat)
					if row.State != seatHeld || row.HoldID != next.ID || row.Fence != next.Fence || row.HoldUntil != next.ExpiresAt {
						t.Errorf("seat %+v", row)
					}
					if got := h.letters(t, seat); got != "h" {
						t.Errorf("%s is %s at the door", seat, got)
					}
				}
				for _, seat := range old.Seats {
					if !slices.Contains(to, seat) {
						h.hold(t, h.request(seat))
					}
				}
				if was := must1(h.FindHold(t.Context(), old.Visitor, old.ID))(t); was.State != holdReleased {
					t.Errorf("the old hold is %s", was.State)
				}
				if n := h.count(t, &limitRow{}, "visitor = ? AND taken = ?", old.Visitor, len(to)); n != 1 {
					t.Errorf("the visitor is not counted with %d seats", len(to))
				}
				if n := h.count(t, &eventRow{}, "subject = ? AND type = ?", old.ID, HoldChanged); n != 1 {
					t.Errorf("%d events", n)
				}
				h.intact(t)
				// What was changed can be given back as a whole, at once.
				must1(h.Release(t.Context(), next.Visitor, next.ID))(t)
				h.hold(t, h.request(to...))
				h.intact(t)
			})
		}
	})
}

func TestChangedSeatsAreSold(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		old := h.hold(t, h.request("A-1-1", "A-1-2"))
		next := must1(h.Change(t.Context(), old.ID, h.instead(old, "A-1-2", "B-1-1")))(t)
		h.charge(t, old.Visitor, 1000)
		wantError(t, second(h.PayFromWallet(t.Context(), h.payment(t, old))), ErrHoldExpired)
		order := must1(h.PayFromWallet(t.Context(), h.payment(t, next)))(t)
		if order.Amount != 150 {
			t.Errorf("paid %d", order.Amount)
		}
		if got := h.letters(t, "A-1-1", "A-1-2", "B-1-1"); got != "fss" {
			t.Errorf("states %s", got)
		}
		wantError(t, second(h.Change(t.Context(), next.ID, h.instead(next, "A-2-1"))), ErrAlreadyPaid)
		h.intact(t)
	})
}

func TestChangeToTheSameSeatsChangesNothing(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		old := h.hold(t, h.request("A-1-1", "A-1-2"))
		if same := must1(h.Change(t.Context(), old.ID, h.instead(old, "A-1-2", "A-1-1")))(t); same.ID != old.ID || same.Fence != old.Fence {
			t.Errorf("changed %+v to %+v", old, same)
		}
		if n := h.count(t, &eventRow{}, "show_id = ?", h.show.ID); n != 0 {
			t.Errorf("%d events", n)
		}
		h.intact(t)
	})
}

// Who wants the best instead may keep seats that they have.
func TestChangeToTheBest(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.hold(t, h.request("A-1-1", "A-2-1", "A-2-2", "A-2-3"))
		h.hold(t, h.request("A-2-4", "A-2-5"))
		old := h.hold(t, h.request("A-1-2", "A-1-3"))
		r := h.instead(old)
		r.Best, r.Section = new(4), new("A")
		next := must1(h.Change(t.Context(), old.ID, r))(t)
		if !slices.Equal(next.Seats, []string{"A-1-2", "A-1-3", "A-1-4", "A-1-5"}) {
			t.Errorf("changed to %v", next.Seats)
		}
		r.Best = new(5)
		wantType[*TooManySeatsError](t, second(h.Change(t.Context(), next.ID, r)))
		r.Best, r.Section = new(2), new("B")
		if next = must1(h.Change(t.Context(), next.ID, r))(t); len(next.Seats) != 2 || next.Amount != 100 {
			t.Errorf("changed to %+v", next)
		}
		if got := h.letters(t, "A-1-2", "A-1-3", "A-1-4", "A-1-5"); got != "ffff" {
			t.Errorf("states %s", got)
		}
		h.intact(t)
	})
}

// Whatever is refused leaves the hold as it stood.
func TestChangeRefusedLeavesTheHold(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.hold(t, h.request("B-1-1"))
		old := h.hold(t, h.request("A-1-1", "A-1-2"))
		other := h.instead(old, "A-2-1")
		h.hold(t, other)

		taken := asError[*SeatsTakenError](t, second(h.Change(t.Context(), old.ID, h.instead(old, "A-1-1", "A-1-3", "B-1-1"))))
		if !slices.Equal(taken.Seats, []string{"B-1-1"}) {
			t.Errorf("taken %v", taken.Seats)
		}
		many := asError[*TooManySeatsError](t, second(h.Change(t.Context(), old.ID, h.instead(old, "A-1-1", "A-1-3", "A-1-4", "A-1-5"))))
		if many.Limit != 4 || many.Have != 3 {
			t.Errorf("refused by %+v", many)
		}
		wantType[*TooManySeatsError](t, second(h.Change(t.Context(), old.ID, h.instead(old, "B-1-2", "B-1-3", "B-1-4", "B-1-5", "B-1-6"))))
		wantType[*UnknownSeatError](t, second(h.Change(t.Context(), old.ID, h.instead(old, "A-1-1", "Z-1-1"))))
		wantType[*InvalidError](t, second(h.Change(t.Context(), old.ID, h.instead(old))))
		wantError(t, second(h.Change(t.Context(), old.ID, h.request("A-1-3"))), ErrNotYours)
		wantError(t, second(h.Change(t.Context(), "01ARZ3NDEKTSV4RRFFQ69G5FAV", h.instead(old, "A-1-3"))), ErrHoldNotFound)
		elsewhere := h.instead(old, "A-1-3")
		elsewhere.Show = h.another(t).show
		wantError(t, second(h.Change(t.Context(), old.ID, elsewhere)), ErrHoldNotFound)

		if got := h.letters(t, "A-1-1", "A-1-2", "A-1-3", "A-1-4", "A-1-5", "B-1-2"); got != "hhffff" {
			t.Errorf("states %s", got)
		}
		h.intact(t)
		// The limit of four is reached by changing, and not passed.
		next := must1(h.Change(t.Context(), old.ID, h.instead(old, "A-1-1", "A-1-3", "A-1-4")))(t)
		h.charge(t, old.Visitor, 1000)
		must1(h.PayFromWallet(t.Context(), h.payment(t, next)))(t)
		h.intact(t)
	})
}

func TestChangeOfAHoldThatIsOver(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		expired := h.shortHold(t, h.request("A-1-1"))
		released := h.hold(t, h.request("A-1-2"))
		must1(h.Release(t.Context(), released.Visitor, released.ID))(t)
		for _, old := range []Hold{expired, released} {
			wantError(t, second(h.Change(t.Context(), old.ID, h.instead(old, "A-1-3"))), ErrHoldExpired)
		}
		if got := h.letters(t, "A-1-3"); got != "f" {
			t.Errorf("states %s", got)
		}
		h.intact(t)
	})
}

// An operator who lowers the limit takes no seats away, and who has more than it
// allows may change them for as many.
func TestChangeUnderALoweredLimit(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		old := h.hold(t, h.request("A-1-1", "A-1-2"))
		other := h.hold(t, h.instead(old, "A-2-1", "A-2-2"))
		r := h.instead(old, "A-1-3", "A-1-4")
		r.Show.MaxSeats = 2
		next := must1(h.Change(t.Context(), old.ID, r))(t)
		r.Show.MaxSeats = 1
		wantType[*TooManySeatsError](t, second(h.Change(t.Context(), next.ID, r)))
		r.Seats = []string{"A-1-5"}
		must1(h.Change(t.Context(), next.ID, r))(t)
		r.Seats = []string{"A-2-1"}
		must1(h.Change(t.Context(), other.ID, r))(t)
		h.intact(t)
	})
}

// A gateway dies between the door and the database: the hold stands, and the seats
// that were asked for are free when its time is up.
func TestChangeCutShortBeforeTheDatabase(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		r := h.request("A-1-1", "A-1-2")
		r.Latest = h.redisNow(t) + 3_000_000
		short := h.hold(t, r)
		stands := h.hold(t, h.request("B-1-1"))
		layout := must1(h.Layout(t.Context(), h.show))(t)
		for _, old := range []Hold{short, stands} {
			row := must1(h.findHold(t.Context(), old.Visitor, old.ID))(t)
			to := map[string][]string{short.ID: {"A-1-2", "A-1-3"}, stands.ID: {"B-1-1", "B-1-2"}}[old.ID]
			must1(h.leaseExchange(t.Context(), row, h.instead(old), layout, to))(t)
		}
		wantType[*SeatsTakenError](t, second(h.Hold(t.Context(), h.request("A-1-3")))) // first: its lease is short
		h.intact(t)
		h.charge(t, stands.Visitor, 1000)
		must1(h.PayFromWallet(t.Context(), h.payment(t, stands)))(t)
		testenv.Wait(t, 5*time.Second, func() bool { return h.redisNow(t) > short.ExpiresAt }, "the deadline does not come")
		h.hold(t, h.request("A-1-1", "A-1-2", "A-1-3"))
		h.intact(t)
	})
}

// A gateway dies right after the commit: the new hold can be paid, and of what it
// kept nothing is blocked for longer than it would have been.
func TestChangeCutShortAfterTheDatabase(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		layout := must1(h.Layout(t.Context(), h.show))(t)
		change := func(old Hold, to ...string) Hold {
			row := must1(h.findHold(t.Context(), old.Visitor, old.ID))(t)
			x := must1(h.leaseExchange(t.Context(), row, h.instead(old), layout, to))(t)
			must0(t, h.exchange(t.Context(), x))
			return x.next.hold(x.next.CreatedAt)
		}
		paid := change(h.hold(t, h.request("A-1-1", "A-1-2")), "A-1-2", "A-1-3")
		h.charge(t, paid.Visitor, 1000)
		must1(h.PayFromWallet(t.Context(), h.payment(t, paid)))(t)
		if got := h.letters(t, "A-1-2", "A-1-3"); got != "ss" {
			t.Errorf("states %s", got)
		}
		// The event brings it to the door, however late.
		for range 2 {
			h.tellDoor(t)
			if got := h.letters(t, "A-1-1", "A-1-2", "A-1-3"); got != "fss" {
				t.Errorf("states %s", got)
			}
		}
		late := change(h.hold(t, h.request("A-2-1", "A-2-2")), "A-2-2")
		h.tellDoor(t)
		must1(h.Release(t.Context(), late.Visitor, late.ID))(t)
		if got := h.letters(t, "A-2-1", "A-2-2"); got != "ff" {
			t.Errorf("states %s", got)
		}
		r := h.request("B-1-1", "B-1-2")
		r.Latest = h.redisNow(t) + 1_000_000
		given := change(h.hold(t, r), "B-1-2", "B-1-3")
		must1(h.Release(t.Context(), given.Visitor, given.ID))(t)
		h.intact(t)
		testenv.Wait(t, 5*time.Second, func() bool { return h.redisNow(t) > given.ExpiresAt }, "the deadline does not come")
		h.hold(t, h.request("B-1-1", "B-1-2", "B-1-3"))
		h.intact(t)
	})
}

// tellDoor does what the listener of changes does.
func (h *hall) tellDoor(t *testing.T) {
	t.Helper()
	var rows []eventRow
	must0(t, h.db.Where("show_id = ? AND type = ?", h.show.ID, HoldChanged).Find(&rows).Error)
	for _, row := range rows {
		must0(t, h.HandOver(t.Context(), row.event()))
	}
}

// Two who want each other's seat both keep their own.
func TestRaceOfTwoWhoWantEachOthersSeat(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		left, right := h.hold(t, h.request("A-1-1")), h.hold(t, h.request("A-1-2"))
		stores := []*Store{h.Store, h.gateway(t)}
		var swaps sync.WaitGroup
		for i, r := range []HoldRequest{h.instead(left, "A-1-2"), h.instead(right, "A-1-1")} {
			swaps.Go(func() {
				_, err := stores[i].Change(t.Context(), []string{left.ID, right.ID}[i], r)
				var taken *SeatsTakenError
				if !errors.As(err, &taken) {
					t.Errorf("swapped: %v", err)
				}
			})
		}
		swaps.Wait()
		if got := h.letters(t, "A-1-1", "A-1-2"); got != "hh" {
			t.Errorf("states %s", got)
		}
		h.intact(t)
	})
}

// Many change between few seats again and again: nobody is ever left without, and no
// seat has two owners.
func TestRaceOfChangesKeepsEveryInvariant(t *testing.T) {
	t.Parallel()
	h := realHall(t)
	stores := []*Store{h.Store, h.gateway(t)}
	holds := make([]Hold, 6)
	for i := range holds {
		holds[i] = h.hold(t, h.request(fmt.Sprintf("B-1-%d", i+1)))
	}
	var changed atomic.Int64
	var visitors sync.WaitGroup
	for i := range holds {
		visitors.Go(func() {
			for round := range 20 {
				to := make([]string, 1+rand.IntN(2))
				for j, seat := range rand.Perm(10)[:len(to)] {
					to[j] = fmt.Sprintf("B-1-%d", seat+1)
				}
				next, err := stores[(i+round)%2].Change(t.Context(), holds[i].ID, h.instead(holds[i], to...))
				var taken *SeatsTakenError
				switch {
				case err == nil:
					holds[i] = next
					changed.Add(1)
				case !errors.As(err, &taken):
					t.Error(err)
				}
			}
		})
	}
	visitors.Wait()
	if changed.Load() == 0 {
		t.Error("nobody could change")
	}
	owners := map[string]string{}
	for _, hold := range holds {
		if live := must1(h.FindHold(t.Context(), hold.Visitor, hold.ID))(t); live.State != HoldHeld {
			t.Errorf("hold %s is %s", hold.ID, live.State)
		}
		for _, seat := range hold.Seats {
			if owners[seat] != "" || h.seat(t, seat).HoldID != hold.ID {
				t.Errorf("%s is of %s and of %s", seat, owners[seat], hold.ID)
			}
			owners[seat] = hold.ID
		}
	}
	h.intact(t)
	for _, hold := range holds {
		must1(h.Release(t.Context(), hold.Visitor, hold.ID))(t)
	}
	if got := must1(h.lookAtDoor(t.Context(), h.show))(t); got.States != "ffffffffffffffffffff" {
		t.Errorf("states %s after everything was given back", got.States)
	}
}

// Of a payment and changes of one hold at once, one counts.
func TestRaceOfPaymentAndChanges(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		stores := []*Store{h.Store, h.gateway(t)}
		for round := range 5 {
			seat := fmt.Sprintf("A-1-%d", round+1)
			hold := h.hold(t, h.request(seat))
			h.charge(t, hold.Visitor, 1000)
			pay := h.payment(t, hold)
			var won atomic.Int64
			var racers sync.WaitGroup
			racers.Go(func() {
				_, err := stores[0].PayFromWallet(t.Context(), pay)
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, ErrHoldExpired) {
					t.Error(err)
				}
			})
			for i := range 2 {
				racers.Go(func() {
					_, err := stores[i].Change(t.Context(), hold.ID, h.instead(hold, seat, fmt.Sprintf("B-1-%d", 2*round+i+1)))
					if err == nil {
						won.Add(1)
					} else if !errors.Is(err, ErrHoldExpired) && !errors.Is(err, ErrAlreadyPaid) {
						t.Error(err)
					}
				})
			}
			racers.Wait()
			if won.Load() != 1 {
				t.Errorf("%d of three counted", won.Load())
			}
		}
		h.intact(t)
	})
}
