package main

import (
	"net/http"
	"testing"

	"frontrow/queue"
)

// Whom an operator calls before their turn goes first as soon as the rules let anybody in, and the audit has it.
func TestOneVisitorBeforeTheirTurn(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(shut)
		path := "/v1/admin/shows/" + show + "/"
		first, second, last := g.joins(show), g.joins(show), g.joins(show)
		visitor := visitorOf(t, last)
		found := func() map[string]any {
			return g.admin("GET", path+"visitors?visitor="+visitor, nil).want(http.StatusOK).json()
		}
		last.is("waiting")
		g.admin("PUT", path+"preferred/"+visitor, nil).want(http.StatusNoContent)
		g.admin("PUT", path+"preferred/"+visitor, nil).want(http.StatusNoContent)
		if f := found(); f["preferred"] != true || f["position"] != 3.0 || f["state"] != "waiting" {
			t.Errorf("found %v", f)
		}
		g.admin("PATCH", path+"admission", map[string]any{"admit": 1, "interval_ms": 60_000, "max_active": 1}).want(http.StatusOK)
		last.is("admitted")
		first.is("waiting")
		if f := found(); f["preferred"] != false || f["state"] != "admitted" {
			t.Errorf("found %v", f)
		}
		last.hold("A-1-1").want(http.StatusCreated)
		g.admin("PUT", path+"preferred/"+visitor, nil).problem(http.StatusConflict, "not_waiting")
		g.do(call{method: "DELETE", path: "/v1/shows/" + show + "/queue", bearer: second.token}).want(http.StatusNoContent)
		g.admin("PUT", path+"preferred/"+visitorOf(t, second), nil).problem(http.StatusConflict, "not_waiting")
		g.admin("PUT", path+"preferred/"+queue.NewVisitor(), nil).problem(http.StatusConflict, "not_waiting")
		g.do(call{method: "PUT", path: path + "preferred/nobody", bearer: testAdmin, bad: true}).problem(http.StatusUnprocessableEntity, "invalid")
		g.admin("PUT", "/v1/admin/shows/no-such-show/preferred/"+visitor, nil).problem(http.StatusNotFound, "show_not_found")
		g.do(call{method: "PUT", path: path + "preferred/" + visitor}).problem(http.StatusUnauthorized, "admin_required")

		entries := g.admin("GET", "/v1/admin/audit?show="+show, nil).want(http.StatusOK).json()["entries"].([]any)
		calls := 0
		for _, e := range entries {
			if e := e.(map[string]any); e["action"] == "prefer_visitor" {
				calls++
				if e["subject"] != visitor || e["operator"] != "operator" || e["after"].(map[string]any)["position"] != 3.0 {
					t.Errorf("the audit says %v", e)
				}
			}
		}
		if calls != 1 {
			t.Errorf("%d calls in the audit", calls)
		}
		g.verifies(show)
	})
}
