package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// short is the beginning of an operator's name.
func short(operator string) string { return operator[:min(8, len(operator))] }

// The operators of an evening, and what is found of them afterwards.
func TestTheAuditOfAnEvening(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		path := "/v1/admin/shows/" + show
		v := g.joins(show)
		visitor := g.do(call{method: "GET", path: "/v1/wallet", bearer: v.token}).want(http.StatusOK).text("visitor")
		as := func(operator string, c call) reply {
			c.bearer, c.header = testAdmin, map[string]string{"X-Frontrow-Operator": operator, "X-Request-Id": "by-" + short(operator)}
			return g.do(c)
		}
		as("jiyeon", call{method: "PATCH", path: path + "/admission", body: map[string]any{"admit": 7, "max_active": 100}}).want(http.StatusOK)
		as("minho", call{method: "POST", path: path + "/pause"}).want(http.StatusOK)
		as("minho", call{method: "POST", path: path + "/pause"}).want(http.StatusOK) // it is paused
		as("minho", call{method: "PATCH", path: path, body: map[string]any{"title": "Encore"}}).want(http.StatusOK)
		as("jiyeon", call{method: "PUT", path: path + "/message", body: map[string]any{"text": "Patience"}}).want(http.StatusOK)
		as("jiyeon", call{method: "POST", path: path + "/reset", body: map[string]any{"confirm": show}}).want(http.StatusOK)
		as("jiyeon", call{method: "POST", path: path + "/close"}).want(http.StatusOK)
		as("shop", call{method: "POST", path: "/v1/admin/wallets/" + visitor + "/charges", key: "k", body: map[string]any{"amount": 5}}).want(http.StatusCreated)
		g.do(call{method: "POST", path: "/v1/wallet/charges", bearer: v.token, key: "own", body: map[string]any{"amount": 5}}).want(http.StatusCreated)
		as(strings.Repeat("x", 64), call{method: "DELETE", path: path}).want(http.StatusNoContent)
		for _, name := range []string{"", " ", "two words", strings.Repeat("x", 65), "지연"} {
			g.do(call{method: "POST", path: path + "/pause", bearer: testAdmin, header: map[string]string{"X-Frontrow-Operator": name}, bad: true}).
				problem(http.StatusUnprocessableEntity, "invalid")
		}

		r := g.admin("GET", "/v1/admin/audit?limit=200&show="+show, nil).want(http.StatusOK)
		var got []string
		for _, e := range r.json()["entries"].([]any) {
			e := e.(map[string]any)
			operator := short(e["operator"].(string))
			got = append(got, operator+" "+e["action"].(string))
			if e["address"] != "127.0.0.1" || operator != "operator" && e["request_id"] != "by-"+operator {
				t.Errorf("entry %v", e)
			}
		}
		if want := []string{
			"xxxxxxxx delete_show", "jiyeon set_phase", "jiyeon reset_queue", "jiyeon set_message", "minho patch_show", "minho change_rules",
			"jiyeon change_rules", "operator create_show",
		}; !slices.Equal(got, want) {
			t.Errorf("the audit says %q, want %q", got, want)
		}
		for _, part := range []string{
			`"before":{"admission":{"admit":50}},"after":{"admission":{"admit":7}}`, `"before":{"admission":{"paused":false}},"after":{"admission":{"paused":true}}`,
			`"before":{"title":"A Test"},"after":{"title":"Encore"}`, `"before":{"generation":1},"after":{"generation":2}`,
		} {
			if !strings.Contains(string(r.body), part) {
				t.Errorf("the audit lacks %s: %s", part, r.body)
			}
		}
		if strings.Contains(string(r.body), testAdmin) {
			t.Error("the audit carries the admin token")
		}

		charged := g.admin("GET", "/v1/admin/audit?limit=1", nil).want(http.StatusOK)
		next := g.admin("GET", "/v1/admin/audit?limit=1&after="+charged.text("next"), nil).want(http.StatusOK)
		e := next.json()["entries"].([]any)[0].(map[string]any)
		if e["subject"] != visitor || e["operator"] != "shop" || e["action"] != "charge_wallet" || e["show"] != nil {
			t.Errorf("entry %v", e)
		}
		for _, query := range []string{"limit=0", "limit=201", "limit=all", "after=yesterday", "show=NO_SHOW"} {
			g.do(call{method: "GET", path: "/v1/admin/audit?" + query, bearer: testAdmin, bad: true}).problem(http.StatusUnprocessableEntity, "invalid")
		}
		g.do(call{method: "GET", path: "/v1/admin/audit", bearer: v.token}).problem(http.StatusUnauthorized, "admin_required")
	})
}
