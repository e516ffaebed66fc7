package main

import (
	"net/http"
	"testing"
	"time"
)

func TestVitals(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	first := g.admin("GET", "/v1/admin/vitals", nil).want(http.StatusOK)
	if first.number("failed") != 0 || len(first.json()["listeners"].([]any)) != 0 {
		t.Errorf("at rest: %s", first.body)
	}
	g.api.Drain()
	g.do(call{method: "GET", path: "/readyz"}).want(http.StatusServiceUnavailable)
	// An event that no listener of this gateway knows stays open.
	must(t, g.db.Exec("INSERT INTO events (id, type, show_id, subject, visitor, trace, payload, listeners, at) VALUES ('01KAT5ZB0T6W3N9H5D8F2G7KQX', 'order.paid', 's', 'x', 'v', '', '{}', '', ?)", g.store.Now()-int64(5*time.Second/time.Microsecond)).Error)
	must(t, g.db.Exec("INSERT INTO deliveries (event_id, listener, subject, state, tries, next_at, claim, last_error) VALUES ('01KAT5ZB0T6W3N9H5D8F2G7KQX', 'nobody', 'x', 'due', 0, 0, '', '')").Error)
	r := g.admin("GET", "/v1/admin/vitals", nil).want(http.StatusOK)
	behind := r.json()["listeners"].([]any)
	if r.number("failed") != 1 || r.text("gateway") != first.text("gateway") || len(behind) != 1 {
		t.Fatalf("vitals %s", r.body)
	}
	if l := behind[0].(map[string]any); l["listener"] != "nobody" || l["open"] != 1.0 || l["dead"] != 0.0 || l["lag_seconds"].(float64) < 5 {
		t.Errorf("behind is %v", l)
	}
}
