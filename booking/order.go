package booking

import (
	"context"
	"regexp"

	"frontrow/internal/flow"

	"gorm.io/gorm"
)

// The states of an order. A pending one waits for the payment provider; a cancelled
// one has given its seats back, and its money is on its way, unless none was taken.
const (
	orderPending   = "pending"
	orderPaid      = "paid"
	orderDeclined  = "declined"
	orderCancelled = "cancelled"
	orderRefunded  = "refunded"
)

// What others ask for by name.
const (
	OrderIsPending  = orderPending
	OrderIsPaid     = orderPaid
	OrderIsDeclined = orderDeclined
)

// MethodWallet pays an order with the visitor's points.
const MethodWallet = "wallet"

// Order is a purchase. Times are in µs; PaidAt is nil until it is paid.
type Order struct {
	ID, Show, Visitor, HoldID      string
	Number                         int64
	Seats                          []string
	Amount                         int64
	Currency, Method, State, Trace string
	Reason                         string // why a card was declined, or the order undone
	CreatedAt                      int64
	PaidAt                         *int64
}

type orderRow struct {
	ID             string `gorm:"primaryKey"`
	ShowID         string
	Visitor        string
	HoldID         string
	Number         int64
	Seats          string
	Amount         int64
	Currency       string
	Method         string
	State          string
	IdempotencyKey string
	BodyHash       string
	Trace          string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	PaidAt         *int64
}

func (orderRow) TableName() string { return "orders" }

func (r orderRow) seats() []string { return decodeSeats(r.Seats) }

func (r orderRow) order() Order {
	return Order{
		ID: r.ID, Show: r.ShowID, Visitor: r.Visitor, HoldID: r.HoldID, Number: r.Number, Seats: r.seats(),
		Amount: r.Amount, Currency: r.Currency, Method: r.Method, State: r.State, Trace: flow.TraceID(r.Trace),
		CreatedAt: r.CreatedAt, PaidAt: r.PaidAt,
	}
}

type ticketRow struct {
	ShowID  string `gorm:"primaryKey"`
	Seat    string `gorm:"primaryKey"`
	OrderID string
	Price   int64
}

func (ticketRow) TableName() string { return "tickets" }

// keyPattern admits no spaces: MySQL would take two keys that differ in the
// spaces at their ends for one.
var keyPattern = regexp.MustCompile(`^[!-~]{1,128}$`)

func (f *faults) key(key string) {
	f.unless(keyPattern.MatchString(key), "Idempotency-Key", "must have 1 to 128 visible ASCII characters")
}

// Replay finds the order that an earlier request with this key made. It may
// return an *InvalidError for the key, ErrIdempotencyMismatch if that request
// had another body, or ErrUnavailable.
func (s *Store) Replay(ctx context.Context, visitor, key, bodyHash string) (Order, bool, error) {
	f := &faults{}
	f.visitor(visitor)
	f.key(key)
	if err := f.err(); err != nil {
		return Order{}, false, err
	}
	var rows []orderRow
	err := s.db.WithContext(ctx).Where("visitor = ? AND idempotency_key = ?", visitor, key).Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return Order{}, false, failed("replay", err)
	}
	if rows[0].BodyHash != bodyHash {
		return Order{}, false, ErrIdempotencyMismatch
	}
	orders := []Order{rows[0].order()}
	err = s.reasons(ctx, orders)
	return orders[0], err == nil, err
}

// FindOrder is a visitor's own order. It may return ErrOrderNotFound,
// ErrNotYours or ErrUnavailable.
func (s *Store) FindOrder(ctx context.Context, visitor, id string) (Order, error) {
	order, err := s.OrderOf(ctx, id)
	if err == nil && order.Visitor != visitor {
		err = ErrNotYours
	}
	if err != nil {
		return Order{}, err
	}
	return order, nil
}

// OrderOf is anybody's order. It may return ErrOrderNotFound or ErrUnavailable.
func (s *Store) OrderOf(ctx context.Context, id string) (Order, error) {
	if !isID(id) {
		return Order{}, ErrOrderNotFound
	}
	orders, err := s.orders(ctx, s.db.Where("id = ?", id).Limit(1))
	if err == nil && len(orders) == 0 {
		err = ErrOrderNotFound
	}
	if err != nil {
		return Order{}, err
	}
	return orders[0], nil
}

// OrdersOf lists the latest orders of a visitor, newest first.
func (s *Store) OrdersOf(ctx context.Context, visitor string) ([]Order, error) {
	if !visitorPattern.MatchString(visitor) {
		return nil, nil
	}
	return s.orders(ctx, s.db.Where("visitor = ?", visitor).Order("id DESC").Limit(listMost))
}

func (s *Store) orders(ctx context.Context, query *gorm.DB) ([]Order, error) {
	var rows []orderRow
	if err := query.WithContext(ctx).Find(&rows).Error; err != nil {
		return nil, failed("find orders", err)
	}
	orders := make([]Order, len(rows))
	for i, r := range rows {
		orders[i] = r.order()
	}
	return orders, s.reasons(ctx, orders)
}

// reasons adds to orders by card why they ended as they did.
func (s *Store) reasons(ctx context.Context, orders []Order) error {
	byID := map[string]*Order{}
	for i := range orders {
		if o := &orders[i]; o.Method == MethodCard && o.State != orderPending && o.State != orderPaid {
			byID[o.ID] = o
		}
	}
	if len(byID) == 0 {
		return nil
	}
	var rows []paymentRow
	if err := s.db.WithContext(ctx).Where("order_id IN ?", sorted(byID)).Select("order_id", "reason").Find(&rows).Error; err != nil {
		return failed("reasons of orders", err)
	}
	for _, r := range rows {
		byID[r.OrderID].Reason = r.Reason
	}
	return nil
}

// ToldNumbers lists the queue numbers of those of whose purchase a listener has been
// told. One that lags behind a rush has not been told yet, and nothing is broken.
func (s *Store) ToldNumbers(ctx context.Context, showID, listener string) ([]int64, error) {
	var numbers []int64
	err := s.db.WithContext(ctx).Raw(`SELECT DISTINCT o.number FROM orders o
		JOIN events e ON e.subject = o.id AND e.type = ?
		JOIN deliveries d ON d.event_id = e.id AND d.listener = ? AND d.state = 'done'
		WHERE o.show_id = ? AND o.state = 'paid' ORDER BY o.number`, OrderPaid, listener, showID).Scan(&numbers).Error
	return numbers, failed("told numbers", err)
}

// PaidNumbers lists the queue numbers under which visitors have bought in a show.
func (s *Store) PaidNumbers(ctx context.Context, showID string) ([]int64, error) {
	var numbers []int64
	err := s.db.WithContext(ctx).Model(&orderRow{}).Where("show_id = ? AND state = ?", showID, orderPaid).
		Distinct().Order("number").Pluck("number", &numbers).Error
	return numbers, failed("paid numbers", err)
}
