package booking

import (
	"slices"
	"sync"
	"testing"

	"frontrow/internal/testenv"
)

func TestPayFromWalletSellsTheSeats(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		hold := h.hold(t, h.request("A-1-1", "B-1-1"))
		h.charge(t, hold.Visitor, 500)
		r := h.payment(t, hold)
		order := must1(h.PayFromWallet(t.Context(), r))(t)
		if order.Amount != 150 || order.State != orderPaid || order.Method != MethodWallet || order.Number != 7 ||
			order.PaidAt == nil || *order.PaidAt != r.Now || !slices.Equal(order.Seats, hold.Seats) {
			t.Errorf("order %+v", order)
		}
		if w := must1(h.Wallet(t.Context(), hold.Visitor))(t); w.Balance != 350 || w.Currency != Currency {
			t.Errorf("wallet %+v", w)
		}
		if got := h.letters(t, "A-1-1", "A-1-2", "B-1-1"); got != "sfs" {
			t.Errorf("states %s", got)
		}
		if got := must1(h.FindHold(t.Context(), hold.Visitor, hold.ID))(t); got.State != HoldPaid {
			t.Errorf("hold %s", got.State)
		}
		if n := h.count(t, &deliveryRow{}, "subject = ?", order.ID); n != 2 {
			t.Errorf("%d deliveries", n)
		}
		if h.nudges.Load() != 1 {
			t.Errorf("%d nudges", h.nudges.Load())
		}
		if got := must1(h.FindOrder(t.Context(), hold.Visitor, order.ID))(t); got.ID != order.ID {
			t.Errorf("found %+v", got)
		}
		wantError(t, second(h.FindOrder(t.Context(), visitor(), order.ID)), ErrNotYours)
		wantError(t, second(h.FindOrder(t.Context(), hold.Visitor, hold.ID)), ErrOrderNotFound)
		if of := must1(h.OrdersOf(t.Context(), hold.Visitor))(t); len(of) != 1 || of[0].ID != order.ID {
			t.Errorf("orders %+v", of)
		}
		wantType[*SeatsTakenError](t, second(h.Hold(t.Context(), h.request("A-1-1"))))
		h.intact(t)
	})
}

func TestPayIsIdempotentByKey(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		hold := h.hold(t, h.request("A-1-1"))
		h.charge(t, hold.Visitor, 500)
		r := h.payment(t, hold)
		if _, found, err := h.Replay(t.Context(), r.Visitor, r.Key, r.BodyHash); found || err != nil {
			t.Errorf("found %v before it was there, %v", found, err)
		}
		first := must1(h.PayFromWallet(t.Context(), r))(t)
		if again := must1(h.PayFromWallet(t.Context(), r))(t); again.ID != first.ID {
			t.Errorf("order %s, want %s", again.ID, first.ID)
		}
		if again, found, err := h.Replay(t.Context(), r.Visitor, r.Key, r.BodyHash); err != nil || !found || again.ID != first.ID {
			t.Errorf("replayed %+v, %v, %v", again, found, err)
		}
		if _, found, _ := h.Replay(t.Context(), visitor(), r.Key, r.BodyHash); found {
			t.Error("a key is everybody's")
		}
		r.BodyHash = "another"
		wantError(t, second(h.PayFromWallet(t.Context(), r)), ErrIdempotencyMismatch)
		_, _, err := h.Replay(t.Context(), r.Visitor, r.Key, r.BodyHash)
		wantError(t, err, ErrIdempotencyMismatch)
		r.Key = "fresh"
		wantError(t, second(h.PayFromWallet(t.Context(), r)), ErrAlreadyPaid)
		r.Key = "with spaces "
		wantType[*InvalidError](t, second(h.PayFromWallet(t.Context(), r)))
		_, _, err = h.Replay(t.Context(), r.Visitor, "", r.BodyHash)
		wantType[*InvalidError](t, err)
		if w := must1(h.Wallet(t.Context(), hold.Visitor))(t); w.Balance != 400 {
			t.Errorf("balance %d", w.Balance)
		}
		h.intact(t)
	})
}

func TestPayRefusesAndChangesNothing(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		hold := h.hold(t, h.request("A-1-1"))
		r := h.payment(t, hold)
		wantError(t, second(h.PayFromWallet(t.Context(), r)), ErrInsufficientPoints)
		h.charge(t, hold.Visitor, 99)
		wantError(t, second(h.PayFromWallet(t.Context(), r)), ErrInsufficientPoints)

		other := r
		other.Visitor = visitor()
		wantError(t, second(h.PayFromWallet(t.Context(), other)), ErrNotYours)
		none := r
		none.HoldID = "nonsense"
		wantError(t, second(h.PayFromWallet(t.Context(), none)), ErrHoldNotFound)
		late := r
		late.Now = hold.ExpiresAt
		wantError(t, second(h.PayFromWallet(t.Context(), late)), ErrHoldExpired)

		if row := h.seat(t, "A-1-1"); row.State != seatHeld {
			t.Errorf("seat %+v", row)
		}
		if n := h.count(t, &orderRow{}, "show_id = ?", h.show.ID); n != 0 {
			t.Errorf("%d orders", n)
		}
		if n := h.count(t, &entryRow{}, "visitor = ? AND kind = 'payment'", hold.Visitor); n != 0 {
			t.Errorf("%d payments", n)
		}
		h.charge(t, hold.Visitor, 1)
		must1(h.PayFromWallet(t.Context(), r))(t)
		h.intact(t)
	})
}

func TestPayAfterReleaseOrExpiryIsRefused(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		released := h.hold(t, h.request("A-1-1"))
		h.charge(t, released.Visitor, 500)
		must1(h.Release(t.Context(), released.Visitor, released.ID))(t)
		wantError(t, second(h.PayFromWallet(t.Context(), h.payment(t, released))), ErrHoldExpired)

		expired := h.shortHold(t, h.request("A-1-2"))
		h.charge(t, expired.Visitor, 500)
		wantError(t, second(h.PayFromWallet(t.Context(), h.payment(t, expired))), ErrHoldExpired)
		h.intact(t)
	})
}

// A hold whose seat went to somebody else after it had expired must not be paid,
// even by a gateway that takes it for live.
func TestPayNeedsEverySeatUnderTheHoldsFence(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		old := h.shortHold(t, h.request("A-1-1", "A-1-2"))
		h.charge(t, old.Visitor, 500)
		h.buy(t, "A-1-2")
		r := h.payment(t, old)
		r.Now = old.ExpiresAt - 1
		wantError(t, second(h.PayFromWallet(t.Context(), r)), ErrHoldExpired)
		if w := must1(h.Wallet(t.Context(), old.Visitor))(t); w.Balance != 500 {
			t.Errorf("balance %d", w.Balance)
		}
		h.intact(t)
	})
}

func TestSeatsThatCostNothingNeedNoWallet(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		spec := hallSpec()
		spec.Sections[0].Price = 0
		h.show = must1(h.CreateShow(t.Context(), spec))(t)
		must0(t, h.LoadDoor(t.Context(), h.show.ID, false))
		hold := h.hold(t, h.request("A-1-1"))
		if order := must1(h.PayFromWallet(t.Context(), h.payment(t, hold)))(t); order.Amount != 0 || order.State != orderPaid {
			t.Errorf("order %+v", order)
		}
		h.intact(t)
	})
}

func TestPaidOrdersSurviveACrashOfTheDatabase(t *testing.T) {
	t.Parallel()
	server := testenv.OwnMySQL(t)
	h := openHall(t, testenv.Redis(t), server.DSN())
	var sold sync.Map
	var buyers sync.WaitGroup
	for i := range 4 {
		buyers.Go(func() {
			for _, seat := range [][]string{{"A-1-1", "A-1-2", "A-1-3"}, {"A-2-1", "A-2-2"}, {"B-1-1", "B-1-2"}, {"B-1-5", "B-1-6"}}[i] {
				r := h.request(seat)
				hold, err := h.Hold(t.Context(), r)
				if err != nil {
					return // the database is gone
				}
				if _, err := h.Charge(t.Context(), r.Visitor, 1000, "charge", "test"); err != nil {
					return
				}
				order, err := h.PayFromWallet(t.Context(), PayRequest{
					Visitor: r.Visitor, HoldID: hold.ID, Key: "pay", BodyHash: "hash", Now: h.Now(),
				})
				if err == nil {
					sold.Store(order.ID, order)
				}
				if i == 0 && err == nil {
					server.Kill()
				}
			}
		})
	}
	buyers.Wait()
	server.Start()
	n := 0
	sold.Range(func(_, o any) bool {
		n++
		order := o.(Order)
		if kept := must1(h.FindOrder(t.Context(), order.Visitor, order.ID))(t); kept.State != orderPaid {
			t.Errorf("order %+v", kept)
		}
		return true
	})
	if n == 0 {
		t.Fatal("nothing was sold before the crash")
	}
	// What was paid without an answer may be unmarked at the door; its event tells.
	for _, d := range must1(h.ClaimDeliveries(t.Context(), "first", 100, 1))(t) {
		if d.Event.Type == OrderPaid {
			must0(t, h.MarkSeats(t.Context(), d.Event))
		}
	}
	h.intact(t)
}
