package booking

import (
	"slices"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

func TestHoldTakesSeatsInRedisAndSQL(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		r := h.request("A-1-2", "A-1-1", "B-1-1")
		hold := h.hold(t, r)
		if hold.Amount != 250 || hold.Currency != Currency || hold.State != HoldHeld || hold.Number != 7 {
			t.Errorf("hold %+v", hold)
		}
		if want := hold.CreatedAt + 60_000_000; hold.ExpiresAt != want {
			t.Errorf("expires at %d, want %d", hold.ExpiresAt, want)
		}
		for _, seat := range r.Seats {
			row := h.seat(t, seat)
			if row.State != seatHeld || row.HoldID != hold.ID || row.Fence != hold.Fence || row.HoldUntil != hold.ExpiresAt {
				t.Errorf("seat %+v", row)
			}
		}
		if got := h.letters(t, "A-1-1", "A-1-2", "A-1-3", "B-1-1"); got != "hhfh" {
			t.Errorf("states %s", got)
		}
		found := must1(h.FindHold(t.Context(), r.Visitor, hold.ID))(t)
		if !slices.Equal(found.Seats, []string{"A-1-1", "A-1-2", "B-1-1"}) || found.Amount != 250 {
			t.Errorf("found %+v", found)
		}
		wantError(t, second(h.FindHold(t.Context(), visitor(), hold.ID)), ErrNotYours)
		if of := must1(h.HoldsOf(t.Context(), r.Visitor))(t); len(of) != 1 || of[0].ID != hold.ID {
			t.Errorf("holds %+v", of)
		}
		if live := must1(h.LiveHolds(t.Context(), h.show.ID))(t); len(live) != 1 || live[0].ID != hold.ID {
			t.Errorf("live holds %+v", live)
		}
		h.intact(t)
	})
}

func TestHoldRefuses(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		wantType[*InvalidError](t, second(h.Hold(t.Context(), h.request())))
		wantType[*InvalidError](t, second(h.Hold(t.Context(), h.request("A-1-1", "A-1-1"))))
		unknown := asError[*UnknownSeatError](t, second(h.Hold(t.Context(), h.request("A-1-1", "A-9-1", "a-1-1"))))
		if !slices.Equal(unknown.Seats, []string{"A-9-1", "a-1-1"}) {
			t.Errorf("unknown %v", unknown.Seats)
		}
		many := asError[*TooManySeatsError](t, second(h.Hold(t.Context(), h.request("B-1-1", "B-1-2", "B-1-3", "B-1-4", "B-1-5"))))
		if many.Limit != 4 {
			t.Errorf("limit %d", many.Limit)
		}
		r := h.request("A-1-1")
		r.Visitor = "not a visitor"
		wantType[*InvalidError](t, second(h.Hold(t.Context(), r)))
		r = h.request("A-1-1")
		r.Latest = h.redisNow(t)
		wantError(t, second(h.Hold(t.Context(), r)), ErrTooLate)
		r = h.request("A-1-1")
		r.Show.Phase = PhaseClosed
		wantError(t, second(h.Hold(t.Context(), r)), ErrNotOnSale)
		r = h.request("A-1-1")
		r.Show.CreatedAt++ // a show of the same id that was deleted
		if err := second(h.Hold(t.Context(), r)); err == nil {
			t.Error("held by a plan that the door does not have")
		}
		if n := h.count(t, &holdRow{}, "show_id = ?", h.show.ID); n != 0 {
			t.Errorf("%d holds were written", n)
		}
		if got := h.letters(t, "A-1-1", "B-1-1"); got != "ff" {
			t.Errorf("states %s", got)
		}
	})
}

func TestHoldLoserIsToldWhichSeatsAreTaken(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.hold(t, h.request("A-1-1", "A-1-2"))
		taken := asError[*SeatsTakenError](t, second(h.Hold(t.Context(), h.request("A-1-2", "A-1-3", "A-1-1"))))
		if !slices.Equal(taken.Seats, []string{"A-1-1", "A-1-2"}) {
			t.Errorf("taken %v", taken.Seats)
		}
		h.hold(t, h.request("A-1-3"))
	})
}

func TestHoldKeepsTheVisitorsLimit(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		r := h.request("A-1-1", "A-1-2", "A-1-3")
		h.hold(t, r)
		r.Seats = []string{"A-2-1", "A-2-2"}
		if e := asError[*TooManySeatsError](t, second(h.Hold(t.Context(), r))); e.Limit != 4 {
			t.Errorf("limit %d", e.Limit)
		}
		if got := h.letters(t, "A-2-1", "A-2-2"); got != "ff" {
			t.Errorf("the leases of the refused hold stay: %s", got)
		}
		r.Seats = []string{"A-2-1"}
		h.hold(t, r)
		h.intact(t)
	})
}

func TestExpiredHoldsDoNotCountAgainstTheLimit(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		r := h.request("A-1-1", "A-1-2", "A-1-3", "A-1-4")
		old := h.shortHold(t, r)
		r.Seats = []string{"A-2-1", "A-2-2"}
		h.hold(t, r)
		if got := must1(h.FindHold(t.Context(), r.Visitor, old.ID))(t); got.State != holdExpired {
			t.Errorf("state %s", got.State)
		}
		h.intact(t)
	})
}

func TestSeatOfAnExpiredHoldIsFreeAtOnce(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		old := h.shortHold(t, h.request("A-1-1", "A-1-2"))
		r := h.request("A-1-2", "A-1-3")
		hold := h.hold(t, r)
		if hold.Fence <= old.Fence {
			t.Errorf("fence %d after %d", hold.Fence, old.Fence)
		}
		h.intact(t)
		if n := must1(h.ExpireHolds(t.Context(), h.redisNow(t)))(t); n != 1 {
			t.Errorf("%d holds ended", n)
		}
		if row := h.seat(t, "A-1-2"); row.State != seatHeld || row.HoldID != hold.ID {
			t.Errorf("the sweep took %+v from its new holder", row)
		}
		if row := h.seat(t, "A-1-1"); row.State != seatFree {
			t.Errorf("the sweep left %+v", row)
		}
		h.intact(t)
	})
}

func TestReleaseGivesSeatsBackAndTellsWhatIsLeft(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		r := h.request("A-1-1")
		hold := h.hold(t, r)
		r.Seats = []string{"A-1-2"}
		other := h.hold(t, r)
		_, err := h.Release(t.Context(), visitor(), hold.ID)
		wantError(t, err, ErrNotYours)
		_, err = h.Release(t.Context(), r.Visitor, "01ARZ3NDEKTSV4RRFFQ69G5FAV")
		wantError(t, err, ErrHoldNotFound)
		for range 2 { // the second finds it released
			if until := must1(h.Release(t.Context(), r.Visitor, hold.ID))(t); until != other.ExpiresAt {
				t.Errorf("held until %d, want %d", until, other.ExpiresAt)
			}
		}
		if until := must1(h.Release(t.Context(), r.Visitor, other.ID))(t); until != 0 {
			t.Errorf("held until %d, want 0", until)
		}
		if got := h.letters(t, "A-1-1", "A-1-2"); got != "ff" {
			t.Errorf("states %s", got)
		}
		if n := h.count(t, &eventRow{}, "subject = ? AND type = ?", hold.ID, HoldReleased); n != 1 {
			t.Errorf("%d events of the release", n)
		}
		if n := h.count(t, &deliveryRow{}, "subject = ?", hold.ID); n != 0 {
			t.Errorf("%d deliveries to nobody", n)
		}
		h.hold(t, h.request("A-1-1", "A-1-2"))
		h.intact(t)
	})
}

func TestReleaseOfAPaidHoldIsRefused(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		order := h.buy(t, "A-1-1")
		_, err := h.Release(t.Context(), order.Visitor, order.HoldID)
		wantError(t, err, ErrAlreadyPaid)
		h.intact(t)
	})
}

func TestExpireHoldsTellsOnce(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		hold := h.shortHold(t, h.request("A-1-1"))
		h.hold(t, h.request("A-1-2"))
		if n := must1(h.ExpireHolds(t.Context(), hold.ExpiresAt-1))(t); n != 0 {
			t.Errorf("%d holds ended too early", n)
		}
		for _, want := range []int{1, 0} {
			if n := must1(h.ExpireHolds(t.Context(), h.redisNow(t)))(t); n != want {
				t.Errorf("%d holds ended, want %d", n, want)
			}
		}
		if n := h.count(t, &deliveryRow{}, "subject = ? AND listener = 'first'", hold.ID); n != 1 {
			t.Errorf("%d deliveries", n)
		}
		if h.nudges.Load() != 1 {
			t.Errorf("%d nudges", h.nudges.Load())
		}
		if got := h.letters(t, "A-1-1", "A-1-2"); got != "fh" {
			t.Errorf("states %s", got)
		}
		h.intact(t)
	})
}

// A door that was put back to an earlier time lets through what the database
// has given away; the database refuses, and the door learns.
func TestHoldThatFindsSeatsTakenInSQLPutsTheDoorRight(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.buy(t, "A-1-1")
		held := h.hold(t, h.request("A-1-2"))
		h.forget(t)
		taken := asError[*SeatsTakenError](t, second(h.Hold(t.Context(), h.request("A-1-1", "A-1-2", "A-1-3"))))
		if !slices.Equal(taken.Seats, []string{"A-1-1", "A-1-2"}) {
			t.Errorf("taken %v", taken.Seats)
		}
		if got := h.letters(t, "A-1-1", "A-1-2", "A-1-3"); got != "shf" {
			t.Errorf("states %s", got)
		}
		must1(h.Release(t.Context(), held.Visitor, held.ID))(t)
		if got := h.letters(t, "A-1-2"); got != "f" {
			t.Errorf("the holder's release did not reach the door: %s", got)
		}
		h.intact(t)
	})
}

// A Redis whose clock is behind gives fences below the database's.
func TestHoldWithAFenceBehindTheDatabaseTriesAgain(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		ahead := h.redisNow(t) + 3_600_000_000
		must0(t, h.db.Exec("UPDATE seats SET fence = ? WHERE show_id = ? AND seat = 'A-1-1'", ahead, h.show.ID).Error)
		if hold := h.hold(t, h.request("A-1-1", "A-1-2")); hold.Fence <= ahead {
			t.Errorf("fence %d, the database has %d", hold.Fence, ahead)
		}
		h.intact(t)
	})
}

// forget makes the door what it was when it was first loaded.
func (h *hall) forget(t *testing.T) {
	t.Helper()
	keys := doorKeys(h.show.ID)
	must0(t, h.rdb.Del(t.Context(), keys[2], keys[3]).Err())
	must0(t, h.rdb.Set(t.Context(), keys[1], strings.Repeat("f", h.show.SeatCount), 0).Err())
}

func TestHoldWhileTheDatabaseIsAwayLeavesNothing(t *testing.T) {
	t.Parallel()
	server := testenv.OwnMySQL(t)
	h := openHall(t, testenv.Redis(t), server.DSN())
	wallet := visitor()
	h.charge(t, wallet, 10)
	server.Kill()
	wantError(t, second(h.Hold(t.Context(), h.request("A-1-1"))), ErrUnavailable)
	if got := h.letters(t, "A-1-1"); got != "f" {
		t.Errorf("the lease stays: %s", got)
	}
	wantError(t, h.Ping(t.Context()), ErrUnavailable)
	wantError(t, second(h.Wallet(t.Context(), wallet)), ErrUnavailable)
	server.Start()
	must0(t, h.Ping(t.Context()))
	h.hold(t, h.request("A-1-1"))
	if w := must1(h.Wallet(t.Context(), wallet))(t); w.Balance != 10 {
		t.Errorf("balance %d after a crash", w.Balance)
	}
	h.intact(t)
}

func TestHoldWhileRedisIsAwayTouchesNothing(t *testing.T) {
	t.Parallel()
	server := testenv.OwnRedis(t)
	h := openHall(t, server.URL(), testenv.SQLite(t))
	server.Kill()
	started := time.Now()
	wantError(t, second(h.Hold(t.Context(), h.request("A-1-1"))), ErrUnavailable)
	_, err := h.RedisTime(t.Context())
	wantError(t, err, ErrUnavailable)
	_, err = h.SeatStates(t.Context(), h.show)
	wantError(t, err, ErrUnavailable)
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	if n := h.count(t, &holdRow{}, "show_id = ?", h.show.ID); n != 0 {
		t.Errorf("%d holds", n)
	}
}
