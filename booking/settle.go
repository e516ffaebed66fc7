package booking

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"frontrow/internal/fault"
)

// settle writes down what the provider has said of a payment that was asked for. A
// pending one stays as it is.
func (s *Store) settle(ctx context.Context, p paymentRow, a Payment) error {
	hold, order, err := s.ofPayment(ctx, p)
	if err != nil {
		return err
	}
	return s.settleOf(ctx, hold, order, p, a)
}

// settleOf is settle for who has the hold and the order at hand.
func (s *Store) settleOf(ctx context.Context, hold holdRow, order orderRow, p paymentRow, a Payment) (err error) {
	if a.State == PaymentPending {
		return nil
	}
	if a.State == PaymentCaptured {
		err = s.settlePaid(ctx, hold, order, a)
	} else {
		err = s.settleDeclined(ctx, hold, order, p, a)
	}
	if errors.Is(err, errRollback) {
		return nil // somebody else has settled it, or the seats were given up: what was captured goes back
	}
	return err
}

// ofPayment reads the hold and the order of a payment.
func (s *Store) ofPayment(ctx context.Context, p paymentRow) (holdRow, orderRow, error) {
	var hold holdRow
	var order orderRow
	db := s.db.WithContext(ctx)
	err := errors.Join(db.Where("id = ?", p.HoldID).Take(&hold).Error, db.Where("id = ?", p.OrderID).Take(&order).Error)
	return hold, order, failed("order of a payment", err)
}

func (s *Store) orderEvent(kind string, order orderRow, fence int64, reason string) outgoing {
	return s.event(kind, order.ShowID, order.ID, order.Visitor, order.Trace, OrderPayload{
		Order: order.ID, Hold: order.HoldID, Number: order.Number, Seats: order.seats(), Amount: order.Amount,
		Currency: order.Currency, Fence: fence, Method: order.Method, Reason: reason,
	})
}

// settlePaid sells the seats of a payment that was captured, as PayFromWallet does.
func (s *Store) settlePaid(ctx context.Context, hold holdRow, order orderRow, a Payment) error {
	prices, err := s.prices(ctx, hold)
	if err != nil {
		return err
	}
	now, event := s.Now(), s.orderEvent(OrderPaid, order, hold.Fence, "")
	err = s.transact(ctx, "settle payment", func(tx *gorm.DB) error {
		if err := must(tx, 1, "UPDATE holds SET state = 'paid' WHERE id = ? AND order_id = ? AND state = 'held'", hold.ID, order.ID); err != nil {
			return err
		}
		if err := must(tx, int64(hold.SeatCount), `UPDATE seats SET state = 'sold', order_id = ?
			WHERE show_id = ? AND seat IN ? AND hold_id = ? AND fence = ? AND state = 'paying'`,
			order.ID, hold.ShowID, hold.seats(), hold.ID, hold.Fence); err != nil {
			return err
		}
		if err := must(tx, 1, "UPDATE orders SET state = 'paid', paid_at = ? WHERE id = ? AND state = 'pending'", now, order.ID); err != nil {
			return err
		}
		if err := settled(tx, order.ID, paymentAsked, paymentCaptured, a, "", now); err != nil {
			return err
		}
		if err := tx.Create(ticketsOf(hold, order.ID, prices)).Error; err != nil {
			return err
		}
		return event.write(tx)
	})
	if err != nil {
		return err
	}
	fault.Point("card.settled")
	event.told()
	if err := s.markAs(ctx, hold.ShowID, hold.seats(), hold.Fence, seatSold); err != nil {
		s.log.WarnContext(ctx, "seats not marked sold", "show", hold.ShowID, "order", order.ID, "error", err)
	}
	return nil
}

// settleDeclined lets the hold go on. The first decline prolongs it if it is nearly
// over, as far as its visitor's admission may reach.
func (s *Store) settleDeclined(ctx context.Context, hold holdRow, order orderRow, p paymentRow, a Payment) error {
	var before int64
	err := s.db.WithContext(ctx).Model(&paymentRow{}).Where("hold_id = ? AND prolonged = 1", hold.ID).Count(&before).Error
	if err != nil {
		return failed("settle payment", err)
	}
	now := s.Now()
	until, prolonged := p.HoldUntil, 0
	if grace := min(now+graceAfterDecline.Microseconds(), p.Latest); before == 0 && grace > until {
		until, prolonged = grace, 1
	}
	event := s.orderEvent(OrderDeclined, order, hold.Fence, a.Reason)
	err = s.transact(ctx, "settle payment", func(tx *gorm.DB) error {
		if err := must(tx, 1, "UPDATE holds SET order_id = '', expires_at = ? WHERE id = ? AND order_id = ? AND state = 'held'",
			until, hold.ID, order.ID); err != nil {
			return err
		}
		if err := must(tx, int64(hold.SeatCount), `UPDATE seats SET state = 'held', hold_until = ?
			WHERE show_id = ? AND seat IN ? AND hold_id = ? AND fence = ? AND state = 'paying'`,
			until, hold.ShowID, hold.seats(), hold.ID, hold.Fence); err != nil {
			return err
		}
		if err := must(tx, 1, "UPDATE orders SET state = 'declined' WHERE id = ? AND state = 'pending'", order.ID); err != nil {
			return err
		}
		if err := settled(tx, order.ID, paymentAsked, paymentDeclined, a, a.Reason, now); err != nil {
			return err
		}
		if prolonged == 1 {
			if err := must(tx, 1, "UPDATE payments SET prolonged = 1 WHERE order_id = ?", order.ID); err != nil {
				return err
			}
		}
		return event.write(tx)
	})
	if err != nil {
		return err
	}
	fault.Point("card.declined")
	event.told()
	s.prolongOrLog(ctx, hold, until)
	return nil
}

// giveUp is for a payment that nobody has answered for as long as seats may wait: they
// are free again, and whatever is captured yet goes back.
func (s *Store) giveUp(ctx context.Context, p paymentRow) error {
	hold, order, err := s.ofPayment(ctx, p)
	if err != nil {
		return err
	}
	now, event := s.Now(), s.orderEvent(OrderCancelled, order, hold.Fence, ReasonNoAnswer)
	err = s.transact(ctx, "give payment up", func(tx *gorm.DB) error {
		if err := must(tx, 1, "UPDATE holds SET state = 'released' WHERE id = ? AND order_id = ? AND state = 'held'", hold.ID, order.ID); err != nil {
			return err
		}
		if err := uncountPurchase(tx, hold); err != nil {
			return err
		}
		if err := must(tx, int64(hold.SeatCount), `UPDATE seats SET state = 'free', hold_id = '', hold_until = 0
			WHERE show_id = ? AND seat IN ? AND hold_id = ? AND fence = ? AND state = 'paying'`,
			hold.ShowID, hold.seats(), hold.ID, hold.Fence); err != nil {
			return err
		}
		if err := must(tx, 1, "UPDATE orders SET state = 'cancelled' WHERE id = ? AND state = 'pending'", order.ID); err != nil {
			return err
		}
		if err := must(tx, 1, `UPDATE payments SET state = 'refunding', reason = ?, since = ?, tries = 0, next_at = ?, claim = ''
			WHERE order_id = ? AND state = 'asked'`, ReasonNoAnswer, now, now, order.ID); err != nil {
			return err
		}
		return event.write(tx)
	})
	if err != nil {
		return err
	}
	fault.Point("card.given-up")
	event.told()
	s.releaseAtDoor(ctx, hold)
	return nil
}

// settleRefund writes down that the money of an order is back, or that there was none.
func (s *Store) settleRefund(ctx context.Context, p paymentRow, a Payment) error {
	_, order, err := s.ofPayment(ctx, p)
	if err != nil {
		return err
	}
	if a.State != PaymentRefunded {
		return s.transact(ctx, "settle refund", func(tx *gorm.DB) error {
			return settled(tx, order.ID, paymentRefunding, paymentVoid, a, p.Reason, s.Now())
		})
	}
	event := s.orderEvent(OrderRefunded, order, 0, p.Reason)
	err = s.transact(ctx, "settle refund", func(tx *gorm.DB) error {
		if err := must(tx, 1, "UPDATE orders SET state = 'refunded' WHERE id = ? AND state = 'cancelled'", order.ID); err != nil {
			return err
		}
		if err := settled(tx, order.ID, paymentRefunding, paymentRefunded, a, p.Reason, s.Now()); err != nil {
			return err
		}
		return event.write(tx)
	})
	if err == nil {
		event.told()
	}
	return err
}
