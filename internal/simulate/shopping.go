package simulate

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"frontrow/internal/invariant"
)

type hold struct {
	Hold      string    `json:"hold"`
	State     string    `json:"state"`
	Show      string    `json:"show"`
	Seats     []string  `json:"seats"`
	Amount    int64     `json:"amount"`
	ExpiresAt time.Time `json:"expires_at"`
	Pass      string    `json:"pass"`
}

type order struct {
	Order string   `json:"order"`
	State string   `json:"state"`
	Seats []string `json:"seats"`
}

// shop holds seats and pays for them.
func (v *visitor) shop(ctx context.Context) error {
	if v.profile == WalksOut {
		return v.leave(ctx, "left from inside")
	}
	h, err := v.holdSome(ctx)
	if err != nil {
		return err
	}
	if v.profile == ChangesSeats {
		if err := v.release(ctx, h); err != nil {
			return err
		}
		if h, err = v.holdSome(ctx); err != nil {
			return err
		}
	}
	if !pause(ctx, time.Duration(v.random.IntN(400))*time.Millisecond) {
		return ctx.Err()
	}
	if err := v.chargeFor(ctx, h.Amount); err != nil {
		return err
	}
	return v.pay(ctx, h)
}

// mostTries is how often somebody goes for seats that others take first.
const mostTries = 60

// holdSome tries until it has seats, or there are none.
func (v *visitor) holdSome(ctx context.Context) (hold, error) {
	for try := range mostTries {
		seats, err := v.run.seatmap.look(ctx)
		if err != nil {
			return hold{}, err
		}
		switch {
		case seats.soldOut(len(v.run.seats)):
			return hold{}, v.leave(ctx, "sold out")
		case len(seats.free) == 0: // what is held may come back
			if try%10 == 9 {
				return hold{}, v.leave(ctx, "found no seat")
			}
			if !pause(ctx, pictureLasts) {
				return hold{}, ctx.Err()
			}
			continue
		}
		h, err := v.hold(ctx, v.wish(seats.free, try))
		if err != nil || h.Hold != "" {
			return h, err
		}
		if !pause(ctx, time.Duration(50+v.random.IntN(500))*time.Millisecond) {
			return hold{}, ctx.Err()
		}
	}
	return hold{}, v.leave(ctx, "found no seat")
}

// wish is the seats that the visitor asks for.
func (v *visitor) wish(free []int, try int) map[string]any {
	if v.profile == Impatient {
		return map[string]any{"best": min(v.wants, v.run.maxSeats, len(free))}
	}
	return map[string]any{"seats": v.choose(free, try)}
}

// hold tries to hold seats. No hold and no error say: try others.
func (v *visitor) hold(ctx context.Context, wish map[string]any) (h hold, err error) {
	a, err := v.ask(ctx, v.prove(request{
		method: http.MethodPost, path: "/v1/shows/" + v.run.show + "/holds", body: wish,
	}, v.pass))
	if err != nil {
		return h, err
	}
	if a.lost && a.status != http.StatusCreated {
		// The answer was lost, not always the hold: then the limit counts it.
		if h, ok, err := v.mine(ctx); err != nil || ok {
			return h, err
		}
	}
	switch code := a.problem(); {
	case a.status == http.StatusCreated && a.into(&h) == nil:
		v.pass = h.Pass
		return h, nil
	case code == "seats_taken" || code == "sold_out": // of fewer than so many
		v.run.lost.Add(1)
		return hold{}, nil
	case code == "pass_expired" || code == "pass_invalid" || code == "pass_required" && v.cookies != nil:
		s, err := v.poll(ctx)
		if err == nil && s.State != "admitted" {
			err = ended("session over")
		}
		return hold{}, err
	default:
		v.run.witness.surprise("hold", a)
		return hold{}, fmt.Errorf("hold answered %d", a.status)
	}
}

// choose picks seats beside each other; every second visitor wants the very best, as
// everybody does, and is content with less after each time that others were faster.
func (v *visitor) choose(free []int, try int) []string {
	n := min(v.wants, v.run.maxSeats, len(free))
	last := len(free) - n + 1
	best := max(20, len(v.run.seats)/20) << min(try, 20)
	from := v.random.IntN(last)
	if v.random.IntN(2) == 0 {
		from = v.random.IntN(min(last, best))
	}
	seats := make([]string, n)
	for i := range seats {
		seats[i] = v.run.seats[free[from+i]]
	}
	return seats
}

// mine finds a live hold of this visitor's.
func (v *visitor) mine(ctx context.Context) (hold, bool, error) {
	a, err := v.ask(ctx, request{method: http.MethodGet, path: "/v1/holds", bearer: v.token})
	var list struct {
		Holds []hold `json:"holds"`
	}
	if err != nil || a.status != http.StatusOK || a.into(&list) != nil {
		return hold{}, false, err
	}
	for _, h := range list.Holds {
		if h.State == "held" && h.Show == v.run.show {
			return h, true, nil
		}
	}
	return hold{}, false, nil
}

func (v *visitor) release(ctx context.Context, h hold) error {
	a, err := v.ask(ctx, request{method: http.MethodDelete, path: "/v1/holds/" + h.Hold, bearer: v.token})
	if err == nil && a.status != http.StatusNoContent {
		v.run.witness.surprise("release", a)
	}
	return err
}

// chargeFor puts as many points into the wallet as the seats cost.
func (v *visitor) chargeFor(ctx context.Context, amount int64) error {
	if amount == 0 {
		return nil
	}
	v.charges++
	a, err := v.run.charge(ctx, v, amount, fmt.Sprintf("charge-%d", v.charges))
	if err == nil && a.status != http.StatusCreated {
		v.run.witness.surprise("charge", a)
	}
	return err
}

// charge has the visitor charge the wallet, or where that is not allowed the operator.
func (r *run) charge(ctx context.Context, v *visitor, amount int64, key string) (answer, error) {
	body := map[string]any{"amount": amount}
	if r.ownMoney.Load() {
		a, err := v.ask(ctx, request{method: http.MethodPost, path: "/v1/wallet/charges", bearer: v.token, key: key, body: body})
		if err != nil || a.problem() != "admin_required" {
			return a, err
		}
		r.ownMoney.Store(false)
	}
	a, err := v.ask(ctx, request{method: http.MethodGet, path: "/v1/wallet", bearer: v.token})
	if err != nil {
		return a, err
	}
	var wallet struct {
		Visitor string `json:"visitor"`
	}
	if err := a.into(&wallet); err != nil {
		return a, err
	}
	return v.ask(ctx, request{
		method: http.MethodPost, path: "/v1/admin/wallets/" + wallet.Visitor + "/charges",
		bearer: r.options.AdminToken, key: key, body: body,
	})
}

// pay pays under one key however often it takes, and looks whether that was once.
func (v *visitor) pay(ctx context.Context, h hold) error {
	pay := v.prove(request{
		method: http.MethodPost, path: "/v1/orders", key: "pay-" + h.Hold,
		body: map[string]any{"hold": h.Hold, "payment": map[string]string{"method": "wallet"}},
	}, v.pass)
	var a answer
	var err error
	if v.profile == ManyTabs {
		a, pay.key, err = v.payInTabs(ctx, pay)
	} else {
		a, err = v.ask(ctx, pay)
	}
	if err != nil {
		return err
	}
	var o order
	switch code := a.problem(); {
	case a.status == http.StatusCreated && a.into(&o) == nil && o.State == "paid":
	case code == "hold_expired" && time.Now().After(h.ExpiresAt.Add(-time.Second)):
		return ended("hold ran out")
	case code == "hold_expired":
		v.run.witness.broken(invariant.SoldOnce, "the hold %s was good until %s and is lost", h.Hold, h.ExpiresAt.Format(time.RFC3339))
		return ended("hold lost")
	case code == "pass_expired" && a.lost:
		return ended("session over")
	default:
		v.run.witness.surprise("pay", a)
		return fmt.Errorf("pay answered %d", a.status)
	}
	v.reached = hasBought
	v.run.phases.buy()
	v.run.witness.paid(paidOrder{id: o.Order, token: v.token, seats: o.Seats})
	if v.profile == ManyTabs {
		v.payAgain(ctx, pay, o)
	}
	return v.walkOut(ctx)
}

// payAgain sends the payment once more, which must give the order that it gave. The
// admission may be over; the key is known.
func (v *visitor) payAgain(ctx context.Context, pay request, o order) {
	pay.cookies, pay.bearer = nil, v.token
	again, err := v.ask(ctx, pay)
	var second order
	if err == nil && (again.status != http.StatusCreated || again.into(&second) != nil || second.Order != o.Order) {
		v.run.witness.broken(invariant.MoneyBalances, "order %s asked for again gave %s", o.Order, again)
	}
}

// bought is the outcome of a purchase, whatever becomes of the visit after it: answers
// that nobody should get are noted as they come.
const bought = ended("bought")

// outWithin is how long an admission may last after the purchase that ends it, which
// takes a second at most where the machine is not busy.
const outWithin = 30 * time.Second

// walkOut waits until the admission has ended and then, if of that kind, tries to
// go on.
func (v *visitor) walkOut(ctx context.Context) error {
	pass := v.pass
	wait := 250 * time.Millisecond
	for deadline := time.Now().Add(outWithin); ; wait = min(2*wait, 2*time.Second) {
		s, err := v.poll(ctx)
		if err != nil {
			return bought
		}
		if s.State == "finished" {
			break
		}
		if time.Now().After(deadline) {
			v.run.witness.broken(invariant.ToldOnce, "visitor %d bought and was still %s %s later", v.id, s.State, outWithin)
			return bought
		}
		if !pause(ctx, wait) {
			return bought
		}
	}
	v.run.witness.sees(invariant.ToldOnce)
	if v.profile == Pusher {
		if err := v.push(ctx, "after the purchase", pass); err != nil {
			return bought
		}
	}
	return bought
}
