package booking

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"frontrow/internal/fault"
)

// HoldRequest asks for seats of a show, all or none: for those that Seats names, or
// for the best so many that are free, in a section or anywhere. Latest (µs, Redis's
// clock) bounds the hold beside the show's hold_seconds; Number is the queue number
// of the visitor's admission, and goes along to the order.
type HoldRequest struct {
	Show    Show
	Visitor string
	Number  int64
	Seats   []string
	Best    *int
	Section *string
	Latest  int64
	Trace   string
}

// Hold is a visitor's claim on seats until ExpiresAt (µs). Its State is held,
// paid, released or expired.
type Hold struct {
	ID, Show, Visitor    string
	Number, Fence        int64
	Seats                []string
	Amount               int64
	Currency, State      string
	ExpiresAt, CreatedAt int64
}

// holdTries is how often a hold starts over when what stood in its way has been
// cleared: an expired hold of the same visitor, a fence behind the database's.
const holdTries = 3

// Hold leases the seats at the door and then takes them in the database, in one
// short transaction. Who loses at the door costs the database nothing. It may
// return an *InvalidError, *UnknownSeatError, *TooManySeatsError,
// *SeatsTakenError, ErrSeatsShort, ErrSoldOut, ErrNotOnSale, ErrTooLate or
// ErrUnavailable.
func (s *Store) Hold(ctx context.Context, r HoldRequest) (Hold, error) {
	layout, err := s.checkHold(ctx, r)
	if err != nil {
		return Hold{}, err
	}
	if r.Best != nil {
		return s.best(ctx, r, layout, nil, func(seats []string) (Hold, error) {
			return s.holdThese(ctx, r, layout, seats)
		})
	}
	return s.holdThese(ctx, r, layout, r.Seats)
}

func (s *Store) holdThese(ctx context.Context, r HoldRequest, layout *Layout, seats []string) (Hold, error) {
	for range holdTries {
		h, err := s.lease(ctx, r, layout, seats)
		if err != nil {
			return Hold{}, err
		}
		fault.Point("hold.leased")
		// The lease is won: what follows is not cut short by a client who leaves.
		held, cancel := detached(ctx)
		err = s.take(held, h)
		if err == nil {
			cancel()
			fault.Point("hold.taken")
			return h.hold(h.CreatedAt), nil
		}
		err = s.settleLost(held, r.Show, layout, claim{h, h.seats(), h.SeatCount}, err)
		cancel()
		if !errors.Is(err, errTryAgain) {
			return Hold{}, err
		}
	}
	return Hold{}, fmt.Errorf("hold: still changing after %d tries: %w", holdTries, ErrUnavailable)
}

// errTryAgain says that what stood in the way of a hold is cleared.
var errTryAgain = errors.New("try again")

func (s *Store) checkHold(ctx context.Context, r HoldRequest) (*Layout, error) {
	if r.Show.Phase != PhaseOpen {
		return nil, ErrNotOnSale
	}
	f := &faults{}
	f.visitor(r.Visitor)
	n := len(r.Seats)
	if r.Best == nil {
		f.unless(n > 0, "seats", "must not be empty, unless best says how many")
		f.unless(r.Section == nil, "section", "goes with best alone")
	} else {
		f.unless(n == 0, "best", "cannot stand beside seats")
		f.unless(*r.Best >= 1, "best", "must be at least 1")
		n = max(n, *r.Best)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	if n > r.Show.MaxSeats {
		return nil, &TooManySeatsError{Limit: r.Show.MaxSeats}
	}
	layout, err := s.Layout(ctx, r.Show)
	if err != nil {
		return nil, err
	}
	if r.Section != nil && layout.sectionOf(r.Section) == nil {
		return nil, invalid("section", "is none of this show")
	}
	return layout, layout.check(r.Seats)
}

// check returns an *UnknownSeatError or *InvalidError for seats that cannot be held
// together.
func (l *Layout) check(seats []string) error {
	var unknown []string
	seen := map[string]bool{}
	for _, seat := range seats {
		if _, ok := l.Ordinal(seat); !ok && !seen[seat] {
			unknown = append(unknown, seat)
		} else if seen[seat] {
			return invalid("seats", "%q is there twice", seat)
		}
		seen[seat] = true
	}
	if len(unknown) > 0 {
		return &UnknownSeatError{Seats: unknown}
	}
	return nil
}

// lease wins all of the seats at the door, or says who else has them.
func (s *Store) lease(ctx context.Context, r HoldRequest, layout *Layout, seats []string) (holdRow, error) {
	seats = slices.Sorted(slices.Values(seats)) // rows are locked in this order
	h := holdRow{
		ID: ulid.Make().String(), ShowID: r.Show.ID, Visitor: r.Visitor, Number: r.Number,
		Seats: encode(seats), SeatCount: len(seats), MaxSeats: r.Show.MaxSeats, LayoutVersion: r.Show.LayoutVersion,
		Amount: layout.amount(seats), Currency: r.Show.Currency, State: HoldHeld, Trace: clip(r.Trace, maxTrace),
	}
	l, err := s.leaseSeats(ctx, r.Show, layout, h.ID, seats, int64(r.Show.HoldSeconds)*1_000_000, r.Latest)
	h.Fence, h.ExpiresAt, h.CreatedAt = l.fence, l.until, l.now
	return h, err
}

// lease is what the door gave: a fence, until when and at what time (µs).
type lease struct{ fence, until, now int64 }

// leaseSeats leases seats to a hold, all or none, for a time and no longer than latest.
func (s *Store) leaseSeats(ctx context.Context, show Show, layout *Layout, hold string, seats []string, length, latest int64) (lease, error) {
	args := []any{hold, length, latest}
	for _, o := range layout.ordinalsOf(seats) {
		args = append(args, o)
	}
	a, err := s.atDoor(ctx, leaseScript, show, args...)
	if err != nil {
		return lease{}, err
	}
	switch {
	case a.word == "late":
		return lease{}, ErrTooLate
	case a.word == "taken" && len(a.rest) > 2:
		return lease{}, taken(layout, a.rest[2:])
	case a.word != "ok" || len(a.rest) != 4:
		return lease{}, fmt.Errorf("lease answered %s with %d values", a.word, len(a.rest))
	}
	return lease{fence: number(a.rest[2]), until: number(a.rest[3]), now: a.now}, nil
}

// amount is what seats cost together.
func (l *Layout) amount(seats []string) (sum int64) {
	for _, o := range l.ordinalsOf(seats) {
		sum += l.Price(o)
	}
	return sum
}

func taken(layout *Layout, ordinals []string) error {
	e := &SeatsTakenError{}
	for _, o := range ordinals {
		e.Seats = append(e.Seats, layout.Seat(int(number(o))))
	}
	return e
}

// take writes the hold down: five statements with BEGIN and COMMIT. It returns
// errRollback if a guard refused.
func (s *Store) take(ctx context.Context, h holdRow) error {
	return s.transact(ctx, "hold", func(tx *gorm.DB) error {
		if err := tx.Create(&h).Error; err != nil {
			return err
		}
		if err := countPurchase(tx, h); err != nil {
			return err
		}
		n, err := takeSeats(tx, h, h.seats())
		if err == nil && n != int64(h.SeatCount) {
			return errRollback
		}
		return err
	})
}

// countPurchase adds the hold's seats to what its visitor has of the show.
func countPurchase(tx *gorm.DB, h holdRow) error {
	return tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "show_id"}, {Name: "visitor"}},
		DoUpdates: clause.Assignments(map[string]any{"taken": gorm.Expr("taken + ?", h.SeatCount)}),
	}).Create(&limitRow{ShowID: h.ShowID, Visitor: h.Visitor, Taken: h.SeatCount}).Error
}

// takeSeats is the guard that decides, whatever Redis said: it takes the seats
// that are free or whose hold is over, that no higher fence has touched, in the
// layout by which the hold was made, and only while the visitor's count, this hold
// included, is within the limit. It tells how many it took.
func takeSeats(tx *gorm.DB, h holdRow, seats []string) (int64, error) {
	return exec(tx, `UPDATE seats SET state = 'held', fence = ?, hold_id = ?, hold_until = ?
		WHERE show_id = ? AND seat IN ?
		AND layout_version = ?
		AND fence < ?
		AND (state = 'free' OR (state = 'held' AND hold_until <= ?))
		AND (SELECT taken FROM purchase_limits WHERE show_id = ? AND visitor = ?) <= ?`,
		h.Fence, h.ID, h.ExpiresAt, h.ShowID, seats, h.LayoutVersion, h.Fence, h.CreatedAt, h.ShowID, h.Visitor, h.MaxSeats)
}

// claim is the seats that a hold leased, and by how many it raises its visitor's
// count.
type claim struct {
	holdRow
	leased []string
	more   int
}

// settleLost finds out why the database refused a claim that the door had let
// through, puts right what can be, gives the leases back and returns the error
// for the visitor, or errTryAgain. After a COMMIT without an answer the leases
// are left to run out, since the hold may stand.
func (s *Store) settleLost(ctx context.Context, show Show, layout *Layout, c claim, cause error) error {
	if errors.Is(cause, errOutcomeUnknown) {
		return cause
	}
	reason := cause
	var differ []seatRow
	if errors.Is(cause, errRollback) {
		differ, reason = s.whyRefused(ctx, c)
	}
	if err := s.markSeats(ctx, show, c.ID, differ); err != nil {
		s.log.WarnContext(ctx, "seats not put right at the door", "show", c.ShowID, "error", err)
	}
	if len(c.leased) > 0 {
		if err := s.releaseLeases(ctx, show, layout, c.ID, c.Fence, c.leased); err != nil {
			s.log.WarnContext(ctx, "leases not released", "show", c.ShowID, "hold", c.ID, "error", err)
		}
	}
	return reason
}

// whyRefused tells the seats of which the door had another picture than the
// database has, and the reason.
func (s *Store) whyRefused(ctx context.Context, c claim) (differ []seatRow, reason error) {
	have, err := s.beyondLimit(ctx, c)
	if err != nil {
		return nil, err
	}
	if have > 0 {
		return nil, &TooManySeatsError{Limit: c.MaxSeats, Have: have}
	}
	var seats []seatRow
	err = s.db.WithContext(ctx).Where("show_id = ? AND seat IN ?", c.ShowID, c.leased).Order("ordinal").Find(&seats).Error
	if err != nil {
		return nil, failed("hold", err)
	}
	relaid := func(seat seatRow) bool { return seat.LayoutVersion != c.LayoutVersion }
	if len(seats) != len(c.leased) || slices.ContainsFunc(seats, relaid) {
		return nil, failed("hold", errRelaid)
	}
	lost := &SeatsTakenError{}
	for _, seat := range seats {
		free := seat.State == seatFree || seat.State == seatHeld && seat.HoldUntil <= c.CreatedAt
		if !free {
			lost.Seats = append(lost.Seats, seat.Seat)
		}
		if !free || seat.Fence >= c.Fence {
			differ = append(differ, seat)
		}
	}
	if len(lost.Seats) == 0 {
		return differ, errTryAgain
	}
	return differ, lost
}

// beyondLimit tells how many seats the visitor has if that leaves no room for the
// claim, else 0. If the count includes holds of theirs that are over and not yet
// swept, it ends those and looks again.
func (s *Store) beyondLimit(ctx context.Context, c claim) (have int, err error) {
	for look := range 2 {
		var limits []limitRow
		err := s.db.WithContext(ctx).Where("show_id = ? AND visitor = ?", c.ShowID, c.Visitor).Find(&limits).Error
		if err != nil {
			return 0, failed("hold", err)
		}
		if len(limits) == 0 || limits[0].Taken+c.more <= c.MaxSeats {
			return 0, nil
		}
		have = limits[0].Taken
		if look == 0 {
			own := s.db.Where("show_id = ? AND visitor = ?", c.ShowID, c.Visitor)
			if _, err := s.expire(ctx, c.CreatedAt, own); err != nil {
				return 0, err
			}
		}
	}
	return have, nil
}

func decodeSeats(s string) []string {
	var seats []string
	if err := json.Unmarshal([]byte(s), &seats); err != nil {
		return nil // verify names the order or hold that lists no seats
	}
	return seats
}

// maxTrace is the width of the trace columns, in bytes.
const maxTrace = 64

// clip cuts a text to n bytes of valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
