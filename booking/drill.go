package booking

import (
	"context"
	"errors"
	"time"

	"frontrow/internal/invariant"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"
)

// drillFenceAt is far above any fence that a clock gives.
const drillFenceAt = int64(1) << 60

// drillSeat is the seat that the drills are done with: one that was touched, so
// that the guards have something to guard, if there is one.
func (b *books) drillSeat() string {
	seat := ""
	for _, name := range sorted(b.seats) {
		if b.seats[name].Fence > 0 {
			return name
		}
		seat = name
	}
	return seat
}

// drill runs f in a transaction of the sale's kind that never commits.
func (s *Store) drill(ctx context.Context, f func(tx *gorm.DB) error) error {
	err := s.transact(ctx, "drill", func(tx *gorm.DB) error {
		if err := f(tx); err != nil {
			return err
		}
		return errRollback
	})
	if errors.Is(err, errRollback) {
		return nil
	}
	return err
}

// drillFence tries, with the very statement of the sale, to take a seat under a
// fence older than the seat's. Everything else is made such that only the fence
// can refuse; that it does is proved by a newer one right after.
func (s *Store) drillFence(ctx context.Context, show Show, b *books) error {
	seat := b.drillSeat()
	if seat == "" {
		return nil
	}
	h := holdRow{
		ID: ulid.Make().String(), ShowID: show.ID, Visitor: "verify-" + ulid.Make().String(), Seats: encode([]string{seat}),
		SeatCount: 1, MaxSeats: 1, LayoutVersion: b.seats[seat].LayoutVersion, CreatedAt: b.now, ExpiresAt: b.now + time.Minute.Microseconds(),
	}
	var older, newer int64
	err := s.drill(ctx, func(tx *gorm.DB) error {
		if err := countPurchase(tx, h); err != nil {
			return err
		}
		if _, err := exec(tx, "UPDATE seats SET state = 'free', fence = ? WHERE show_id = ? AND seat = ?", drillFenceAt, show.ID, seat); err != nil {
			return err
		}
		var err error
		if h.Fence = drillFenceAt - 1; err == nil {
			older, err = takeSeats(tx, h, h.seats())
		}
		if h.Fence = drillFenceAt + 1; err == nil {
			newer, err = takeSeats(tx, h, h.seats())
		}
		return err
	})
	if err != nil {
		return err
	}
	if older != 0 {
		b.broken(invariant.SoldOnce, "an older fence takes seat %s: the guard is not in force", seat)
	} else if newer != 1 {
		b.broken(invariant.SoldOnce, "a free seat cannot be taken under a newer fence: %d rows for seat %s", newer, seat)
	}
	return nil
}

// drillTicket tries to give a seat away twice.
func (s *Store) drillTicket(ctx context.Context, show Show, b *books) error {
	seat := b.drillSeat()
	if seat == "" {
		return nil
	}
	var second error
	err := s.drill(ctx, func(tx *gorm.DB) error {
		if _, sold := b.tickets[seat]; !sold {
			if err := tx.Create(&ticketRow{ShowID: show.ID, Seat: seat, OrderID: "verify"}).Error; err != nil && !errors.Is(err, gorm.ErrDuplicatedKey) {
				return err
			}
		}
		second = tx.Create(&ticketRow{ShowID: show.ID, Seat: seat, OrderID: "verify"}).Error
		if errors.Is(second, gorm.ErrDuplicatedKey) {
			return nil
		}
		return second
	})
	if err == nil && second == nil {
		b.broken(invariant.SoldOnce, "seat %s takes a second ticket: the unique key is not in force", seat)
	}
	return err
}

// doorLag is how long a seat may be sold before the door says so.
const doorLag = time.Second

// verifyDoor compares a loaded door with the database: no seat that is sold, or not for
// sale, is shown as free. What differs is looked at again after doorLag.
func (s *Store) verifyDoor(ctx context.Context, show Show, b *books) error {
	if show.Phase != PhaseOpen {
		return nil
	}
	free, err := s.soldButFree(ctx, show)
	if err == nil && len(free) > 0 {
		if !sleep(ctx, doorLag) {
			return ctx.Err()
		}
		free, err = s.soldButFree(ctx, show)
	}
	if errors.Is(err, errUnloaded) {
		return nil
	}
	for _, seat := range free {
		b.broken(invariant.SoldOnce, "seat %s is sold or not for sale, and free at the door", seat)
	}
	return err
}

// soldButFree asks the database first: what is sold in between can only be
// known later at the door, not earlier.
func (s *Store) soldButFree(ctx context.Context, show Show) ([]string, error) {
	seats, err := s.readSeats(ctx, show.ID)
	if err != nil {
		return nil, err
	}
	states, err := s.lookAtDoor(ctx, show)
	if err != nil {
		return nil, err
	}
	var free []string
	for _, seat := range seats {
		if seat.State == seatSold && seat.Ordinal < len(states.States) && states.States[seat.Ordinal] == letterFree {
			free = append(free, seat.Seat)
		}
	}
	return free, nil
}
