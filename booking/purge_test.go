package booking

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
)

// everywhere are all columns of text: a visitor who was forgotten is in none of them.
func everywhere(t *testing.T, db *gorm.DB) (columns [][2]string) {
	t.Helper()
	tables := must1(db.Migrator().GetTables())(t)
	for _, table := range tables {
		if strings.HasPrefix(table, "goose") || strings.HasPrefix(table, "sqlite") {
			continue
		}
		for _, c := range must1(db.Migrator().ColumnTypes(table))(t) {
			if kind := strings.ToUpper(c.DatabaseTypeName()); strings.Contains(kind, "CHAR") || strings.Contains(kind, "TEXT") {
				columns = append(columns, [2]string{table, c.Name()})
			}
		}
	}
	if len(columns) < 60 {
		t.Fatalf("%d columns were found", len(columns))
	}
	return columns
}

// traces are the columns in which an id still stands.
func (h *hall) traces(t *testing.T, visitor string) (found []string) {
	t.Helper()
	for _, c := range everywhere(t, h.db) {
		var n int64
		must0(t, h.db.Raw(fmt.Sprintf("SELECT COUNT(*) FROM %s WHERE `%s` LIKE ?", c[0], c[1]), "%"+visitor+"%").Row().Scan(&n))
		if n > 0 {
			found = append(found, c[0]+"."+c[1])
		}
	}
	slices.Sort(found)
	return found
}

// spends has a visitor buy seats for all the points that they have.
func (h *hall) spends(t *testing.T, seats ...string) Order {
	t.Helper()
	hold := h.hold(t, h.request(seats...))
	ctx := WithActor(t.Context(), Actor{Operator: "till"})
	must1(h.Charge(ctx, hold.Visitor, hold.Amount, "mail-someone@example.org", hold.Visitor))(t)
	r := h.payment(t, hold)
	r.Key = "my-name-is-kim"
	return must1(h.PayFromWallet(t.Context(), r))(t)
}

// ends closes the show, which was played some days ago, with everybody told.
func (h *hall) ends(t *testing.T, days int) {
	t.Helper()
	for _, d := range h.claim(t, time.Minute, "first", "second") {
		must0(t, h.Delivered(t.Context(), d))
	}
	must1(h.SetPhase(t.Context(), h.show.ID, PhaseClosed))(t)
	played := h.Now() - int64(days)*24*time.Hour.Microseconds() - 1
	must0(t, h.db.Exec("UPDATE shows SET plays_at = ? WHERE id = ?", played, h.show.ID).Error)
}

func daysAgo(h *hall, days int) int64 { return h.Now() - int64(days)*24*time.Hour.Microseconds() }

func TestPurgeForgetsVisitors(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		other := h.another(t)
		gone, cancelled, rich, again := h.spends(t, "A-1-1"), h.spends(t, "A-1-2"), h.buy(t, "A-1-3"), h.spends(t, "A-1-4")
		must1(h.CancelOrderFor(t.Context(), cancelled.ID, "operator", ""))(t)
		must0(t, h.db.Exec("UPDATE wallets SET balance = 0 WHERE visitor = ?", cancelled.Visitor).Error)
		must0(t, h.db.Exec("DELETE FROM wallet_entries WHERE visitor = ? AND kind = 'charge'", cancelled.Visitor).Error)
		must0(t, h.Enlist(t.Context(), h.show.ID, 1, Listed{Visitor: gone.Visitor, Number: 9}))
		must0(t, h.CallListed(t.Context(), h.show.ID, 1, []CalledPlace{{Visitor: gone.Visitor}}))
		held := other.request("A-1-1")
		held.Visitor = again.Visitor
		other.hold(t, held)

		if over := must1(h.Over(t.Context(), daysAgo(h, 30)))(t); len(over) != 0 {
			t.Errorf("over is %v", over)
		}
		h.ends(t, 30)
		dry := must1(h.Purge(t.Context(), h.show.ID, daysAgo(h, 30), true))(t)
		before := h.traces(t, gone.Visitor)
		if len(before) < 6 {
			t.Fatalf("the visitor is only in %v", before)
		}
		p := must1(h.Purge(t.Context(), h.show.ID, daysAgo(h, 30), false))(t)
		if p != dry || p.Visitors != 2 || p.Kept != 2 || p.Deliveries == 0 {
			t.Errorf("%+v, foretold %+v", p, dry)
		}
		for _, o := range []Order{gone, cancelled} {
			if left := h.traces(t, o.Visitor); len(left) > 0 {
				t.Errorf("still in %v", left)
			}
		}
		keys := h.count(t, &orderRow{}, "idempotency_key = 'my-name-is-kim'") + h.count(t, &entryRow{}, "idempotency_key LIKE 'mail-%'")
		if keys != 2 { // of the one who is kept
			t.Errorf("%d keys that visitors made up are left", keys)
		}
		for _, o := range []Order{rich, again} {
			if must1(h.OrderOf(t.Context(), o.ID))(t).Visitor != o.Visitor {
				t.Error("somebody was forgotten who has points, or seats elsewhere")
			}
		}
		if n := h.count(t, &deliveryRow{}, "1 = 1") + h.count(t, &tryRow{}, "1 = 1"); n != 0 {
			t.Errorf("%d deliveries and tries are left", n)
		}
		h.intact(t)
		if more := must1(h.Purge(t.Context(), h.show.ID, daysAgo(h, 30), false))(t); more.Visitors != 0 || more.Deliveries != 0 || more.Kept != 2 {
			t.Errorf("again: %+v", more)
		}
		if n := h.count(t, &auditRow{}, "show_id = ? AND action = 'purge'", h.show.ID); n != 1 {
			t.Errorf("%d entries in the audit", n)
		}
	})
}

func TestPurgeLeavesAloneWhatIsNotOver(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		order := h.spends(t, "A-1-1")
		_, err := h.Purge(t.Context(), h.show.ID, daysAgo(h, 30), false)
		wantType[*InvalidError](t, err)
		h.ends(t, 30)
		_, err = h.Purge(t.Context(), h.show.ID, daysAgo(h, 31), false)
		wantType[*InvalidError](t, err)
		if over := must1(h.Over(t.Context(), daysAgo(h, 31)))(t); len(over) != 0 {
			t.Errorf("over is %v", over)
		}
		_, err = h.Purge(t.Context(), "show-of-nobody", daysAgo(h, 1), false)
		wantError(t, err, ErrShowNotFound)

		must0(t, h.db.Exec("UPDATE deliveries SET state = 'dead' WHERE subject = ? AND listener = 'first'", order.ID).Error)
		p := must1(h.Purge(t.Context(), h.show.ID, daysAgo(h, 30), false))(t)
		if p.Open != 1 || p.Visitors != 0 || must1(h.OrderOf(t.Context(), order.ID))(t).Visitor != order.Visitor {
			t.Errorf("%+v with a dead letter", p)
		}
	})
}
