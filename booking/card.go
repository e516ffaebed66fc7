package booking

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"frontrow/internal/flow"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"frontrow/internal/fault"
)

// A provider's token looks like the first; a card's number like the second. It does not
// get in, and so never into a log or a table of ours.
var (
	cardPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
	cardNumber  = regexp.MustCompile(`^[0-9._-]{12,}$`)
)

func (f *faults) card(token string) {
	f.unless(cardPattern.MatchString(token) && !cardNumber.MatchString(token), "payment.card",
		"must be a token of the payment provider's, 1 to 100 of A-Z a-z 0-9 . _ -, and never a card's number")
}

// PayByCard buys the seats of a hold by card. The order is stored as pending and its
// seats as being paid for, the provider is asked outside of any transaction, and its
// answer settles the order in a second one. The order that is returned is paid,
// declined, or pending still: then the reconciler goes on, and the same request asked
// again tells. A request with the key of an earlier one gets that one's order.
//
// It may return an *InvalidError, ErrNoCards, ErrHoldNotFound, ErrNotYours,
// ErrHoldExpired, ErrAlreadyPaid, ErrPaymentUnderWay, ErrIdempotencyMismatch or
// ErrUnavailable.
func (s *Store) PayByCard(ctx context.Context, r PayRequest) (Order, error) {
	if !s.TakesCards() {
		return Order{}, ErrNoCards
	}
	f := &faults{}
	f.key(r.Key)
	f.card(r.Card)
	if err := f.err(); err != nil {
		return Order{}, err
	}
	hold, err := s.findHold(ctx, r.Visitor, r.HoldID)
	if err != nil {
		return Order{}, err
	}
	f.unless(hold.Amount > 0, "payment.method", "must be wallet: there is nothing to pay")
	if err := f.err(); err != nil {
		return Order{}, err
	}
	// Who leaves now may have paid.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.payments.Answer+sqlPatience)
	defer cancel()
	order, payment := s.pending(hold, r)
	if err := s.ask(ctx, hold, order, payment); err != nil {
		if errors.Is(err, ErrUnavailable) {
			return Order{}, err
		}
		return s.settleUnpaid(ctx, r, err)
	}
	fault.Point("card.asked")
	answer, err := s.charge(ctx, payment, r)
	fault.Point("card.charged")
	if err == nil {
		err = s.settleOf(ctx, hold, order, payment, answer)
	}
	if err != nil {
		s.log.WarnContext(ctx, "payment not settled yet", "order", order.ID, "trace", flow.TraceID(order.Trace), "error", err)
	}
	fault.Point("card.answered")
	return s.FindOrder(ctx, r.Visitor, order.ID)
}

// pending is the order as it is stored before anybody is asked for money.
func (s *Store) pending(hold holdRow, r PayRequest) (orderRow, paymentRow) {
	order := orderRow{
		ID: ulid.Make().String(), ShowID: hold.ShowID, Visitor: hold.Visitor, HoldID: hold.ID, Number: r.Number,
		Seats: hold.Seats, Amount: hold.Amount, Currency: hold.Currency, Method: MethodCard, State: orderPending,
		IdempotencyKey: r.Key, BodyHash: r.BodyHash, Trace: clip(r.Trace, maxTrace), CreatedAt: r.Now,
	}
	return order, paymentRow{
		OrderID: order.ID, ShowID: hold.ShowID, HoldID: hold.ID, Amount: hold.Amount, Currency: hold.Currency, State: paymentAsked,
		HoldUntil: hold.ExpiresAt, Latest: r.Latest, SeatsUntil: r.Now + s.payments.Seats.Microseconds(),
		NextAt: r.Now + s.payments.takeOver().Microseconds(), Since: r.Now, CreatedAt: r.Now,
	}
}

// ask makes hold and seats wait for the payment, at the door and in the database. Who
// is late at the door has lost the seats.
func (s *Store) ask(ctx context.Context, hold holdRow, order orderRow, payment paymentRow) error {
	if hold.State == HoldHeld && !hold.paying() {
		if err := s.prolong(ctx, hold, payment.SeatsUntil); err != nil {
			return err
		}
		fault.Point("card.leased")
	}
	err := s.transact(ctx, "ask for payment", func(tx *gorm.DB) error {
		if err := must(tx, 1, `UPDATE holds SET order_id = ?, expires_at = ?
			WHERE id = ? AND visitor = ? AND state = 'held' AND order_id = '' AND expires_at > ?`,
			order.ID, payment.SeatsUntil, hold.ID, hold.Visitor, order.CreatedAt); err != nil {
			return err
		}
		if err := must(tx, int64(hold.SeatCount), `UPDATE seats SET state = 'paying', hold_until = ?
			WHERE show_id = ? AND seat IN ? AND hold_id = ? AND fence = ? AND state = 'held'`,
			payment.SeatsUntil, hold.ShowID, hold.seats(), hold.ID, hold.Fence); err != nil {
			return err
		}
		if err := tx.Create(&order).Error; err != nil {
			return err
		}
		return tx.Create(&payment).Error
	})
	if err != nil && !errors.Is(err, errOutcomeUnknown) && !hold.paying() {
		s.prolongOrLog(ctx, hold, hold.ExpiresAt)
	}
	return err
}

// prolong moves the end of a hold's leases. It returns ErrHoldExpired if one of them
// is over.
func (s *Store) prolong(ctx context.Context, hold holdRow, until int64) error {
	show, layout, err := s.laidOut(ctx, hold.ShowID)
	if err != nil {
		return err
	}
	args := []any{hold.ID, hold.Fence, until}
	for _, o := range layout.ordinalsOf(hold.seats()) {
		args = append(args, o)
	}
	a, err := s.atDoor(ctx, prolongScript, show, args...)
	if err == nil && a.word != "ok" {
		return fmt.Errorf("%w: %w", errRollback, ErrHoldExpired)
	}
	return err
}

// prolongOrLog is for after the database has decided: a lease that ends at another
// time than the hold costs at most that somebody is told that a free seat is taken.
func (s *Store) prolongOrLog(ctx context.Context, hold holdRow, until int64) {
	if err := s.prolong(ctx, hold, until); err != nil {
		s.log.WarnContext(ctx, "leases do not end as the hold does", "show", hold.ShowID, "hold", hold.ID, "error", err)
	}
}

// charge asks the provider for the money.
func (s *Store) charge(ctx context.Context, p paymentRow, r PayRequest) (Payment, error) {
	ctx, cancel := context.WithTimeout(ctx, s.payments.Answer)
	defer cancel()
	notSent := false
	answer, err := s.called(ctx, p, stepCharge, func(ctx context.Context) (Payment, error) {
		answer, err := s.payments.Provider.Charge(ctx, Charge{
			Order: p.OrderID, Amount: p.Amount, Currency: p.Currency, Card: r.Card,
		})
		notSent = errors.Is(err, ErrNotCharged)
		return answer, err
	})
	if notSent {
		return Payment{Order: p.OrderID, State: PaymentDeclined, Reason: ReasonUnreachable}, nil
	}
	return answer, err
}

// The reasons for which the sale itself gives a payment up.
const (
	ReasonUnreachable = "provider_unreachable" // the charge did not leave the house
	ReasonNoAnswer    = "no_answer"            // and the provider will not charge any more
)

// graceAfterDecline is what a hold lasts at least after the first payment of it that
// was declined: time for another card, once.
const graceAfterDecline = time.Minute
