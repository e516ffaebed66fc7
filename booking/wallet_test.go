package booking

import (
	"sync"
	"testing"
)

func TestChargeIsIdempotentByKey(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		v := visitor()
		if w := must1(h.Wallet(t.Context(), v))(t); w.Balance != 0 || w.Currency != Currency {
			t.Errorf("wallet %+v", w)
		}
		for range 2 {
			if w := must1(h.Charge(t.Context(), v, 1000, "key", "test"))(t); w.Balance != 1000 {
				t.Errorf("balance %d", w.Balance)
			}
		}
		wantError(t, second(h.Charge(t.Context(), v, 2000, "key", "test")), ErrIdempotencyMismatch)
		if w := must1(h.Charge(t.Context(), v, 500, "other", "test"))(t); w.Balance != 1500 {
			t.Errorf("balance %d", w.Balance)
		}
		h.intact(t)
	})
}

func TestChargeOfOneKeyAtOnceCountsOnce(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		v := visitor()
		var racers sync.WaitGroup
		for range 8 {
			racers.Go(func() {
				if _, err := h.Charge(t.Context(), v, 1000, "key", "test"); err != nil {
					t.Error(err)
				}
			})
		}
		racers.Wait()
		if w := must1(h.Wallet(t.Context(), v))(t); w.Balance != 1000 {
			t.Errorf("balance %d", w.Balance)
		}
		if n := h.count(t, &entryRow{}, "visitor = ?", v); n != 1 {
			t.Errorf("%d entries", n)
		}
	})
}

func TestChargeKeepsItsBounds(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		v := visitor()
		for _, amount := range []int64{0, -1, maxCharge + 1} {
			wantType[*InvalidError](t, second(h.Charge(t.Context(), v, amount, "key", "test")))
		}
		both := asError[*InvalidError](t, second(h.Charge(t.Context(), "no one", 0, "", "test")))
		if len(both.Fields) != 3 {
			t.Errorf("told of %v", both.Fields)
		}
		h.charge(t, v, 10)
		must0(t, h.db.Exec("UPDATE wallets SET balance = ? WHERE visitor = ?", maxBalance-10, v).Error)
		wantType[*InvalidError](t, second(h.Charge(t.Context(), v, 11, "full", "test")))
		if w := must1(h.Charge(t.Context(), v, 10, "just", "test"))(t); w.Balance != maxBalance {
			t.Errorf("balance %d", w.Balance)
		}
	})
}
