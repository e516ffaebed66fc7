package queue

import "context"

// Prefer has somebody who waits called before their turn, as an operator wants it: they go first in the
// next admission, which lets in no more than the rules and the seats allow. Until then they stay where
// they are in line, and there again if they do not claim in time. If Redis is lost meanwhile, it is as if nobody had asked.
// Again, it changes nothing. It returns ErrNotWaiting for who is not in line, or not there at the moment, or an UnavailableError.
func (r *Room) Prefer(ctx context.Context, visitor string) error {
	a, err := r.run(ctx, "prefer", preferScript, visitor)
	if err != nil {
		return err
	}
	if number, _ := a.rest[0].(int64); number == 0 {
		return ErrNotWaiting
	}
	if _, err := r.walks.Do(ctx, struct{}{}); err != nil {
		r.queue.log.WarnContext(ctx, "not let in at once", "show", r.show, "error", err) // the Admitter does it
	}
	return nil
}
