package booking

import (
	"context"
	"testing"
	"time"
)

// silent is a payment provider that has heard of everything, and knows nothing yet.
type silent struct{}

func (silent) Charge(_ context.Context, c Charge) (Payment, error) {
	return Payment{Order: c.Order, State: PaymentPending, Amount: c.Amount, Currency: c.Currency}, nil
}
func (silent) Find(context.Context, string) (Payment, error)   { return Payment{}, ErrPaymentUnknown }
func (silent) Refund(context.Context, string) (Payment, error) { return Payment{}, ErrNotCharged }

// A payment under way keeps its buyer inside for the slot's time, not for as long as the
// seats wait; another hold of theirs for its own.
func TestAPaymentUnderWayKeepsTheSlotNoLonger(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.payments = PaymentOptions{Provider: silent{}, Answer: time.Second, Slot: 10 * time.Second, Seats: 10 * time.Minute}
		r := h.request("A-1-1")
		hold := h.hold(t, r)
		pay := h.payment(t, hold)
		pay.Card = "card"
		order := must1(h.PayByCard(t.Context(), pay))(t)
		if order.State != orderPending {
			t.Fatalf("order %+v", order)
		}
		if until := must1(h.HeldUntil(t.Context(), r.Visitor, h.show.ID))(t); until != order.CreatedAt+10_000_000 {
			t.Errorf("held until %d, want ten seconds from %d", until, order.CreatedAt)
		}
		r.Seats = []string{"A-1-2"}
		other := h.hold(t, r)
		if until := must1(h.HeldUntil(t.Context(), r.Visitor, h.show.ID))(t); until != other.ExpiresAt {
			t.Errorf("held until %d, want the other hold's %d", until, other.ExpiresAt)
		}
		h.intact(t)
	})
}

func TestAnswersThatCannotBe(t *testing.T) {
	t.Parallel()
	p := paymentRow{OrderID: "a", Amount: 5, Currency: "KRW"}
	good := Payment{Order: "a", State: PaymentCaptured, Amount: 5, Currency: "KRW", Captured: 5}
	if err := p.believe(good); err != nil {
		t.Error(err)
	}
	if err := p.believe(Payment{Order: "a", State: PaymentVoid}); err != nil { // of a charge that never arrived
		t.Error(err)
	}
	for name, change := range map[string]func(*Payment){
		"another order":        func(a *Payment) { a.Order = "b" },
		"another amount":       func(a *Payment) { a.Amount, a.Captured = 6, 6 },
		"another currency":     func(a *Payment) { a.Currency = "USD" },
		"an unknown state":     func(a *Payment) { a.State = "settled" },
		"too little captured":  func(a *Payment) { a.Captured = 4 },
		"captured, and back":   func(a *Payment) { a.Refunded = 5 },
		"pending, yet taken":   func(a *Payment) { a.State = PaymentPending },
		"declined, yet taken":  func(a *Payment) { a.State = PaymentDeclined },
		"refunded in part":     func(a *Payment) { a.State, a.Refunded = PaymentRefunded, 4 },
		"void, of another sum": func(a *Payment) { a.State, a.Amount, a.Captured = PaymentVoid, 6, 0 },
	} {
		a := good
		change(&a)
		if p.believe(a) == nil {
			t.Errorf("%s is believed: %+v", name, a)
		}
	}
}
