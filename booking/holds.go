package booking

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"
)

// The states of a hold that others ask for, and those that only the sale needs.
const (
	HoldHeld     = "held"
	HoldPaying   = "paying" // held, and a card payment is under way
	HoldPaid     = "paid"
	holdReleased = "released"
	holdExpired  = "expired"
)

type holdRow struct {
	ID            string `gorm:"primaryKey"`
	ShowID        string
	Visitor       string
	Number        int64
	Seats         string
	SeatCount     int
	MaxSeats      int
	LayoutVersion int
	Amount        int64
	Currency      string
	Fence         int64
	State         string
	ExpiresAt     int64
	Trace         string
	CreatedAt     int64  `gorm:"autoCreateTime:false"`
	OrderID       string // of the card payment that is under way, or that paid it
}

func (holdRow) TableName() string { return "holds" }

func (r holdRow) seats() []string { return decodeSeats(r.Seats) }

// paying tells whether a card payment of it is under way: it does not lapse then.
func (r holdRow) paying() bool { return r.State == HoldHeld && r.OrderID != "" }

// hold is the row as others see it at a time: one past its deadline is over,
// swept or not.
func (r holdRow) hold(now int64) Hold {
	switch {
	case r.paying():
		r.State = HoldPaying
	case r.State == HoldHeld && r.ExpiresAt <= now:
		r.State = holdExpired
	}
	return Hold{
		ID: r.ID, Show: r.ShowID, Visitor: r.Visitor, Number: r.Number, Fence: r.Fence, Seats: r.seats(),
		Amount: r.Amount, Currency: r.Currency, State: r.State, ExpiresAt: r.ExpiresAt, CreatedAt: r.CreatedAt,
	}
}

type limitRow struct {
	ShowID  string `gorm:"primaryKey"`
	Visitor string `gorm:"primaryKey"`
	Taken   int
}

func (limitRow) TableName() string { return "purchase_limits" }

var visitorPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (f *faults) visitor(visitor string) {
	f.unless(visitorPattern.MatchString(visitor), "visitor", "must match [A-Za-z0-9_-]{1,64}")
}

// isID tells whether an id can be one of ours. MySQL takes a text and the same
// text with spaces after it for equal, so that nothing else may reach it.
func isID(id string) bool {
	parsed, err := ulid.ParseStrict(id)
	return err == nil && parsed.String() == id
}

// FindHold is a visitor's own hold. It may return ErrHoldNotFound, ErrNotYours
// or ErrUnavailable.
func (s *Store) FindHold(ctx context.Context, visitor, id string) (Hold, error) {
	row, err := s.findHold(ctx, visitor, id)
	if err != nil {
		return Hold{}, err
	}
	return row.hold(s.Now()), nil
}

func (s *Store) findHold(ctx context.Context, visitor, id string) (holdRow, error) {
	var rows []holdRow
	if !isID(id) {
		return holdRow{}, ErrHoldNotFound
	}
	if err := s.db.WithContext(ctx).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return holdRow{}, failed("find hold", err)
	}
	if len(rows) == 0 {
		return holdRow{}, ErrHoldNotFound
	}
	if rows[0].Visitor != visitor {
		return holdRow{}, ErrNotYours
	}
	return rows[0], nil
}

// listMost bounds the lists of a visitor's holds and orders.
const listMost = 100

// HoldsOf lists the latest holds of a visitor, newest first.
func (s *Store) HoldsOf(ctx context.Context, visitor string) ([]Hold, error) {
	if !visitorPattern.MatchString(visitor) {
		return nil, nil
	}
	return s.holds(ctx, "holds of visitor", s.db.Where("visitor = ?", visitor).Order("id DESC").Limit(listMost))
}

// LiveHolds lists the holds of a show that have not ended.
func (s *Store) LiveHolds(ctx context.Context, showID string) ([]Hold, error) {
	return s.holds(ctx, "live holds",
		s.db.Where("show_id = ? AND state = 'held' AND expires_at > ?", showID, s.Now()).Order("id"))
}

func (s *Store) holds(ctx context.Context, op string, query *gorm.DB) ([]Hold, error) {
	var rows []holdRow
	if err := query.WithContext(ctx).Find(&rows).Error; err != nil {
		return nil, failed(op, err)
	}
	now := s.Now()
	holds := make([]Hold, len(rows))
	for i, row := range rows {
		holds[i] = row.hold(now)
	}
	return holds, nil
}

// Release gives a visitor's own hold back, at once and as a whole; one that is
// over already stays so. heldUntil is the latest deadline (µs) of the visitor's
// other live holds of the show, 0 if there are none. It may return
// ErrHoldNotFound, ErrNotYours, ErrAlreadyPaid, ErrPaymentUnderWay or ErrUnavailable.
func (s *Store) Release(ctx context.Context, visitor, holdID string) (heldUntil int64, err error) {
	row, err := s.findHold(ctx, visitor, holdID)
	if err != nil {
		return 0, err
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	if row.State == HoldHeld && !row.paying() {
		err := s.endHold(ctx, row, holdReleased, "1 = 1")
		if errors.Is(err, errRollback) { // somebody else was first: see who
			row, err = s.findHold(ctx, visitor, holdID)
		} else if err == nil {
			s.releaseAtDoor(ctx, row)
		}
		if err != nil {
			return 0, err
		}
	}
	switch {
	case row.State == HoldPaid:
		return 0, ErrAlreadyPaid
	case row.paying():
		return 0, ErrPaymentUnderWay
	}
	return s.HeldUntil(ctx, visitor, row.ShowID)
}

// HeldUntil is up to when (µs) a visitor's live holds of a show keep them inside, 0 if
// they have none: to the hold's deadline, or while it is being paid for as long as a
// payment may, which is shorter than its seats wait.
func (s *Store) HeldUntil(ctx context.Context, visitor, showID string) (until int64, err error) {
	err = s.db.WithContext(ctx).Raw(
		`SELECT COALESCE(MAX(CASE WHEN h.order_id = '' THEN h.expires_at ELSE p.created_at + ? END), 0)
		FROM holds h LEFT JOIN payments p ON p.order_id = h.order_id
		WHERE h.visitor = ? AND h.show_id = ? AND h.state = 'held' AND h.expires_at > ?`,
		s.payments.Slot.Microseconds(), visitor, showID, s.Now()).Row().Scan(&until)
	return until, failed("held until", err)
}

// releaseAtDoor lets others have the seats at once; should it fail, they have
// them when the lease runs out.
func (s *Store) releaseAtDoor(ctx context.Context, row holdRow) {
	show, layout, err := s.laidOut(ctx, row.ShowID)
	if err == nil {
		err = s.releaseLeases(ctx, show, layout, row.ID, row.Fence, row.seats())
	}
	if err != nil {
		s.log.WarnContext(ctx, "leases not released", "show", row.ShowID, "hold", row.ID, "error", err)
	}
}

// endHold turns a held hold into a released or expired one, in one transaction:
// the count of its visitor goes down, the seats that it still has are free, and
// the event is told. guard is a condition on the hold beside its state; where it
// fails the answer is errRollback.
func (s *Store) endHold(ctx context.Context, row holdRow, state, guard string, args ...any) error {
	event := s.event("hold."+state, row.ShowID, row.ID, row.Visitor, row.Trace, HoldEnded{
		Hold: row.ID, Number: row.Number, Seats: row.seats(), ExpiresAt: row.ExpiresAt,
	})
	err := s.transact(ctx, "end hold", func(tx *gorm.DB) error {
		err := must(tx, 1, fmt.Sprintf("UPDATE holds SET state = ? WHERE id = ? AND state = 'held' AND order_id = '' AND %s", guard),
			append([]any{state, row.ID}, args...)...)
		if err != nil {
			return err
		}
		if _, err := exec(tx, "UPDATE purchase_limits SET taken = taken - ? WHERE show_id = ? AND visitor = ? AND taken >= ?",
			row.SeatCount, row.ShowID, row.Visitor, row.SeatCount); err != nil {
			return err
		}
		if _, err := exec(tx, `UPDATE seats SET state = 'free', hold_id = '', hold_until = 0
			WHERE show_id = ? AND seat IN ? AND hold_id = ? AND fence = ? AND state = 'held'`,
			row.ShowID, row.seats(), row.ID, row.Fence); err != nil {
			return err
		}
		return event.write(tx)
	})
	if err == nil {
		event.told()
	}
	return err
}

// sweepBatch is how many expired holds one query brings. When a rush of holds
// ends at once the rest follow in the same sweep, up to sweepRounds times.
const (
	sweepBatch  = 100
	sweepRounds = 10
)

// ExpireHolds tidies up after holds that were over at a time (µs, on Redis's
// clock, better a little early than late), and tells how many it ended. Their
// seats were free already, by the guards of Hold.
func (s *Store) ExpireHolds(ctx context.Context, now int64) (ended int, err error) {
	for range sweepRounds {
		n, err := s.expire(ctx, now, s.db)
		ended += n
		if err != nil || n < sweepBatch {
			return ended, err
		}
	}
	return ended, nil
}

// expire ends one batch of expired holds among those that scope picks.
func (s *Store) expire(ctx context.Context, now int64, scope *gorm.DB) (ended int, err error) {
	var rows []holdRow
	err = scope.WithContext(ctx).Where("state = 'held' AND order_id = '' AND expires_at <= ?", now).
		Order("expires_at").Limit(sweepBatch).Find(&rows).Error
	if err != nil {
		return 0, failed("expire holds", err)
	}
	for _, row := range rows {
		err := s.endHold(ctx, row, holdExpired, "expires_at <= ?", now)
		switch {
		case err == nil:
			ended++
		case !errors.Is(err, errRollback): // else another gateway was first
			return ended, err
		}
	}
	return ended, nil
}
