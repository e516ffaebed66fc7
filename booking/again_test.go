package booking

import "testing"

// Whoever lets seats go can have the same again at once, as often as they like.
func TestHoldAgainAfterLettingGo(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		r := h.request("A-1-1", "A-1-2", "A-1-3", "A-1-4") // all that the limit allows
		fence := int64(0)
		for range 3 {
			hold := h.hold(t, r)
			if hold.Fence <= fence {
				t.Errorf("fence %d after %d", hold.Fence, fence)
			}
			fence = hold.Fence
			must1(h.Release(t.Context(), r.Visitor, hold.ID))(t)
		}
		h.hold(t, r)
		h.intact(t)
	})
}

// A hold that ran out is told so to who wants to pay, and then had again, although
// nobody has swept it and it still counts.
func TestHoldAgainAfterExpiry(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		r := h.request("A-1-1", "A-1-2", "A-1-3", "A-1-4")
		old := h.shortHold(t, r)
		h.charge(t, r.Visitor, 1000)
		wantError(t, second(h.PayFromWallet(t.Context(), h.payment(t, old))), ErrHoldExpired)
		again := h.hold(t, r)
		must1(h.PayFromWallet(t.Context(), h.payment(t, again)))(t)
		h.intact(t)
	})
}

// Held and paid seats count together, over any number of holds and orders.
func TestLimitOverHoldsAndOrders(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		r := h.request("A-1-1")
		h.charge(t, r.Visitor, 1000)
		beyond := func(have int, do func() (Hold, error)) {
			t.Helper()
			if e := asError[*TooManySeatsError](t, second(do())); e.Limit != 4 || e.Have != have {
				t.Errorf("refused by %+v, want have %d", e, have)
			}
		}
		hold := func(seats ...string) func() (Hold, error) {
			r := r
			r.Seats = seats
			return func() (Hold, error) { return h.Hold(t.Context(), r) }
		}
		pay := func(hold Hold) { must1(h.PayFromWallet(t.Context(), h.payment(t, hold)))(t) }

		pay(must1(hold("A-1-1")())(t))
		pay(must1(hold("A-1-2")())(t))
		third := must1(hold("A-1-3")())(t)
		beyond(3, hold("A-2-1", "A-2-2"))
		beyond(3, func() (Hold, error) {
			return h.Change(t.Context(), third.ID, h.instead(third, "A-2-1", "A-2-2", "A-2-3"))
		})
		third = must1(h.Change(t.Context(), third.ID, h.instead(third, "A-2-1", "A-2-2")))(t)
		beyond(4, hold("B-1-1"))
		best := r
		best.Seats, best.Best = nil, new(1)
		beyond(4, func() (Hold, error) { return h.Hold(t.Context(), best) })
		third = must1(h.Change(t.Context(), third.ID, h.instead(third, "A-2-2")))(t)
		fourth := must1(hold("B-1-1")())(t)
		beyond(4, hold("B-1-2"))
		pay(third)
		pay(fourth)
		beyond(4, hold("B-1-2"))
		h.intact(t)
		// Nobody else is bound by it.
		h.hold(t, h.request("A-2-1", "A-1-4", "A-1-5", "B-1-2"))
	})
}
