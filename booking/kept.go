package booking

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// Why a seat is not for sale.
const (
	KeptHouse   = "house"   // kept back for the organiser, guests, sponsors
	KeptBlocked = "blocked" // nobody can sit there
)

// MostKept is how many seats may be named at once, and how many one transaction changes.
const MostKept = 1000

// keptPerUpdate keeps what one entry of the audit says within its column.
const keptPerUpdate = 500

// Keeping takes seats out of the sale, or puts them back: either those that Seats names, or all
// that are in the state Was, in a section or anywhere. State and Was are KeptHouse,
// KeptBlocked or "free", which is for sale and nobody's.
type Keeping struct {
	Seats   []string
	Was     string
	Section *string
	State   string
}

// KeptSeats are the seats of a show that are not for sale, in the order of the plan.
type KeptSeats struct {
	House, Blocked []string
}

// KeepSeats does as it is told, and tells how many seats it changed. Seats that are named are
// changed all or none: a seat that somebody has is in the way, one that is as wanted is not.
// Those of a state are changed MostKept at a time; whichever were taken in between are left
// alone. It may return an *InvalidError, *UnknownSeatError, *SeatsTakenError,
// ErrShowNotFound, ErrContended or ErrUnavailable.
func (s *Store) KeepSeats(ctx context.Context, showID string, k Keeping) (changed int, err error) {
	show, layout, err := s.laidOutNow(ctx, showID)
	if err != nil {
		return 0, failed("keep seats", err)
	}
	if err := k.check(layout); err != nil {
		return 0, err
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	if len(k.Seats) > 0 {
		return s.keepNamed(ctx, show, k)
	}
	seats, err := s.seatsIn(ctx, show, k.Was, k.Section)
	for chunk := range slices.Chunk(seats, MostKept) {
		var n int
		k.Seats = chunk
		if n, err = s.keepNamed(ctx, show, k); err != nil {
			break
		}
		changed += n
	}
	return changed, err
}

func (k Keeping) check(l *Layout) error {
	f := &faults{}
	f.unless(slices.Contains([]string{seatFree, KeptHouse, KeptBlocked}, k.State), "state", "must be free, house or blocked")
	if k.Was == "" {
		f.within("seats", len(k.Seats), 1, MostKept)
		f.unless(k.Section == nil, "section", "goes with was alone")
	} else {
		f.unless(len(k.Seats) == 0, "was", "cannot stand beside seats")
		f.unless(slices.Contains([]string{seatFree, KeptHouse, KeptBlocked}, k.Was), "was", "must be free, house or blocked")
		f.unless(k.Was != k.State, "was", "must be another than state")
		f.unless(k.Section == nil || l.sectionOf(k.Section) != nil, "section", "is none of this show")
	}
	if err := f.err(); err != nil {
		return err
	}
	return l.check(k.Seats)
}

// seatsIn lists the seats that are in a state now, in a section or anywhere.
func (s *Store) seatsIn(ctx context.Context, show Show, state string, section *string) ([]string, error) {
	query := s.db.WithContext(ctx).Model(&seatRow{}).Where("show_id = ?", show.ID)
	if state == seatFree {
		query = query.Where("(state = 'free' OR (state = 'held' AND hold_until <= ?))", s.Now())
	} else {
		query = query.Where("kept = ?", state)
	}
	if section != nil {
		query = query.Where("section = ?", *section)
	}
	var seats []string
	err := query.Order("ordinal").Pluck("seat", &seats).Error
	return seats, failed("keep seats", err)
}

// keepNamed changes up to MostKept seats: those that Was says if it says so, else all or none.
func (s *Store) keepNamed(ctx context.Context, show Show, k Keeping) (int, error) {
	for range holdTries {
		n, err := s.keepOnce(ctx, show, k)
		if !errors.Is(err, errRollback) {
			return n, err
		}
	}
	return 0, fmt.Errorf("keep seats of %s: %w", show.ID, ErrContended)
}

// keepOnce looks which seats have to change and changes those, under a fence above their own.
// It returns errRollback if one of them changed in between.
func (s *Store) keepOnce(ctx context.Context, show Show, k Keeping) (int, error) {
	now, err := s.RedisTime(ctx)
	if err != nil {
		return 0, err
	}
	rows, err := s.toKeep(ctx, show, k, now)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	fence, kept := now, keptAs(k.State)
	for _, r := range rows {
		fence = max(fence, r.Fence+1)
	}
	err = s.transact(ctx, "keep seats", func(tx *gorm.DB) error {
		for _, was := range []string{"", KeptHouse, KeptBlocked} {
			for seats := range slices.Chunk(seatsKeptAs(rows, was), keptPerUpdate) {
				if err := s.keep(ctx, tx, show, seats, was, k.State, fence, now); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for i := range rows {
		rows[i].State, rows[i].Kept, rows[i].Fence = stateOf(kept), kept, fence
	}
	// As with a sale, nothing depends on it: the database refuses what the door would let through.
	if err := s.markSeats(ctx, show, "", rows); err != nil && !errors.Is(err, errUnloaded) {
		s.log.WarnContext(ctx, "seats not marked at the door", "show", show.ID, "error", err)
	}
	return len(rows), nil
}

// keep is the guarded change of some seats that were kept in one way, or not at all.
func (s *Store) keep(ctx context.Context, tx *gorm.DB, show Show, seats []string, was, state string, fence, now int64) error {
	kept := keptAs(state)
	if err := must(tx, int64(len(seats)), `UPDATE seats SET state = ?, kept = ?, fence = ?, hold_id = '', hold_until = 0
		WHERE show_id = ? AND seat IN ? AND layout_version = ? AND fence < ? AND kept = ?
		AND (kept <> '' OR state = 'free' OR (state = 'held' AND hold_until <= ?))`,
		stateOf(kept), kept, fence, show.ID, seats, show.LayoutVersion, fence, was, now); err != nil {
		return err
	}
	return s.audit(ctx, tx, "keep seats", show.ID, values{"state": stateNamed(was)}, values{"state": state, "seats": seats})
}

// toKeep reads the seats that are not yet as wanted, sorted as they are locked. If seats were
// named and somebody has one, it returns a *SeatsTakenError.
func (s *Store) toKeep(ctx context.Context, show Show, k Keeping, now int64) (rows []seatRow, err error) {
	var all []seatRow
	err = s.db.WithContext(ctx).Where("show_id = ? AND seat IN ?", show.ID, k.Seats).Order("seat").Find(&all).Error
	if err != nil {
		return nil, failed("keep seats", err)
	}
	lost := &SeatsTakenError{}
	for _, r := range all {
		is := r.Kept
		if is == "" && (r.State == seatFree || r.State == seatHeld && r.HoldUntil <= now) {
			is = seatFree
		}
		switch {
		case k.Was != "" && is != k.Was, is == k.State:
		case is == "":
			lost.Seats = append(lost.Seats, r.Seat)
		default:
			rows = append(rows, r)
		}
	}
	if len(lost.Seats) > 0 {
		return nil, lost
	}
	return rows, nil
}

func seatsKeptAs(rows []seatRow, kept string) (seats []string) {
	for _, r := range rows {
		if r.Kept == kept {
			seats = append(seats, r.Seat)
		}
	}
	return seats
}

// Kept lists the seats of a show that are not for sale. It may return ErrUnavailable.
func (s *Store) Kept(ctx context.Context, show string) (k KeptSeats, err error) {
	var rows []seatRow
	err = s.db.WithContext(ctx).Where("show_id = ? AND kept <> ''", show).Order("ordinal").Select("seat", "kept").Find(&rows).Error
	return KeptSeats{House: seatsKeptAs(rows, KeptHouse), Blocked: seatsKeptAs(rows, KeptBlocked)}, failed("kept seats", err)
}

// keptAs is what the column kept says of a seat in a state of a Keeping.
func keptAs(state string) string {
	if state == seatFree {
		return ""
	}
	return state
}

// stateNamed is the reverse of keptAs.
func stateNamed(kept string) string {
	if kept == "" {
		return seatFree
	}
	return kept
}

// stateOf is the state of a seat that is nobody's.
func stateOf(kept string) string {
	if kept != "" {
		return seatSold
	}
	return seatFree
}

// keptFrom tells of seats why they are not for sale from the beginning.
func keptFrom(sections []Section) map[string]string {
	kept := map[string]string{}
	for _, s := range sections {
		for _, seat := range s.House {
			kept[seat] = KeptHouse
		}
		for _, seat := range s.Blocked {
			kept[seat] = KeptBlocked
		}
	}
	return kept
}

// forSale are sections as a layout has them, which says nothing of what is for sale.
func forSale(sections []Section) []Section {
	sections = slices.Clone(sections)
	for i := range sections {
		sections[i].House, sections[i].Blocked = nil, nil
	}
	return sections
}

// kept judges what a section says is not for sale.
func (f *faults) kept(at string, s Section) {
	there := map[string]bool{}
	eachSeat([]Section{s}, func(_ Section, _ Row, seat Seat) { there[seat.Seat] = true })
	for _, list := range []struct {
		field string
		seats []string
	}{{KeptHouse, s.House}, {KeptBlocked, s.Blocked}} {
		for i, seat := range list.seats {
			// What was listed is struck off, so that nothing is there twice.
			f.unless(there[seat], fmt.Sprintf("%s.%s[%d]", at, list.field, i), "%q is no seat of this section, or there twice", seat)
			delete(there, seat)
		}
	}
}
