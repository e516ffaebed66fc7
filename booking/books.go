package booking

import (
	"errors"
	"slices"
	"strings"
	"time"

	"frontrow/internal/invariant"

	"gorm.io/gorm"
)

// openTooLong is how old an event may be that a listener has not been told of.
const openTooLong = 5 * time.Minute

// books are everything that is stored about the sale of one show, at one moment.
type books struct {
	show    string
	now     int64
	seats   map[string]seatRow
	tickets map[string]ticketRow
	holds   map[string]holdRow
	orders  []orderRow // paid ones
	undone  []orderRow // all others
	entries map[string][]entryRow
	cards   map[string]paymentRow
	taken   map[string]int
	events  map[string]eventRow
	told    map[string][]deliveryRow
	found   []invariant.Violation
}

func newBooks(show string, now int64) *books {
	return &books{
		show: show, now: now, seats: map[string]seatRow{}, tickets: map[string]ticketRow{}, holds: map[string]holdRow{},
		entries: map[string][]entryRow{}, cards: map[string]paymentRow{}, taken: map[string]int{}, events: map[string]eventRow{}, told: map[string][]deliveryRow{},
	}
}

func readBooks(tx *gorm.DB, show string, now int64) (*books, error) {
	b := newBooks(show, now)
	var limits []limitRow
	var entries []entryRow
	var deliveries []deliveryRow
	const ofOrders = "order_id IN (SELECT id FROM orders WHERE show_id = ?)"
	const ofEvents = "event_id IN (SELECT id FROM events WHERE show_id = ?)"
	err := errors.Join(
		index(tx.Where("show_id = ?", show), b.seats, func(r seatRow) string { return r.Seat }),
		index(tx.Where("show_id = ?", show), b.tickets, func(r ticketRow) string { return r.Seat }),
		index(tx.Where("show_id = ? AND state IN ('held', 'paid')", show), b.holds, func(r holdRow) string { return r.ID }),
		index(tx.Where("show_id = ?", show), b.events, func(r eventRow) string { return r.ID }),
		tx.Where("show_id = ? AND state = 'paid'", show).Order("id").Find(&b.orders).Error,
		tx.Where("show_id = ? AND state <> 'paid'", show).Order("id").Find(&b.undone).Error,
		index(tx.Where("show_id = ?", show), b.cards, func(r paymentRow) string { return r.OrderID }),
		tx.Where(ofOrders, show).Find(&entries).Error,
		tx.Where("show_id = ?", show).Find(&limits).Error,
		tx.Where(ofEvents, show).Find(&deliveries).Error,
	)
	for _, l := range limits {
		b.taken[l.Visitor] = l.Taken
	}
	for _, e := range entries {
		b.entries[e.OrderID] = append(b.entries[e.OrderID], e)
	}
	for _, d := range deliveries {
		b.told[d.EventID] = append(b.told[d.EventID], d)
	}
	return b, err
}

// index reads rows into a map.
func index[T any](query *gorm.DB, into map[string]T, key func(T) string) error {
	var rows []T
	err := query.Find(&rows).Error
	for _, r := range rows {
		into[key(r)] = r
	}
	return err
}

func (b *books) broken(name, format string, args ...any) {
	b.found = append(b.found, invariant.Violationf(name, b.show, format, args...))
}

// soldOnce: a seat is in one paid order, in one live hold at a time, and sold
// only to somebody who has the ticket.
func (b *books) soldOnce() {
	owner := map[string]string{}
	for _, o := range b.orders {
		for _, seat := range o.seats() {
			if other, ok := owner[seat]; ok {
				b.broken(invariant.SoldOnce, "seat %s is in the paid orders %s and %s", seat, other, o.ID)
			}
			owner[seat] = o.ID
		}
	}
	for _, seat := range sorted(b.seats) {
		r, t := b.seats[seat], b.tickets[seat]
		if r.Kept != "" {
			b.keptFromSale(r)
			continue
		}
		if r.State == seatSold && (t.OrderID == "" || t.OrderID != r.OrderID) {
			b.broken(invariant.SoldOnce, "seat %s is sold to order %q but the ticket is of %q", seat, r.OrderID, t.OrderID)
		}
	}
	for _, seat := range sorted(b.tickets) {
		if owner[seat] == "" {
			b.broken(invariant.SoldOnce, "seat %s has a ticket of order %s, which is not paid or does not list it", seat, b.tickets[seat].OrderID)
		}
	}
	b.heldOnce()
}

// keptFromSale: a seat that is not for sale is nobody's.
func (b *books) keptFromSale(r seatRow) {
	if _, sold := b.tickets[r.Seat]; sold || r.OrderID != "" || r.HoldID != "" || r.State != seatSold {
		b.broken(invariant.SoldOnce, "seat %s is not for sale (%s) and is %s, of hold %q and order %q", r.Seat, r.Kept, r.State, r.HoldID, r.OrderID)
	}
}

// heldOnce: no two holds have a seat at the same time. A paid one has it for
// good, one that ran out and is not yet swept until its deadline.
func (b *books) heldOnce() {
	bySeat := map[string][]holdRow{}
	for _, id := range sorted(b.holds) {
		for _, seat := range b.holds[id].seats() {
			bySeat[seat] = append(bySeat[seat], b.holds[id])
		}
	}
	for _, seat := range sorted(bySeat) {
		holds := bySeat[seat]
		slices.SortFunc(holds, func(x, y holdRow) int { return int(x.CreatedAt - y.CreatedAt) })
		for i := 1; i < len(holds); i++ {
			if first := holds[i-1]; first.State == HoldPaid || holds[i].CreatedAt < first.ExpiresAt {
				b.broken(invariant.SoldOnce, "seat %s is in the holds %s and %s at the same time", seat, first.ID, holds[i].ID)
			}
		}
	}
}

// paidIsKept: everything that a paid order brought about is there.
func (b *books) paidIsKept() {
	for _, o := range b.orders {
		if len(o.seats()) == 0 {
			b.broken(invariant.PaidIsKept, "paid order %s lists no seats", o.ID)
		}
		var prices int64
		for _, seat := range o.seats() {
			t, ok := b.tickets[seat]
			if !ok || t.OrderID != o.ID {
				b.broken(invariant.PaidIsKept, "paid order %s has no ticket for seat %s", o.ID, seat)
			}
			prices += t.Price
			if r := b.seats[seat]; r.State != seatSold || r.OrderID != o.ID {
				b.broken(invariant.PaidIsKept, "seat %s of paid order %s is %s, of order %q", seat, o.ID, r.State, r.OrderID)
			}
		}
		if prices != o.Amount {
			b.broken(invariant.PaidIsKept, "the tickets of order %s cost %d, paid was %d", o.ID, prices, o.Amount)
		}
		if b.holds[o.HoldID].State != HoldPaid {
			b.broken(invariant.PaidIsKept, "hold %s of paid order %s is not paid", o.HoldID, o.ID)
		}
		b.payment(o)
	}
}

// payment: a paid wallet order took exactly its price, once.
func (b *books) payment(o orderRow) {
	want := 1
	if o.Method != MethodWallet || o.Amount == 0 {
		want = 0
	}
	var sum int64
	n := 0
	for _, e := range b.entries[o.ID] {
		if e.Kind == entryPayment {
			sum, n = sum+e.Amount, n+1
		}
	}
	if n != want {
		b.broken(invariant.MoneyBalances, "paid order %s has %d payments and not %d", o.ID, n, want)
	}
	if n < want || n > 0 && sum != -o.Amount {
		b.broken(invariant.PaidIsKept, "paid order %s over %d has payments of %d", o.ID, o.Amount, -sum)
	}
}

// limits: the count that guards each visitor's limit is the seats they have,
// and was within the limit when they took the last of them.
func (b *books) limits() {
	have, limit := map[string]int{}, map[string]int{}
	for _, h := range b.holds {
		have[h.Visitor] += h.SeatCount
		limit[h.Visitor] = max(limit[h.Visitor], h.MaxSeats)
		if h.SeatCount != len(h.seats()) {
			b.broken(invariant.Limit, "hold %s counts %d seats and lists %d", h.ID, h.SeatCount, len(h.seats()))
		}
	}
	for _, visitor := range sorted(b.taken) {
		if b.taken[visitor] != have[visitor] {
			b.broken(invariant.Limit, "visitor %s is counted with %d seats and has %d", visitor, b.taken[visitor], have[visitor])
		}
	}
	for _, visitor := range sorted(have) {
		if _, counted := b.taken[visitor]; !counted {
			b.broken(invariant.Limit, "visitor %s is not counted and has %d seats", visitor, have[visitor])
		}
		if have[visitor] > limit[visitor] {
			b.broken(invariant.Limit, "visitor %s has %d seats, more than the limit of %d", visitor, have[visitor], limit[visitor])
		}
	}
}

// toldOnce: each event has one delivery for each listener that it was written
// for, and each of those has worked, or is about to.
func (b *books) toldOnce() {
	for _, id := range sorted(b.events) {
		var told []string
		for _, d := range b.told[id] {
			told = append(told, d.Listener)
			b.delivery(b.events[id], d)
		}
		want := decodeSeats(b.events[id].Listeners)
		slices.Sort(told)
		slices.Sort(want)
		if !slices.Equal(told, want) {
			b.broken(invariant.ToldOnce, "event %s of %s was for [%s] and has deliveries for [%s]",
				id, b.events[id].Subject, strings.Join(want, " "), strings.Join(told, " "))
		}
	}
}

func (b *books) delivery(e eventRow, d deliveryRow) {
	switch {
	case d.State == deliveryDead:
		b.broken(invariant.ToldOnce, "event %s of %s was given up for %s: %s", e.ID, e.Subject, d.Listener, d.LastError)
	case d.State == deliveryDone && d.DoneAt == nil:
		b.broken(invariant.ToldOnce, "event %s of %s is done for %s without a time", e.ID, e.Subject, d.Listener)
	case d.State == deliveryDue && b.now-e.At > openTooLong.Microseconds():
		b.broken(invariant.ToldOnce, "event %s of %s has been open for %s since %s", e.ID, e.Subject, d.Listener, time.UnixMicro(e.At).UTC().Format(time.RFC3339))
	}
}

func sorted[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
