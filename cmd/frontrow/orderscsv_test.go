package main

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"
)

// Every order of a show is in the file, once, more pages or not; and none of another's.
func TestOrdersAsAFile(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show, other := g.show(), g.show()
		order := g.buys(show, "A-1-1").text("order")
		g.buys(other, "A-1-2")
		// More than two pages, by a visitor whose id looks like a formula.
		const more = 1100
		for start := 0; start < more; start += 100 {
			sql, args := strings.Builder{}, []any{}
			sql.WriteString("INSERT INTO orders (id, show_id, visitor, hold_id, number, seats, amount, currency, method, state, idempotency_key, body_hash, trace, created_at) VALUES ")
			for i := range 100 {
				if i > 0 {
					sql.WriteString(", ")
				}
				id := ulid.Make().String()
				sql.WriteString("(?, ?, '-bcdefghijklmn', '', 1, '[\"B-1-1\"]', 0, 'KRW', 'card', 'declined', ?, '', '', 1764000000000000)")
				args = append(args, id, show, id)
			}
			must(t, g.db.Exec(sql.String(), args...).Error)
		}
		r := g.admin("GET", "/v1/admin/shows/"+show+"/orders.csv", nil).want(http.StatusOK)
		rows, err := csv.NewReader(strings.NewReader(string(r.body))).ReadAll()
		must(t, err)
		seen := map[string]bool{}
		for _, row := range rows[1:] {
			if seen[row[0]] {
				t.Fatalf("order %s is there twice", row[0])
			}
			seen[row[0]] = true
		}
		if len(seen) != more+1 || !seen[order] {
			t.Errorf("%d orders, want %d", len(seen), more+1)
		}
		if first := rows[1]; first[0] != order || first[3] != "paid" || first[6] != "A-1-1" || first[7] != "50000" || first[9] != "wallet" {
			t.Errorf("first row %v", first)
		}
		if last := rows[len(rows)-1]; last[4] != "'-bcdefghijklmn" || last[1] != "2025-11-24T16:00:00Z" || last[2] != "" {
			t.Errorf("last row %v", last)
		}
		if r.header.Get("Content-Disposition") != `attachment; filename="orders-`+show+`.csv"` {
			t.Errorf("header %v", r.header)
		}
		empty := g.admin("GET", "/v1/admin/shows/"+g.show()+"/orders.csv", nil).want(http.StatusOK)
		if strings.Count(string(empty.body), "\r\n") != 1 {
			t.Errorf("no orders: %q", empty.body)
		}
		g.admin("GET", "/v1/admin/shows/no-such-show/orders.csv", nil).problem(http.StatusNotFound, "show_not_found")
		g.do(call{method: "GET", path: "/v1/admin/shows/" + show + "/orders.csv"}).problem(http.StatusUnauthorized, "admin_required")
	})
}
