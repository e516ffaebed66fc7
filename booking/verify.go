package booking

import (
	"context"
	"database/sql"
	"errors"

	"frontrow/internal/invariant"

	"gorm.io/gorm"
)

// Verify checks the invariants of the sale on what is stored, of one show or,
// with an empty id, of all, and tries out whether the guards of the database
// are in force, in transactions that it always rolls back. It may return
// ErrShowNotFound or ErrUnavailable.
func (s *Store) Verify(ctx context.Context, showID string) ([]invariant.Violation, error) {
	shows, err := s.showsToVerify(ctx, showID)
	if err != nil {
		return nil, err
	}
	var found []invariant.Violation
	for _, show := range shows {
		v, err := s.verifyShow(ctx, show)
		if err != nil {
			return nil, failed("verify "+show.ID, err)
		}
		found = append(found, v...)
	}
	v, err := s.verifyWallets(ctx, showID)
	return append(found, v...), failed("verify wallets", err)
}

func (s *Store) showsToVerify(ctx context.Context, showID string) ([]Show, error) {
	if showID != "" {
		show, err := s.FindShow(ctx, showID)
		return []Show{show}, err
	}
	var rows []showRow
	if err := s.db.WithContext(ctx).Order("id").Find(&rows).Error; err != nil {
		return nil, failed("verify", err)
	}
	shows := make([]Show, len(rows))
	for i, r := range rows {
		shows[i] = r.show()
	}
	return shows, nil
}

func (s *Store) verifyShow(ctx context.Context, show Show) ([]invariant.Violation, error) {
	var b *books
	err := s.snapshot(ctx, func(tx *gorm.DB) (err error) {
		b, err = readBooks(tx, show.ID, s.Now())
		return err
	})
	if err != nil {
		return nil, err
	}
	b.soldOnce()
	b.paidIsKept()
	b.moneyOfOrders()
	b.ordersSettle()
	b.limits()
	b.toldOnce()
	for _, drill := range []func(context.Context, Show, *books) error{s.drillFence, s.drillTicket, s.verifyDoor} {
		if err := drill(ctx, show, b); err != nil {
			return nil, err
		}
	}
	return b.found, nil
}

// snapshot runs f on one state of the database, while the sale goes on.
func (s *Store) snapshot(ctx context.Context, f func(tx *gorm.DB) error) error {
	o := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	if s.db.Name() == sqliteName {
		o.Isolation = sql.LevelDefault // a read transaction there is a snapshot
	}
	tx := s.db.WithContext(ctx).Begin(o)
	if tx.Error != nil {
		return tx.Error
	}
	defer tx.Rollback()
	return f(tx)
}

// verifyWallets: every balance is the sum of its entries and not below zero; of
// one show, the wallets of those who bought there.
func (s *Store) verifyWallets(ctx context.Context, showID string) ([]invariant.Violation, error) {
	where, args := "", []any{}
	if showID != "" {
		where, args = "WHERE visitor IN (SELECT visitor FROM orders WHERE show_id = ?)", []any{showID}
	}
	var balances, sums []walletRow
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		return errors.Join(
			tx.Raw("SELECT visitor, balance FROM wallets "+where+" ORDER BY visitor", args...).Scan(&balances).Error,
			tx.Raw("SELECT visitor, SUM(amount) AS balance FROM wallet_entries "+where+" GROUP BY visitor ORDER BY visitor", args...).Scan(&sums).Error,
		)
	})
	if err != nil {
		return nil, err
	}
	var found []invariant.Violation
	broken := func(format string, args ...any) {
		found = append(found, invariant.Violationf(invariant.MoneyBalances, showID, format, args...))
	}
	sum := map[string]int64{}
	for _, w := range sums {
		sum[w.Visitor] = w.Balance
	}
	for _, w := range balances {
		if w.Balance != sum[w.Visitor] {
			broken("the wallet of %s has %d, its entries sum up to %d", w.Visitor, w.Balance, sum[w.Visitor])
		}
		if w.Balance < 0 {
			broken("the wallet of %s has %d", w.Visitor, w.Balance)
		}
		delete(sum, w.Visitor)
	}
	for _, visitor := range sorted(sum) {
		broken("visitor %s has entries of %d and no wallet", visitor, sum[visitor])
	}
	return found, nil
}
