package booking

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"
)

// PayRequest asks for the seats of a hold against points. Key is the request's
// idempotency key and BodyHash tells its body from another; Now is Redis's time
// in µs, by which the hold must be live.
type PayRequest struct {
	Visitor, HoldID, Key, BodyHash, Trace string
	Number                                int64
	Now                                   int64
}

// PayFromWallet buys the seats of a hold with the visitor's points, in one
// transaction of ten statements at most. A request with the key of an earlier
// one, or of one that is under way, gets that one's order. It may return an
// *InvalidError, ErrHoldNotFound, ErrNotYours, ErrHoldExpired, ErrAlreadyPaid,
// ErrInsufficientPoints, ErrIdempotencyMismatch or ErrUnavailable; after the
// last the order may stand, and the same request asked again tells.
func (s *Store) PayFromWallet(ctx context.Context, r PayRequest) (Order, error) {
	f := &faults{}
	f.key(r.Key)
	if err := f.err(); err != nil {
		return Order{}, err
	}
	hold, err := s.findHold(ctx, r.Visitor, r.HoldID)
	if err != nil {
		return Order{}, err
	}
	ctx, cancel := detached(ctx) // who leaves now may have paid
	defer cancel()
	prices, err := s.prices(ctx, hold)
	if err != nil {
		return Order{}, err
	}
	order := orderRow{
		ID: ulid.Make().String(), ShowID: hold.ShowID, Visitor: hold.Visitor, HoldID: hold.ID, Number: r.Number,
		Seats: hold.Seats, Amount: hold.Amount, Currency: hold.Currency, Method: MethodWallet, State: orderPaid,
		IdempotencyKey: r.Key, BodyHash: r.BodyHash, Trace: clip(r.Trace, maxTrace), CreatedAt: r.Now, PaidAt: new(r.Now),
	}
	event := s.event(OrderPaid, hold.ShowID, order.ID, hold.Visitor, order.Trace, OrderPayload{
		Order: order.ID, Hold: hold.ID, Number: r.Number, Seats: hold.seats(), Amount: hold.Amount,
		Currency: hold.Currency, Fence: hold.Fence, Method: MethodWallet,
	})
	err = s.transact(ctx, "pay", func(tx *gorm.DB) error {
		return sell(tx, hold, order, prices, event)
	})
	if err != nil {
		return s.settleUnpaid(ctx, r, err)
	}
	event.told()
	if err := s.markSold(ctx, hold.ShowID, hold.seats(), hold.Fence); err != nil {
		s.log.WarnContext(ctx, "seats not marked sold", "show", hold.ShowID, "order", order.ID, "error", err)
	}
	return order.order(), nil
}

// errPoor ends a payment that the wallet does not cover.
var errPoor = fmt.Errorf("the wallet: %w", ErrInsufficientPoints)

// sell takes the rows in the order of the house: hold, seats, wallet.
func sell(tx *gorm.DB, hold holdRow, order orderRow, prices map[string]int64, event outgoing) error {
	if err := must(tx, 1, "UPDATE holds SET state = 'paid' WHERE id = ? AND visitor = ? AND state = 'held' AND expires_at > ?",
		hold.ID, hold.Visitor, order.CreatedAt); err != nil {
		return err
	}
	if err := must(tx, int64(hold.SeatCount), `UPDATE seats SET state = 'sold', order_id = ?
		WHERE show_id = ? AND seat IN ? AND hold_id = ? AND fence = ? AND state = 'held'`,
		order.ID, hold.ShowID, hold.seats(), hold.ID, hold.Fence); err != nil {
		return err
	}
	if err := spend(tx, order); err != nil {
		return err
	}
	if err := tx.Create(&order).Error; err != nil {
		return err
	}
	tickets := make([]ticketRow, 0, hold.SeatCount)
	for _, seat := range hold.seats() {
		tickets = append(tickets, ticketRow{ShowID: hold.ShowID, Seat: seat, OrderID: order.ID, Price: prices[seat]})
	}
	if err := tx.Create(&tickets).Error; err != nil {
		return err
	}
	return event.write(tx)
}

// settleUnpaid finds out what a failed payment is to be answered with.
func (s *Store) settleUnpaid(ctx context.Context, r PayRequest, cause error) (Order, error) {
	duplicate := errors.Is(cause, gorm.ErrDuplicatedKey)
	if !duplicate && !errors.Is(cause, errRollback) {
		return Order{}, cause
	}
	// Another request with the same key may have been first.
	order, found, err := s.Replay(ctx, r.Visitor, r.Key, r.BodyHash)
	if found || err != nil {
		return order, err
	}
	if duplicate { // not the order's key: a ticket stands where the seats said there is none
		return Order{}, cause
	}
	hold, err := s.findHold(ctx, r.Visitor, r.HoldID)
	switch {
	case err != nil:
		return Order{}, err
	case hold.State == HoldPaid:
		return Order{}, ErrAlreadyPaid
	}
	return Order{}, ErrHoldExpired
}

// prices are the prices that made up the hold's amount, by the layout that the hold
// was made with; a show's layout does not change once a seat was held.
func (s *Store) prices(ctx context.Context, hold holdRow) (map[string]int64, error) {
	show, layout, err := s.laidOut(ctx, hold.ShowID)
	if err == nil && show.LayoutVersion != hold.LayoutVersion {
		_, layout, err = s.laidOutNow(ctx, hold.ShowID)
	}
	if err != nil {
		return nil, err
	}
	prices := map[string]int64{}
	for _, o := range layout.ordinalsOf(hold.seats()) {
		prices[layout.Seat(o)] = layout.Price(o)
	}
	return prices, nil
}

// MarkSold makes sure that the door shows the seats of a paid order as sold. The
// gateway that took the money has usually done so already; this is for when it
// could not. It does nothing for a show that is gone.
func (s *Store) MarkSold(ctx context.Context, e Event) error {
	var paid OrderPayload
	if err := json.Unmarshal(e.Payload, &paid); err != nil {
		return fmt.Errorf("mark sold: %w", err)
	}
	if _, _, err := s.laidOutNow(ctx, e.Show); err != nil {
		if errors.Is(err, ErrShowNotFound) {
			return nil
		}
		return err
	}
	err := s.markSold(ctx, e.Show, paid.Seats, paid.Fence)
	if errors.Is(err, errUnloaded) {
		return nil // it will be loaded from the database, which says so
	}
	return err
}
