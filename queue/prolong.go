package queue

import (
	"context"
	"fmt"
	"time"
)

// Prolong lengthens the session behind a pass by what the rules say, once a place, and
// tells when it ends now. Holds and payments have their own time and need none of it. A pass
// from before Redis was lost brings its visitor back inside first. May return ErrNotInside, ErrProlonged, ErrNotProlongable, or
// an UnavailableError.
func (r *Room) Prolong(ctx context.Context, pass Pass) (time.Time, error) {
	if _, err := r.PinFor(ctx, pass, 0); err != nil {
		return time.Time{}, err
	}
	a, err := r.run(ctx, "prolong", prolongScript, pass.Visitor, pass.Number)
	if err != nil {
		return time.Time{}, err
	}
	code, _ := a.rest[0].(string)
	deadline, _ := a.rest[1].(int64)
	switch code {
	case "prolonged":
		return timeOf(deadline), nil
	case "again":
		return timeOf(deadline), ErrProlonged
	case "never":
		return timeOf(deadline), ErrNotProlongable
	case "outside":
		return time.Time{}, ErrNotInside
	}
	return time.Time{}, fmt.Errorf("prolong answered %q", code)
}
