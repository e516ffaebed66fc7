package booking

import (
	"context"
	"errors"

	"frontrow/internal/flow"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"frontrow/internal/fault"
)

// CancelOrder undoes a visitor's own paid order, until the time that the show sets:
// the seats are on sale again at once, points are back at once, and a card's money
// is on its way. An order that was cancelled before is answered as it is. It may return
// ErrOrderNotFound, ErrNotYours, ErrCancelTooLate, ErrNotPaid or ErrUnavailable.
func (s *Store) CancelOrder(ctx context.Context, visitor, id string) (Order, error) {
	order, err := s.FindOrder(ctx, visitor, id)
	if err != nil || order.cancelled() {
		return order, err
	}
	show, err := s.FindShow(ctx, order.Show)
	if err != nil {
		return Order{}, err
	}
	if show.CancelUntil == nil || s.Now() >= *show.CancelUntil {
		return Order{}, ErrCancelTooLate
	}
	return s.cancel(ctx, order, visitor, "by the buyer")
}

// CancelOrderFor undoes anybody's paid order, at any time; by says who does it. It
// may return what CancelOrder may, but for ErrNotYours and ErrCancelTooLate.
func (s *Store) CancelOrderFor(ctx context.Context, id, by, reason string) (Order, error) {
	order, err := s.OrderOf(ctx, id)
	if err != nil || order.cancelled() {
		return order, err
	}
	return s.cancel(ctx, order, by, reason)
}

func (o Order) cancelled() bool { return o.State == orderCancelled || o.State == orderRefunded }

func (s *Store) cancel(ctx context.Context, o Order, by, reason string) (Order, error) {
	if o.State != orderPaid {
		return Order{}, ErrNotPaid
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	if err := s.undo(ctx, o.ID, by, reason); err != nil && !errors.Is(err, errRollback) {
		return Order{}, err
	}
	// Rolled back: somebody else has cancelled it meanwhile.
	done, err := s.OrderOf(ctx, o.ID)
	if err == nil && !done.cancelled() {
		return Order{}, failed("cancel", errRollback)
	}
	return done, err
}

// undo takes a paid order back in one transaction, under a fence above the seats' own.
func (s *Store) undo(ctx context.Context, id, by, reason string) (err error) {
	var order orderRow
	var hold holdRow
	db := s.db.WithContext(ctx)
	err = db.Where("id = ?", id).Take(&order).Error
	if err == nil {
		err = db.Where("id = ?", order.HoldID).Take(&hold).Error
	}
	if err != nil {
		return failed("cancel", err)
	}
	ctx, span := flow.Start(ctx, s.tracer, order.Trace, "cancel", ofOrder(id))
	defer func() { flow.End(span, err) }()
	now, err := s.RedisTime(ctx)
	if err != nil {
		return err
	}
	fence := max(now, hold.Fence+1)
	state, kind := orderCancelled, OrderCancelled
	if order.Method == MethodWallet {
		state, kind = orderRefunded, OrderRefunded
	}
	event := s.orderEvent(kind, order, fence, reason)
	err = s.transact(ctx, "cancel", func(tx *gorm.DB) error {
		if err := must(tx, 1, "UPDATE holds SET state = 'released' WHERE id = ? AND state = 'paid'", hold.ID); err != nil {
			return err
		}
		if err := uncountPurchase(tx, hold); err != nil {
			return err
		}
		if err := must(tx, int64(hold.SeatCount), `UPDATE seats SET state = 'free', fence = ?, hold_id = '', hold_until = 0, order_id = ''
			WHERE show_id = ? AND seat IN ? AND order_id = ? AND state = 'sold'`, fence, hold.ShowID, hold.seats(), id); err != nil {
			return err
		}
		if err := moneyBack(tx, order, now); err != nil {
			return err
		}
		if err := must(tx, 1, "UPDATE orders SET state = ? WHERE id = ? AND state = 'paid'", state, id); err != nil {
			return err
		}
		if err := must(tx, int64(hold.SeatCount), "DELETE FROM tickets WHERE order_id = ?", id); err != nil {
			return err
		}
		step := newStep(id, stepCancel, state, reason, by, now)
		if err := tx.Create(&step).Error; err != nil {
			return err
		}
		if _, named := actorOf(ctx); named { // else the buyer does it
			if err := s.auditOf(ctx, tx, "cancel order", order.ShowID, id, values{"state": orderPaid}, values{"state": state, "reason": reason}); err != nil {
				return err
			}
		}
		return event.write(tx)
	})
	if err != nil {
		return err
	}
	fault.Point("cancel.committed")
	event.told()
	s.nudgePayments()
	if err := s.markAs(ctx, hold.ShowID, hold.seats(), fence, seatFree); err != nil {
		s.log.WarnContext(ctx, "seats not marked free", "show", hold.ShowID, "order", id, "error", err)
	}
	return nil
}

// moneyBack puts points back at once, and makes a card's money due.
func moneyBack(tx *gorm.DB, o orderRow, now int64) error {
	if o.Method == MethodCard {
		return must(tx, 1, `UPDATE payments SET state = 'refunding', reason = 'cancelled', since = ?, tries = 0, next_at = ?, claim = ''
			WHERE order_id = ? AND state = 'captured'`, now, now, o.ID)
	}
	if o.Amount == 0 {
		return nil
	}
	if err := must(tx, 1, "UPDATE wallets SET balance = balance + ? WHERE visitor = ?", o.Amount, o.Visitor); err != nil {
		return err
	}
	return tx.Create(&entryRow{
		ID: ulid.Make().String(), Visitor: o.Visitor, Kind: entryRefund, Amount: o.Amount,
		IdempotencyKey: o.ID, OrderID: o.ID, MadeBy: o.Visitor, At: now,
	}).Error
}

// uncountPurchase takes a hold's seats off what its visitor has of the show.
func uncountPurchase(tx *gorm.DB, h holdRow) error {
	return must(tx, 1, "UPDATE purchase_limits SET taken = taken - ? WHERE show_id = ? AND visitor = ? AND taken >= ?",
		h.SeatCount, h.ShowID, h.Visitor, h.SeatCount)
}
