package booking

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"
)

// Change lets a visitor have other seats instead of those of a hold, in one step:
// a new hold with the same deadline takes the old one's place, or the old one stands
// as it was. Seats in both are never anybody else's in between. The request's
// Latest is of no account. Asked for the very seats of the hold, it changes nothing
// and returns it. It may return what Hold returns, ErrHoldNotFound, ErrNotYours,
// ErrHoldExpired, ErrAlreadyPaid or ErrPaymentUnderWay.
func (s *Store) Change(ctx context.Context, holdID string, r HoldRequest) (Hold, error) {
	old, err := s.findHold(ctx, r.Visitor, holdID)
	if err == nil && old.ShowID != r.Show.ID {
		err = ErrHoldNotFound
	}
	if err == nil {
		err = old.over(s.Now())
	}
	if err != nil {
		return Hold{}, err
	}
	layout, err := s.checkHold(ctx, r)
	if err != nil {
		return Hold{}, err
	}
	if r.Best != nil {
		own := layout.ordinalsOf(old.seats())
		return s.best(ctx, r, layout, own, func(seats []string) (Hold, error) {
			return s.changeTo(ctx, old, r, layout, seats)
		})
	}
	return s.changeTo(ctx, old, r, layout, r.Seats)
}

// over returns why a hold can no longer be changed or paid; nil while it is live.
func (r holdRow) over(now int64) error {
	switch {
	case r.State == HoldPaid:
		return ErrAlreadyPaid
	case r.paying():
		return ErrPaymentUnderWay
	case r.State != HoldHeld || r.ExpiresAt <= now:
		return ErrHoldExpired
	}
	return nil
}

func (s *Store) changeTo(ctx context.Context, old holdRow, r HoldRequest, layout *Layout, seats []string) (Hold, error) {
	for range holdTries {
		x, err := s.leaseExchange(ctx, old, r, layout, seats)
		if err != nil {
			return Hold{}, err
		}
		if len(x.added)+len(x.dropped) == 0 {
			return old.hold(x.next.CreatedAt), nil
		}
		// As in holdThese, what follows a lease is not cut short.
		held, cancel := detached(ctx)
		err = s.exchange(held, x)
		if err == nil {
			if err := s.handOver(held, r.Show.ID, x.told()); err != nil {
				s.log.WarnContext(ctx, "leases not handed over", "show", r.Show.ID, "hold", x.next.ID, "error", err)
			}
			cancel()
			return x.next.hold(x.next.CreatedAt), nil
		}
		err = s.settleUnchanged(held, r.Show, layout, x, err)
		cancel()
		if !errors.Is(err, errTryAgain) {
			return Hold{}, err
		}
	}
	return Hold{}, fmt.Errorf("change hold: still changing after %d tries: %w", holdTries, ErrUnavailable)
}

// exchange is one hold in the place of another: the seats that go over, those that
// come anew, and those that are let go.
type exchange struct {
	old, next            holdRow
	kept, added, dropped []string
}

// leaseExchange leases the seats that are new. Those that are kept stay leased to
// the old hold, whatever comes of the change: their lease ends with the same deadline.
func (s *Store) leaseExchange(ctx context.Context, old holdRow, r HoldRequest, layout *Layout, seats []string) (exchange, error) {
	seats = slices.Sorted(slices.Values(seats))
	x := exchange{old: old, next: old}
	for _, seat := range seats {
		if slices.Contains(old.seats(), seat) {
			x.kept = append(x.kept, seat)
		} else {
			x.added = append(x.added, seat)
		}
	}
	for _, seat := range old.seats() {
		if !slices.Contains(seats, seat) {
			x.dropped = append(x.dropped, seat)
		}
	}
	x.next.ID, x.next.Number, x.next.Trace = ulid.Make().String(), r.Number, clip(r.Trace, maxTrace)
	x.next.Seats, x.next.SeatCount, x.next.Amount = encode(seats), len(seats), layout.amount(seats)
	x.next.LayoutVersion, x.next.MaxSeats = r.Show.LayoutVersion, r.Show.MaxSeats
	if x.more() <= 0 {
		// A limit that was lowered since forbids nobody to have as many as before.
		x.next.MaxSeats = max(x.next.MaxSeats, old.MaxSeats)
	}
	if len(x.added) == 0 {
		now, err := s.RedisTime(ctx)
		x.next.CreatedAt = now
		return x, err
	}
	const noLonger = 2 * maxHoldSeconds * 1_000_000 // the deadline alone bounds it
	l, err := s.leaseSeats(ctx, r.Show, layout, x.next.ID, x.added, noLonger, old.ExpiresAt)
	if errors.Is(err, ErrTooLate) {
		err = ErrHoldExpired
	}
	x.next.Fence, x.next.CreatedAt = l.fence, l.now
	return x, err
}

// more is by how many seats the visitor's count rises.
func (x exchange) more() int { return x.next.SeatCount - x.old.SeatCount }

// told is what the event says of it.
func (x exchange) told() HoldExchanged {
	return HoldExchanged{
		Hold: x.old.ID, Fence: x.old.Fence, By: x.next.ID, ByFence: x.next.Fence, Number: x.next.Number,
		Seats: x.next.seats(), Freed: append([]string{}, x.dropped...), ExpiresAt: x.next.ExpiresAt,
	}
}

// exchange writes it down, in one transaction. It returns errRollback if a guard
// refused.
func (s *Store) exchange(ctx context.Context, x exchange) error {
	old, next := x.old, x.next
	event := s.event(HoldChanged, old.ShowID, old.ID, old.Visitor, next.Trace, x.told())
	err := s.transact(ctx, "change hold", func(tx *gorm.DB) error {
		if err := must(tx, 1, "UPDATE holds SET state = 'released' WHERE id = ? AND visitor = ? AND state = 'held' AND order_id = '' AND expires_at > ?",
			old.ID, old.Visitor, next.CreatedAt); err != nil {
			return err
		}
		if err := tx.Create(&next).Error; err != nil {
			return err
		}
		if more := x.more(); more != 0 {
			if err := must(tx, 1, "UPDATE purchase_limits SET taken = taken + ? WHERE show_id = ? AND visitor = ? AND taken + ? >= 0",
				more, old.ShowID, old.Visitor, more); err != nil {
				return err
			}
		}
		if err := x.moveSeats(tx); err != nil {
			return err
		}
		return event.write(tx)
	})
	if err == nil {
		event.told()
	}
	return err
}

// moveSeats hands the kept seats over, takes the new ones by the guards of every
// hold, and frees the rest.
func (x exchange) moveSeats(tx *gorm.DB) error {
	old, next := x.old, x.next
	const ofOld = "WHERE show_id = ? AND seat IN ? AND hold_id = ? AND fence = ? AND state = 'held'"
	if len(x.kept) > 0 {
		if err := must(tx, int64(len(x.kept)), "UPDATE seats SET hold_id = ?, fence = ? "+ofOld+" AND fence <= ?",
			next.ID, next.Fence, old.ShowID, x.kept, old.ID, old.Fence, next.Fence); err != nil {
			return err
		}
	}
	if len(x.added) > 0 {
		n, err := takeSeats(tx, next, x.added)
		if err != nil {
			return err
		}
		if n != int64(len(x.added)) {
			return errRollback
		}
	}
	if len(x.dropped) == 0 {
		return nil
	}
	return must(tx, int64(len(x.dropped)), "UPDATE seats SET state = 'free', hold_id = '', hold_until = 0 "+ofOld,
		old.ShowID, x.dropped, old.ID, old.Fence)
}

// handOver hands the leases of the kept seats over at the door and gives those of the
// dropped ones back. Until then the old hold leases them, to the same deadline.
func (s *Store) handOver(ctx context.Context, showID string, x HoldExchanged) error {
	show, layout, err := s.laidOut(ctx, showID)
	if err != nil {
		return err
	}
	kept := layout.ordinalsOf(x.Seats)
	args := []any{x.Hold, x.Fence, x.By, x.ByFence, x.ExpiresAt, len(kept)}
	for _, o := range append(kept, layout.ordinalsOf(x.Freed)...) {
		args = append(args, o)
	}
	_, err = s.atDoor(ctx, handoverScript, show, args...)
	return err
}

// HandOver makes sure that the door knows of a hold that took another's place. The
// gateway that changed it has usually told it already; this is for when it could not.
// It does nothing for a show that is gone.
func (s *Store) HandOver(ctx context.Context, e Event) error {
	x, err := payloadOf[HoldExchanged](e)
	if err != nil {
		return fmt.Errorf("hand over: %w", err)
	}
	if _, _, err = s.laidOutNow(ctx, e.Show); err == nil {
		err = s.handOver(ctx, e.Show, x)
	}
	if errors.Is(err, ErrShowNotFound) || errors.Is(err, errUnloaded) {
		return nil // what is not loaded will be from the database, which knows
	}
	return err
}

// settleUnchanged finds out why the database refused a change, as settleLost does
// for a hold: the old hold may have come to its end meanwhile.
func (s *Store) settleUnchanged(ctx context.Context, show Show, layout *Layout, x exchange, cause error) error {
	reason := s.settleLost(ctx, show, layout, claim{x.next, x.added, x.more()}, cause)
	if !errors.Is(cause, errRollback) {
		return reason
	}
	now, err := s.findHold(ctx, x.old.Visitor, x.old.ID)
	if err == nil {
		err = now.over(x.next.CreatedAt)
	}
	if err != nil {
		return err
	}
	return reason
}
