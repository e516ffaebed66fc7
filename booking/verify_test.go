package booking

import (
	"strings"
	"testing"

	"frontrow/internal/invariant"
)

// Each case breaks what is stored after a sale, and verify must name what broke.
func TestVerifyNamesWhatIsBroken(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		invariant string
		detail    string
		sql       string // :show, :order, :buyer, :hold and :held (another hold) stand for their ids
	}{
		"seat in two paid orders":         {invariant.SoldOnce, "A-1-1 is in the paid orders", `UPDATE orders SET seats = '["A-1-1"]' WHERE id = :second`},
		"sold seat without a ticket":      {invariant.SoldOnce, "A-1-3 is sold to order", `UPDATE seats SET state = 'sold' WHERE show_id = :show AND seat = 'A-1-3'`},
		"sold seat of another order":      {invariant.SoldOnce, "the ticket is of", `UPDATE seats SET order_id = 'x' WHERE show_id = :show AND seat = 'A-1-1'`},
		"ticket of nobody":                {invariant.SoldOnce, "A-1-3 has a ticket", `INSERT INTO tickets (show_id, seat, order_id, price) VALUES (:show, 'A-1-3', 'x', 1)`},
		"seat held twice":                 {invariant.SoldOnce, "at the same time", `UPDATE holds SET seats = '["A-1-1"]' WHERE id = :held`},
		"sold seat is free at the door":   {invariant.SoldOnce, "A-2-5 is sold or not for sale, and free at the door", `UPDATE seats SET state = 'sold' WHERE show_id = :show AND seat = 'A-2-5'`},
		"ticket is lost":                  {invariant.PaidIsKept, "no ticket for seat A-1-1", `DELETE FROM tickets WHERE show_id = :show AND seat = 'A-1-1'`},
		"seat of a paid order is free":    {invariant.PaidIsKept, "A-1-1 of paid order", `UPDATE seats SET state = 'free' WHERE show_id = :show AND seat = 'A-1-1'`},
		"hold of a paid order is not":     {invariant.PaidIsKept, "is not paid", `UPDATE holds SET state = 'expired' WHERE id = :hold`},
		"paid order lists no seats":       {invariant.PaidIsKept, "lists no seats", `UPDATE orders SET seats = '[]' WHERE id = :order`},
		"payment is lost":                 {invariant.PaidIsKept, "has payments of 0", `DELETE FROM wallet_entries WHERE order_id = :order`},
		"payment of another amount":       {invariant.PaidIsKept, "has payments of 1", `UPDATE wallet_entries SET amount = -1 WHERE order_id = :order`},
		"payment is there twice":          {invariant.MoneyBalances, "has 2 payments", `INSERT INTO wallet_entries (id, visitor, kind, amount, idempotency_key, order_id, made_by, at) VALUES ('x', :buyer, 'payment', -1, 'x', :order, 'x', 1)`},
		"balance is not the sum":          {invariant.MoneyBalances, "its entries sum up to 900", `UPDATE wallets SET balance = balance + 1 WHERE visitor = :buyer`},
		"wallet is lost":                  {invariant.MoneyBalances, "no wallet", `DELETE FROM wallets WHERE visitor = :buyer`},
		"count is too high":               {invariant.Limit, "is counted with 9 seats", `UPDATE purchase_limits SET taken = 9 WHERE visitor = :buyer`},
		"count is lost":                   {invariant.Limit, "is not counted", `DELETE FROM purchase_limits WHERE visitor = :buyer`},
		"more seats than the limit":       {invariant.Limit, "more than the limit of 0", `UPDATE holds SET max_seats = 0 WHERE id = :hold`},
		"hold miscounts its seats":        {invariant.Limit, "counts 3 seats and lists 1", `UPDATE holds SET seat_count = 3 WHERE id = :held`},
		"delivery is lost":                {invariant.ToldOnce, "deliveries for [first]", `DELETE FROM deliveries WHERE subject = :order AND listener = 'second'`},
		"delivery to somebody else":       {invariant.ToldOnce, "deliveries for [first other second]", `INSERT INTO deliveries (event_id, listener, subject, state, tries, next_at, claim, last_error) SELECT id, 'other', subject, 'due', 0, 0, '', '' FROM events WHERE subject = :order`},
		"delivery was given up":           {invariant.ToldOnce, "was given up for first", `UPDATE deliveries SET state = 'dead' WHERE subject = :order AND listener = 'first'`},
		"delivery has been open too long": {invariant.ToldOnce, "has been open for first", `UPDATE events SET at = at - 301000000 WHERE subject = :order`},
		"event of an order is lost":       {invariant.Settled, "is paid, and its events are [] and not [order.paid]", `DELETE FROM events WHERE subject = :order`},
		"event of what did not happen":    {invariant.Settled, "its events are [order.paid order.refunded] and not [order.paid]", `INSERT INTO events (id, type, show_id, subject, visitor, trace, payload, listeners, at) SELECT 'another-event', 'order.refunded', show_id, subject, visitor, trace, payload, '[]', at FROM events WHERE subject = :order`},
		"event in another trace":          {invariant.Settled, "is in trace trace-x, and the order in trace-2", `UPDATE events SET trace = 'trace-x' WHERE subject = :order`},
		"order from the wallet is open":   {invariant.Settled, "hangs: it is pending, and the wallet pays at once", `UPDATE orders SET state = 'pending' WHERE id = :order`},
		"refund is told of as cancelled":  {invariant.Settled, "is refunded, and its events are [order.paid] and not [order.paid order.refunded]", `UPDATE orders SET state = 'refunded' WHERE id = :order`},
	}
	eachHall(t, func(t *testing.T, h *hall) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				h := h.another(t)
				order, next := h.buy(t, "A-1-1"), h.buy(t, "A-1-2")
				held := h.hold(t, h.request("B-1-1"))
				h.intact(t)
				ids := strings.NewReplacer(":show", "'"+h.show.ID+"'", ":order", "'"+order.ID+"'", ":second", "'"+next.ID+"'",
					":buyer", "'"+order.Visitor+"'", ":held", "'"+held.ID+"'", ":hold", "'"+order.HoldID+"'")
				must0(t, h.db.Exec(ids.Replace(c.sql)).Error)
				h.broken(t, c.invariant, c.detail)
			})
		}
	})
}

// another is a show of its own on the same servers.
func (h *hall) another(t *testing.T) *hall {
	t.Helper()
	other := &hall{Store: h.Store, url: h.url, dsn: h.dsn}
	other.show = must1(h.CreateShow(t.Context(), hallSpec()))(t)
	must0(t, h.LoadDoor(t.Context(), other.show.ID, false))
	return other
}

// broken fails the test unless verify finds this.
func (h *hall) broken(t *testing.T, name, detail string) {
	t.Helper()
	found := must1(h.Verify(t.Context(), h.show.ID))(t)
	for _, v := range found {
		if v.Invariant == name && strings.Contains(v.Detail, detail) {
			return
		}
	}
	t.Errorf("found %v, want %s: …%s…", found, name, detail)
}

// A database without the key behind every sale must not pass for sound, even
// before anything was sold twice.
func TestVerifyNoticesThatTheUniqueKeyIsGone(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		for _, sql := range []string{
			"CREATE TABLE copied AS SELECT * FROM tickets", "DROP TABLE tickets", "ALTER TABLE copied RENAME TO tickets",
		} {
			must0(t, h.db.Exec(sql).Error)
		}
		h.broken(t, invariant.SoldOnce, "unique key is not in force")
	})
}

// The drills run the very statements of the sale and leave nothing behind.
func TestVerifyChangesNothing(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.intact(t) // nothing was sold yet
		h.buy(t, "A-1-1")
		h.hold(t, h.request("A-1-2"))
		before := must1(h.readSeats(t.Context(), h.show.ID))(t)
		h.intact(t)
		h.intact(t)
		for i, seat := range must1(h.readSeats(t.Context(), h.show.ID))(t) {
			if seat != before[i] {
				t.Errorf("seat %+v, was %+v", seat, before[i])
			}
		}
		for model, want := range map[any]int64{&ticketRow{}: 1, &limitRow{}: 2, &holdRow{}: 2} {
			if n := h.count(t, model, "show_id = ?", h.show.ID); n != want {
				t.Errorf("%T: %d rows, want %d", model, n, want)
			}
		}
	})
}

func TestVerifyOfOneShowLooksAtNoOther(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.buy(t, "A-1-1")
		other := must1(h.CreateShow(t.Context(), hallSpec()))(t)
		must0(t, h.db.Exec("DELETE FROM tickets").Error)
		if found := must1(h.Verify(t.Context(), other.ID))(t); len(found) != 0 {
			t.Errorf("found %v", found)
		}
		if found := must1(h.Verify(t.Context(), ""))(t); len(found) == 0 || found[0].Show != h.show.ID {
			t.Errorf("found %v", found)
		}
		wantError(t, second(h.Verify(t.Context(), "no-such-show")), ErrShowNotFound)
	})
}

func TestVerifyIsSilentWhileTheDoorIsNotLoaded(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.buy(t, "A-1-1")
		must0(t, h.rdb.Del(t.Context(), doorKeys(h.show.ID)...).Err())
		h.intact(t)
	})
}
