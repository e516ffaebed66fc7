package booking

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// minuteRow is what happened to the orders of a show in the minute that begins at
// Minute (µs).
type minuteRow struct {
	ShowID    string `gorm:"primaryKey"`
	Minute    int64  `gorm:"primaryKey;autoIncrement:false"`
	Orders    int64
	Seats     int64
	Revenue   int64
	Cancelled int64
	Returned  int64
	Refunded  int64
}

func (minuteRow) TableName() string { return "sales_minutes" }

// Figures count orders that were paid, their seats and what was paid for them; orders
// that were cancelled and the seats that came back by it; and the money that went back.
// Money is in the minor unit of the show's currency.
type Figures struct {
	Orders, Seats, Revenue, Cancelled, Returned, Refunded int64
}

// Minute are the figures of the minute that begins at At (µs).
type Minute struct {
	At int64
	Figures
}

// minuteMicros is a minute in µs.
const minuteMicros = 60_000_000

// CountSale adds an event of an order to its show's figures, once for each event: the
// delivery of the listener of this name is stamped in the same transaction, and one
// with a stamp was counted. So no table of events seen is needed: it would have a row
// for each delivery, and those are there already. It may return ErrUnreadable or
// ErrUnavailable.
func (s *Store) CountSale(ctx context.Context, listener string, e Event) error {
	order, err := e.OfOrder()
	if err != nil {
		return fmt.Errorf("count sale: %w", err)
	}
	row := minuteOf(e, order)
	return s.transact(ctx, "count sale", func(tx *gorm.DB) error {
		n, err := exec(tx, "UPDATE deliveries SET done_at = ? WHERE event_id = ? AND listener = ? AND done_at IS NULL", s.Now(), e.ID, listener)
		if err != nil || n == 0 {
			return err
		}
		return addMinute(tx, row)
	})
}

// minuteOf is what an event adds to its minute. A payment that was given up was never
// paid, as far as anybody was told: neither its seats nor its money come back to the
// figures. A refund that touches the seats cancels the order in the same step.
func minuteOf(e Event, order OrderPayload) minuteRow {
	row, seats := minuteRow{ShowID: e.Show, Minute: e.At - e.At%minuteMicros}, int64(len(order.Seats))
	if e.Type == OrderPaid {
		row.Orders, row.Seats, row.Revenue = 1, seats, order.Amount
	} else if order.Reason != ReasonNoAnswer {
		if e.Type == OrderCancelled || order.Fence > 0 {
			row.Cancelled, row.Returned = 1, seats
		}
		if e.Type == OrderRefunded {
			row.Refunded = order.Amount
		}
	}
	return row
}

func addMinute(tx *gorm.DB, row minuteRow) error {
	return tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "show_id"}, {Name: "minute"}},
		DoUpdates: clause.Assignments(map[string]any{
			"orders": gorm.Expr("orders + ?", row.Orders), "seats": gorm.Expr("seats + ?", row.Seats),
			"revenue": gorm.Expr("revenue + ?", row.Revenue), "cancelled": gorm.Expr("cancelled + ?", row.Cancelled),
			"returned": gorm.Expr("returned + ?", row.Returned), "refunded": gorm.Expr("refunded + ?", row.Refunded),
		}),
	}).Create(&row).Error
}

// MostMinutes bounds one question for figures: a day and an hour.
const MostMinutes = 1500

// Sales are a show's figures in all, and by the minute from the minute of one time up
// to another (µs); minutes in which nothing happened are left out. It may return an
// *InvalidError or ErrUnavailable.
func (s *Store) Sales(ctx context.Context, show string, from, to int64) (total Figures, minutes []Minute, err error) {
	from -= from % minuteMicros
	f := &faults{}
	f.unless(from > 0 && to < latestTime && from < to, "from", "must be before `to`, and both between 1970 and 2200")
	f.unless(to-from <= MostMinutes*minuteMicros, "to", "must be at most %d minutes after `from`", MostMinutes)
	if err := f.err(); err != nil {
		return total, nil, err
	}
	var rows []minuteRow
	err = s.snapshot(ctx, func(tx *gorm.DB) error {
		err := tx.Raw(`SELECT COALESCE(SUM(orders), 0) AS orders, COALESCE(SUM(seats), 0) AS seats,
			COALESCE(SUM(revenue), 0) AS revenue, COALESCE(SUM(cancelled), 0) AS cancelled,
			COALESCE(SUM(returned), 0) AS returned, COALESCE(SUM(refunded), 0) AS refunded
			FROM sales_minutes WHERE show_id = ?`, show).Scan(&total).Error
		if err != nil {
			return err
		}
		return tx.Where("show_id = ? AND minute >= ? AND minute < ?", show, from, to).Order("minute").Find(&rows).Error
	})
	for _, r := range rows {
		minutes = append(minutes, Minute{At: r.Minute, Figures: r.figures()})
	}
	return total, minutes, failed("sales", err)
}

func (r minuteRow) figures() Figures {
	return Figures{
		Orders: r.Orders, Seats: r.Seats, Revenue: r.Revenue, Cancelled: r.Cancelled, Returned: r.Returned, Refunded: r.Refunded,
	}
}
