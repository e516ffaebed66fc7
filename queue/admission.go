package queue

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Pin is an admission made to last.
type Pin struct {
	Now   int64 // us, Redis's clock
	Until int64 // us: the admission ends then
	Max   int64 // us: no chain of pins goes further
	// Before is when the admission would have ended without this pin (us).
	Before int64
}

// PinFor makes the admission behind a pass last for a moment from now, at least:
// nobody holds or pays without. A pass from before Redis was lost brings its visitor
// back inside first. May return ErrNotInside, or an UnavailableError.
func (r *Room) PinFor(ctx context.Context, pass Pass, moment time.Duration) (Pin, error) {
	pin, err := r.pin(ctx, pass.Visitor, pass.Number, "pin", 0, moment.Microseconds())
	if !errors.Is(err, ErrNotInside) {
		return pin, err
	}
	v, err := r.fresh()
	if err != nil {
		return Pin{}, err
	}
	if !v.isYoungerThan(pass) {
		return Pin{}, ErrNotInside
	}
	s, err := r.resolve(ctx, v, Who{Visitor: pass.Visitor, Since: pass.Since, Pass: &pass})
	if err != nil && !errors.Is(err, ErrPlaceExpired) {
		return Pin{}, err
	}
	if s.State != Admitted {
		return Pin{}, ErrNotInside
	}
	return r.pin(ctx, pass.Visitor, pass.Number, "pin", 0, moment.Microseconds())
}

// PinUntil makes the visitor's admission last at least until a time (us), but not
// beyond its maximum. May return ErrNotInside, or an UnavailableError.
func (r *Room) PinUntil(ctx context.Context, visitor string, number, until int64) (Pin, error) {
	return r.pin(ctx, visitor, number, "pin", until, 0)
}

// Unpin gives the session's deadline back, or that of another hold (us) where
// there is one; 0 for none. Somebody who is not inside stays outside.
func (r *Room) Unpin(ctx context.Context, visitor string, number, until int64) error {
	return r.unpin(ctx, visitor, number, until, 0)
}

// GiveBack undoes a pin that was for nothing. Where another request has pinned the
// admission since, theirs stands.
func (r *Room) GiveBack(ctx context.Context, pass Pass, pin Pin) error {
	if pin.Until <= pin.Before {
		return nil
	}
	return r.unpin(ctx, pass.Visitor, pass.Number, pin.Before, pin.Until)
}

func (r *Room) unpin(ctx context.Context, visitor string, number, until, still int64) error {
	_, err := r.pin(ctx, visitor, number, "unpin", until, still)
	if errors.Is(err, ErrNotInside) {
		return nil
	}
	return err
}

func (r *Room) pin(ctx context.Context, visitor string, number int64, how string, until, more int64) (Pin, error) {
	a, err := r.run(ctx, "pin", pinScript, visitor, number, how, until, more)
	if err != nil {
		return Pin{}, err
	}
	if len(a.rest) != 3 {
		return Pin{}, fmt.Errorf("pin answered %v", a.rest)
	}
	p := Pin{Now: a.now}
	p.Until, _ = a.rest[0].(int64)
	p.Max, _ = a.rest[1].(int64)
	p.Before, _ = a.rest[2].(int64)
	if p.Until == 0 {
		return p, ErrNotInside
	}
	return p, nil
}

func asUnavailable(err error) (*UnavailableError, bool) {
	var u *UnavailableError
	ok := errors.As(err, &u)
	return u, ok
}
