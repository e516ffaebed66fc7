package booking

import (
	"context"
	"errors"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Bounds of points.
const (
	maxCharge  = 100_000_000
	maxBalance = 1_000_000_000_000
)

const (
	entryCharge  = "charge"
	entryPayment = "payment"
	entryRefund  = "refund"
)

// Wallet is a visitor's points, in Currency.
type Wallet struct {
	Visitor  string
	Balance  int64
	Currency string
}

type walletRow struct {
	Visitor string `gorm:"primaryKey"`
	Balance int64
}

func (walletRow) TableName() string { return "wallets" }

// entryRow is one movement of points; the sum of a wallet's amounts is its
// balance.
type entryRow struct {
	ID             string `gorm:"primaryKey"`
	Visitor        string
	Kind           string
	Amount         int64
	IdempotencyKey string
	OrderID        string
	MadeBy         string
	At             int64
}

func (entryRow) TableName() string { return "wallet_entries" }

// Wallet tells a visitor's points; 0 for one who never had any.
func (s *Store) Wallet(ctx context.Context, visitor string) (Wallet, error) {
	w := Wallet{Visitor: visitor, Currency: Currency}
	f := &faults{}
	f.visitor(visitor)
	if err := f.err(); err != nil {
		return w, err
	}
	var rows []walletRow
	if err := s.db.WithContext(ctx).Where("visitor = ?", visitor).Limit(1).Find(&rows).Error; err != nil {
		return w, failed("wallet", err)
	}
	if len(rows) > 0 {
		w.Balance = rows[0].Balance
	}
	return w, nil
}

// Charge adds points to a visitor's wallet, once for each key, and tells the
// balance; by says who did it, for the ledger. It may return an *InvalidError,
// ErrIdempotencyMismatch if the key was used for another amount, or
// ErrUnavailable.
func (s *Store) Charge(ctx context.Context, visitor string, amount int64, key, by string) (Wallet, error) {
	f := &faults{}
	f.visitor(visitor)
	f.key(key)
	f.unless(amount >= 1 && amount <= maxCharge, "amount", "must be 1 to %d", maxCharge)
	if err := f.err(); err != nil {
		return Wallet{}, err
	}
	entry := entryRow{
		ID: ulid.Make().String(), Visitor: visitor, Kind: entryCharge, Amount: amount,
		IdempotencyKey: key, MadeBy: clip(by, maxTrace), At: s.Now(),
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	err := s.transact(ctx, "charge", func(tx *gorm.DB) error {
		// The wallet first: its row makes the charges of a visitor queue up.
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&walletRow{Visitor: visitor}).Error; err != nil {
			return err
		}
		if err := must(tx, 1, "UPDATE wallets SET balance = balance + ? WHERE visitor = ? AND balance <= ?",
			amount, visitor, maxBalance-amount); err != nil {
			return err
		}
		if err := tx.Create(&entry).Error; err != nil {
			return err
		}
		return s.auditCharge(ctx, tx, visitor, amount)
	})
	switch {
	case errors.Is(err, gorm.ErrDuplicatedKey), errors.Is(err, errRollback):
		return s.charged(ctx, visitor, amount, key)
	case err != nil:
		return Wallet{}, err
	}
	return s.Wallet(ctx, visitor)
}

// auditCharge writes down a charge that an operator makes; those of visitors are
// theirs.
func (s *Store) auditCharge(ctx context.Context, tx *gorm.DB, visitor string, amount int64) error {
	if _, named := actorOf(ctx); !named {
		return nil
	}
	var w walletRow
	if err := tx.Where("visitor = ?", visitor).Take(&w).Error; err != nil {
		return err
	}
	return s.auditOf(ctx, tx, "charge wallet", "", visitor, values{"balance": w.Balance - amount}, values{"balance": w.Balance})
}

// charged answers for a charge that did not happen: because it had happened
// before, or because the wallet is full.
func (s *Store) charged(ctx context.Context, visitor string, amount int64, key string) (Wallet, error) {
	var rows []entryRow
	err := s.db.WithContext(ctx).Where("visitor = ? AND kind = 'charge' AND idempotency_key = ?", visitor, key).
		Limit(1).Find(&rows).Error
	switch {
	case err != nil:
		return Wallet{}, failed("charge", err)
	case len(rows) == 0:
		return Wallet{}, invalid("amount", "would bring the balance above %d", maxBalance)
	case rows[0].Amount != amount:
		return Wallet{}, ErrIdempotencyMismatch
	}
	return s.Wallet(ctx, visitor)
}

// spend takes the price of an order out of its visitor's wallet: two statements,
// or none for an order that costs nothing.
func spend(tx *gorm.DB, o orderRow) error {
	if o.Amount == 0 {
		return nil
	}
	err := must(tx, 1, "UPDATE wallets SET balance = balance - ? WHERE visitor = ? AND balance >= ?",
		o.Amount, o.Visitor, o.Amount)
	if errors.Is(err, errRollback) {
		return errPoor
	}
	if err != nil {
		return err
	}
	return tx.Create(&entryRow{
		ID: ulid.Make().String(), Visitor: o.Visitor, Kind: entryPayment, Amount: -o.Amount,
		IdempotencyKey: o.ID, OrderID: o.ID, MadeBy: o.Visitor, At: o.CreatedAt,
	}).Error
}
