package booking

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"frontrow/internal/flow"

	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"
)

// How often a transaction is tried that the database broke off for the sake of
// another one (deadlock, lock time-out, SQLite busy), and the first pause.
const (
	transactTries = 6
	transactPause = 4 * time.Millisecond
)

// errOutcomeUnknown marks a COMMIT that was sent and not answered: it may or
// may not have happened.
var errOutcomeUnknown = errors.New("the outcome of the commit is unknown")

// errRollback ends a transaction that has found out that it must not happen;
// why is the caller's to find, outside of it.
var errRollback = errors.New("rolled back")

// transact runs f in one transaction and commits it. It tries again when the
// database broke it off, so f must be repeatable and must touch nothing but tx.
// An error that is errOutcomeUnknown came from COMMIT; with any other nothing
// of f has happened.
func (s *Store) transact(ctx context.Context, op string, f func(tx *gorm.DB) error) (err error) {
	if trace.SpanFromContext(ctx).IsRecording() {
		var span trace.Span
		ctx, span = s.tracer.Start(ctx, "transaction: "+op)
		defer func() { flow.End(span, err) }()
	}
	for try := range transactTries {
		if try > 0 {
			pause := transactPause << try
			if !sleep(ctx, pause/2+rand.N(pause)) {
				break
			}
		}
		if err = s.transactOnce(ctx, f); err == nil || !retryable(err) || errors.Is(err, errOutcomeUnknown) {
			break
		}
	}
	return failed(op, err)
}

// mostAfterwards is how many transactions of what follows the sale a gateway has under
// way at once. With one for each call of a listener, forty and more, two gateways on two
// processors sold a fifth less.
const mostAfterwards = 2

// behindTheSale is transact for what may wait: it leaves the database to the sale.
func (s *Store) behindTheSale(ctx context.Context, op string, f func(tx *gorm.DB) error) error {
	select {
	case s.afterwards <- struct{}{}:
		defer func() { <-s.afterwards }()
	case <-ctx.Done():
		return failed(op, ctx.Err())
	}
	return s.transact(ctx, op, f)
}

func (s *Store) transactOnce(ctx context.Context, f func(tx *gorm.DB) error) (err error) {
	if s.writer != nil {
		// SQLite has one writer. Taking turns here is fairer and faster than its
		// busy handler, which sleeps up to 100 ms at a time.
		select {
		case s.writer <- struct{}{}:
			defer func() { <-s.writer }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	tx := s.db.WithContext(ctx).Begin()
	if tx.Error != nil {
		return tx.Error
	}
	done := false
	defer func() {
		if !done {
			tx.Rollback()
		}
	}()
	if err := f(tx); err != nil {
		return err
	}
	done = true
	if err := tx.Commit().Error; err != nil {
		tx.Rollback() // frees the connection where COMMIT did not; harmless else
		if retryable(err) {
			return err // the server says that it broke the transaction off
		}
		return fmt.Errorf("%w: %w", errOutcomeUnknown, err)
	}
	return nil
}

// sleep waits for d and tells whether ctx lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// exec runs one statement and tells how many rows it matched.
func exec(tx *gorm.DB, sql string, args ...any) (int64, error) {
	res := tx.Exec(sql, args...)
	return res.RowsAffected, res.Error
}

// must runs one statement that has to match n rows, or the transaction is off.
func must(tx *gorm.DB, n int64, sql string, args ...any) error {
	got, err := exec(tx, sql, args...)
	if err == nil && got != n {
		return errRollback
	}
	return err
}

// sqlPatience is how long work goes on that must not end half-way because the
// client who asked for it went away.
const sqlPatience = 10 * time.Second

// detached is a context that outlives the request, for sqlPatience.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), sqlPatience)
}
