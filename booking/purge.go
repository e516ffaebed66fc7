package booking

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// Purged says what Purge took out of a show, or why it took nothing. Visitors were forgotten;
// Kept still are somebody, since they have points, or seats of a show that is not over as long.
// Deliveries were removed, with their tries. Open counts what is not at its end yet
// (payments, holds, deliveries): with any, nothing was done.
type Purged struct {
	Show                       string
	Visitors, Kept, Deliveries int64
	Open                       int64
}

// isOver is what a show is that was over before a time: closed, and played; one that
// says no time was over when it was last changed.
const isOver = `phase = 'closed' AND (CASE WHEN plays_at IS NULL AND ends_at IS NULL THEN updated_at
	WHEN COALESCE(plays_at, 0) > COALESCE(ends_at, 0) THEN plays_at ELSE ends_at END) < ?`

// Over lists the shows that were over before a time (µs), by id. It may return
// ErrUnavailable.
func (s *Store) Over(ctx context.Context, before int64) (ids []string, err error) {
	err = s.db.WithContext(ctx).Model(&showRow{}).Where(isOver, before).Order("id").Pluck("id", &ids).Error
	return ids, failed("shows that are over", err)
}

// forgotten begins the ids that stand for visitors who were forgotten.
const forgotten = "gone-"

// Purge takes out of a show that was over before a time (µs) what is left of people in it.
// A visitor's id is replaced everywhere by another that leads to nobody, and what they sent
// by themselves (idempotency keys, hashes of bodies) is blanked: sales, money and seats still
// add up, and nobody can say whose they were. Deliveries that are done go, with their tries.
// It goes visitor by visitor, each in a transaction of its own, and goes on where it was cut
// off when it is called again. With dry it only counts. It may return ErrShowNotFound, an
// *InvalidError for a show that is not over, or ErrUnavailable.
func (s *Store) Purge(ctx context.Context, show string, before int64, dry bool) (Purged, error) {
	p := Purged{Show: show}
	if _, err := s.FindShow(ctx, show); err != nil {
		return p, err
	}
	over, err := s.Over(ctx, before)
	if err != nil {
		return p, err
	}
	if !slices.Contains(over, show) {
		return p, invalid("show", "is not closed, or not over for as long")
	}
	if p.Open, err = s.unsettled(ctx, show); err != nil || p.Open > 0 {
		return p, err
	}
	if p.Deliveries, err = s.purgeDeliveries(ctx, show, dry); err != nil {
		return p, err
	}
	if err := s.purgeVisitors(ctx, &p, before, dry); err != nil || dry || p.Visitors+p.Deliveries == 0 {
		return p, err
	}
	err = s.transact(ctx, "purge", func(tx *gorm.DB) error {
		return s.audit(ctx, tx, "purge", show, nil, values{"visitors": p.Visitors, "deliveries": p.Deliveries})
	})
	return p, err
}

// unsettled counts what may still change something of the show.
func (s *Store) unsettled(ctx context.Context, show string) (open int64, err error) {
	err = s.db.WithContext(ctx).Raw(`SELECT
		(SELECT COUNT(*) FROM holds WHERE show_id = ? AND state = 'held')
		+ (SELECT COUNT(*) FROM payments WHERE show_id = ? AND state IN ('asked', 'refunding'))
		+ (SELECT COUNT(*) FROM deliveries d JOIN events e ON e.id = d.event_id WHERE e.show_id = ? AND d.state <> 'done')`,
		show, show, show).Row().Scan(&open)
	return open, failed("purge", err)
}

// purgeBatch is how many events lose their deliveries in one transaction.
const purgeBatch = 200

// purgeDeliveries removes the deliveries of a show's events. The events say then that
// nobody was to be told, or verify would miss them.
func (s *Store) purgeDeliveries(ctx context.Context, show string, dry bool) (n int64, err error) {
	if dry {
		err = s.db.WithContext(ctx).Raw("SELECT COUNT(*) FROM deliveries d JOIN events e ON e.id = d.event_id WHERE e.show_id = ?", show).Row().Scan(&n)
		return n, failed("purge", err)
	}
	for {
		var ids []string
		err := s.db.WithContext(ctx).Model(&eventRow{}).Where("show_id = ? AND listeners <> '[]'", show).
			Order("id").Limit(purgeBatch).Pluck("id", &ids).Error
		if err != nil || len(ids) == 0 {
			return n, failed("purge", err)
		}
		var removed int64
		err = s.behindTheSale(ctx, "purge", func(tx *gorm.DB) (err error) {
			if _, err = exec(tx, "DELETE FROM delivery_tries WHERE event_id IN ?", ids); err != nil {
				return err
			}
			if removed, err = exec(tx, "DELETE FROM deliveries WHERE event_id IN ?", ids); err != nil {
				return err
			}
			_, err = exec(tx, "UPDATE events SET listeners = '[]' WHERE id IN ?", ids)
			return err
		})
		if err != nil {
			return n, err
		}
		n += removed
	}
}

func (s *Store) purgeVisitors(ctx context.Context, p *Purged, before int64, dry bool) error {
	visitors, err := s.visitorsOf(ctx, p.Show)
	if err != nil {
		return err
	}
	named, err := s.namedByOperators(ctx)
	if err != nil {
		return err
	}
	for _, visitor := range visitors {
		keep, err := s.stillSomebody(ctx, visitor, before)
		if err != nil {
			return err
		}
		if !keep && !dry {
			if keep, err = s.forget(ctx, p.Show, visitor, named[visitor]); err != nil {
				return err
			}
		}
		if keep {
			p.Kept++
		} else {
			p.Visitors++
		}
	}
	return nil
}

// visitorsOf lists everybody of whom a show keeps something.
func (s *Store) visitorsOf(ctx context.Context, show string) ([]string, error) {
	var all []string
	for _, table := range []string{"holds", "orders", "purchase_limits", "waiting_list", "bans"} {
		var some []string
		err := s.db.WithContext(ctx).Raw("SELECT DISTINCT visitor FROM "+table+" WHERE show_id = ? AND visitor NOT LIKE ?",
			show, forgotten+"%").Scan(&some).Error
		if err != nil {
			return nil, failed("purge", err)
		}
		all = append(all, some...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// namedByOperators are the visitors whom the audit names: it has no index by them.
func (s *Store) namedByOperators(ctx context.Context) (map[string]bool, error) {
	var some []string
	err := s.db.WithContext(ctx).Raw("SELECT DISTINCT subject FROM audit WHERE show_id = '' AND action = 'charge_wallet' OR action IN ('ban_visitor', 'unban_visitor')").Scan(&some).Error
	named := map[string]bool{}
	for _, visitor := range some {
		named[visitor] = true
	}
	return named, failed("purge", err)
}

// stillSomebody tells whether a visitor has points, which are theirs, or something in a
// show that is not over since before the time.
func (s *Store) stillSomebody(ctx context.Context, visitor string, before int64) (bool, error) {
	var n int64
	err := s.db.WithContext(ctx).Raw(`SELECT
		(SELECT COUNT(*) FROM wallets WHERE visitor = ? AND balance > 0)
		+ (SELECT COUNT(*) FROM orders o JOIN shows w ON w.id = o.show_id WHERE o.visitor = ? AND NOT (`+isOver+`))
		+ (SELECT COUNT(*) FROM holds h JOIN shows w ON w.id = h.show_id WHERE h.visitor = ? AND NOT (`+isOver+`))`,
		visitor, visitor, before, visitor, before).Row().Scan(&n)
	return n > 0, failed("purge", err)
}

// forget replaces a visitor's id wherever it is, in one transaction; one who has charged
// their wallet meanwhile is kept.
func (s *Store) forget(ctx context.Context, show, visitor string, inAudit bool) (kept bool, err error) {
	nobody := forgotten + strings.ToLower(rand.Text()[:16]) // fits where an event names its subject
	var orders, holds []orderRef
	if err := errors.Join(
		s.db.WithContext(ctx).Table("holds").Where("visitor = ?", visitor).Select("id", "show_id").Scan(&holds).Error,
		s.db.WithContext(ctx).Table("orders").Where("visitor = ?", visitor).Select("id", "show_id").Scan(&orders).Error,
	); err != nil {
		return false, failed("purge", err)
	}
	subjects, shows := []string{visitor}, []string{show}
	for _, r := range append(holds, orders...) {
		subjects, shows = append(subjects, r.ID), append(shows, r.ShowID)
	}
	steps := []statement{
		{"UPDATE holds SET visitor = ? WHERE visitor = ?", []any{nobody, visitor}},
		{"UPDATE orders SET visitor = ?, idempotency_key = id, body_hash = '' WHERE visitor = ?", []any{nobody, visitor}},
		{"UPDATE order_steps SET made_by = ? WHERE made_by = ? AND order_id IN ?", []any{nobody, visitor, subjects}},
		{"UPDATE events SET visitor = ? WHERE visitor = ? AND subject IN ?", []any{nobody, visitor, subjects}},
		{"UPDATE events SET subject = ? WHERE subject = ?", []any{nobody, visitor}},
		{"UPDATE deliveries SET subject = ? WHERE subject = ?", []any{nobody, visitor}},
		{"UPDATE purchase_limits SET visitor = ? WHERE visitor = ? AND show_id IN ?", []any{nobody, visitor, shows}},
		{"DELETE FROM waiting_list WHERE visitor = ? AND show_id IN ?", []any{visitor, shows}},
		{"DELETE FROM bans WHERE visitor = ? AND show_id IN ?", []any{visitor, shows}},
		{"UPDATE wallets SET visitor = ? WHERE visitor = ? AND balance = 0", []any{nobody, visitor}},
		{`UPDATE wallet_entries SET visitor = ?, idempotency_key = id, made_by = CASE WHEN made_by = ? THEN ? ELSE made_by END
			WHERE visitor = ?`, []any{nobody, visitor, nobody, visitor}},
	}
	if inAudit {
		steps = append(steps, statement{"UPDATE audit SET subject = ? WHERE subject = ? AND (show_id = '' OR show_id IN ?)", []any{nobody, visitor, shows}})
	}
	err = s.behindTheSale(ctx, "forget", func(tx *gorm.DB) error {
		for _, step := range steps {
			if _, err := exec(tx, step.sql, step.args...); err != nil {
				return err
			}
		}
		var left int64
		if err := tx.Raw("SELECT COUNT(*) FROM wallets WHERE visitor = ?", visitor).Row().Scan(&left); err != nil || left == 0 {
			return err
		}
		return errRollback
	})
	if errors.Is(err, errRollback) {
		return true, nil
	}
	return false, err
}

// orderRef names an order or a hold, and its show.
type orderRef struct{ ID, ShowID string }

// statement is SQL with its arguments.
type statement struct {
	sql  string
	args []any
}
