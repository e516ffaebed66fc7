package booking

import (
	"context"
	"errors"
	"fmt"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"frontrow/internal/fault"
)

// PayRequest asks for the seats of a hold against points. Key is the request's
// idempotency key and BodyHash tells its body from another; Now is Redis's time
// in µs, by which the hold must be live, and Latest how far the visitor's admission
// can be made to last. Card is the provider's token of a card, for PayByCard.
type PayRequest struct {
	Visitor, HoldID, Key, BodyHash, Trace string
	Number                                int64
	Now, Latest                           int64
	Card                                  string
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
	event := s.orderEvent(OrderPaid, order, hold.Fence, "")
	err = s.transact(ctx, "pay", func(tx *gorm.DB) error {
		return sell(tx, hold, order, prices, event)
	})
	if err != nil {
		return s.settleUnpaid(ctx, r, err)
	}
	fault.Point("wallet.paid")
	event.told()
	if err := s.markAs(ctx, hold.ShowID, hold.seats(), hold.Fence, seatSold); err != nil {
		s.log.WarnContext(ctx, "seats not marked sold", "show", hold.ShowID, "order", order.ID, "error", err)
	}
	fault.Point("wallet.marked")
	return order.order(), nil
}

// errPoor ends a payment that the wallet does not cover.
var errPoor = fmt.Errorf("the wallet: %w", ErrInsufficientPoints)

// sell takes the rows in the order of the house: hold, seats, wallet.
func sell(tx *gorm.DB, hold holdRow, order orderRow, prices map[string]int64, event outgoing) error {
	if err := must(tx, 1, "UPDATE holds SET state = 'paid' WHERE id = ? AND visitor = ? AND state = 'held' AND order_id = '' AND expires_at > ?",
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
	if err := tx.Create(ticketsOf(hold, order.ID, prices)).Error; err != nil {
		return err
	}
	return event.write(tx)
}

// ticketsOf are the tickets of a hold's seats, at the prices that they were held for.
func ticketsOf(hold holdRow, order string, prices map[string]int64) *[]ticketRow {
	tickets := make([]ticketRow, 0, hold.SeatCount)
	for _, seat := range hold.seats() {
		tickets = append(tickets, ticketRow{ShowID: hold.ShowID, Seat: seat, OrderID: order, Price: prices[seat]})
	}
	return &tickets
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
	if err == nil {
		err = hold.over(r.Now)
	}
	if err == nil {
		err = ErrHoldExpired // at the door
	}
	return Order{}, err
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

// MarkSeats makes sure that the door shows the seats of a paid order as sold, and
// those of a cancelled one as free. The gateway that did it has usually shown so
// already; this is for when it could not. It does nothing for a show that is gone.
func (s *Store) MarkSeats(ctx context.Context, e Event) error {
	order, err := e.OfOrder()
	if err != nil {
		return fmt.Errorf("mark seats: %w", err)
	}
	if order.Fence == 0 {
		return nil // the seats went back earlier than the money
	}
	if _, _, err := s.laidOutNow(ctx, e.Show); err != nil {
		if errors.Is(err, ErrShowNotFound) {
			return nil
		}
		return err
	}
	state := seatFree
	if e.Type == OrderPaid {
		state = seatSold
	}
	err = s.markAs(ctx, e.Show, order.Seats, order.Fence, state)
	if errors.Is(err, errUnloaded) {
		return nil // it will be loaded from the database, which says so
	}
	return err
}
