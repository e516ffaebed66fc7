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
	if v.habit == quitter {
		return v.leave(ctx, "left from inside")
	}
	h, err := v.holdSome(ctx)
	if err != nil {
		return err
	}
	if v.habit == changer {
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

// holdSome tries until it has seats, or there are none.
func (v *visitor) holdSome(ctx context.Context) (hold, error) {
	for range 60 {
		free, err := v.freeSeats(ctx)
		if err != nil {
			return hold{}, err
		}
		if len(free) == 0 {
			return hold{}, v.leave(ctx, "sold out")
		}
		a, err := v.ask(ctx, request{
			method: http.MethodPost, path: "/v1/shows/" + v.run.show + "/holds", bearer: v.pass,
			body: map[string]any{"seats": v.choose(free)},
		})
		if err != nil {
			return hold{}, err
		}
		if a.lost && a.status != http.StatusCreated {
			// The answer was lost, not always the hold: then the limit counts it.
			if h, ok, err := v.mine(ctx); err != nil || ok {
				return h, err
			}
		}
		var h hold
		switch code := a.problem(); {
		case a.status == http.StatusCreated && a.into(&h) == nil:
			v.pass = h.Pass
			return h, nil
		case code == "seats_taken":
			v.run.witness.outcome("seat lost")
			if !pause(ctx, time.Duration(50+v.random.IntN(500))*time.Millisecond) {
				return hold{}, ctx.Err()
			}
		case code == "pass_expired" || code == "pass_invalid":
			s, err := v.poll(ctx)
			if err != nil {
				return hold{}, err
			}
			if s.State != "admitted" {
				v.run.witness.outcome("session over")
				return hold{}, errDone
			}
		default:
			v.run.witness.surprise("hold", a)
			return hold{}, fmt.Errorf("hold answered %d", a.status)
		}
	}
	return hold{}, v.leave(ctx, "found no seat")
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
	v.charge++
	a, err := v.run.charge(ctx, v, amount, fmt.Sprintf("charge-%d", v.charge))
	if err == nil && a.status != http.StatusCreated {
		v.run.witness.surprise("charge", a)
	}
	return err
}

// pay pays under one key however often it takes, and looks whether that was once.
func (v *visitor) pay(ctx context.Context, h hold) error {
	pay := request{
		method: http.MethodPost, path: "/v1/orders", bearer: v.pass, key: "pay-" + h.Hold,
		body: map[string]any{"hold": h.Hold, "payment": map[string]string{"method": "wallet"}},
	}
	a, err := v.ask(ctx, pay)
	if err != nil {
		return err
	}
	var o order
	switch code := a.problem(); {
	case a.status == http.StatusCreated && a.into(&o) == nil && o.State == "paid":
	case code == "hold_expired" && time.Now().After(h.ExpiresAt.Add(-time.Second)):
		v.run.witness.outcome("hold ran out")
		return errDone
	case code == "hold_expired":
		v.run.witness.broken(invariant.SoldOnce, "the hold %s was good until %s and is lost", h.Hold, h.ExpiresAt.Format(time.RFC3339))
		return errDone
	case code == "pass_expired" && a.lost:
		v.run.witness.outcome("session over")
		return errDone
	default:
		v.run.witness.surprise("pay", a)
		return fmt.Errorf("pay answered %d", a.status)
	}
	v.run.witness.paid(paidOrder{id: o.Order, visitor: fmt.Sprint(v.id), token: v.token, seats: o.Seats})
	v.run.witness.outcome("bought")
	if v.habit == twice {
		pay.bearer = v.token // the admission may be over; the key is known
		again, err := v.ask(ctx, pay)
		var second order
		if err == nil && (again.status != http.StatusCreated || again.into(&second) != nil || second.Order != o.Order) {
			v.run.witness.broken(invariant.MoneyBalances, "order %s asked for again gave %s", o.Order, again)
		}
	}
	return v.walkOut(ctx)
}

// walkOut waits until the admission has ended, which takes a second at most, and
// then, if of that kind, tries to go on.
func (v *visitor) walkOut(ctx context.Context) error {
	pass := v.pass
	for deadline := time.Now().Add(30 * time.Second); ; {
		s, err := v.poll(ctx)
		if err != nil {
			return err
		}
		if s.State == "finished" {
			break
		}
		if time.Now().After(deadline) {
			v.run.witness.broken(invariant.ToldOnce, "visitor %d bought and was still %s half a minute later", v.id, s.State)
			return errDone
		}
		if !pause(ctx, 250*time.Millisecond) {
			return ctx.Err()
		}
	}
	if v.habit == pusher {
		if err := v.push(ctx, "after the purchase", pass); err != nil {
			return err
		}
	}
	return errDone
}
