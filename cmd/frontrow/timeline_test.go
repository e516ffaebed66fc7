package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// steps are a timeline in short, as its buyer or the operator is told it.
func steps(r reply) string {
	r.t.Helper()
	var steps []string
	list, _ := r.json()["steps"].([]any)
	for _, one := range list {
		s, words := one.(map[string]any), []string{}
		for _, field := range []string{"kind", "type", "listener", "outcome"} {
			if word, ok := s[field].(string); ok {
				words = append(words, word)
			}
		}
		steps = append(steps, strings.Join(words, " "))
	}
	return strings.Join(steps, ", ")
}

// The buyer is told every step, the operator also what went wrong, and nobody else
// anything.
func TestTheWayOfAnOrder(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		v, stranger := c.enters(c.show), c.enters(c.show)
		held := v.hold("A-1-1").want(http.StatusCreated)
		order := v.payBy("card_garbage", held.text("hold"), "k").text("order")
		v.becomes(order, "paid")
		v.is("finished")
		own, theirs := "/v1/orders/"+order+"/timeline", "/v1/admin/orders/"+order+"/timeline"
		var mine reply
		told := func(want ...string) {
			t.Helper()
			testenv.Wait(t, 10*time.Second, func() bool {
				mine = c.do(call{method: "GET", path: own, bearer: v.token}).want(http.StatusOK)
				for _, step := range want {
					if !strings.Contains(steps(mine)+",", step+",") {
						return false
					}
				}
				return true
			}, "not told all of %q", want)
		}
		told("hold held", "order card", "charge no_answer", "ask captured", "settled paid", "event order.paid",
			"told order.paid end-admission done", "told order.paid mark-seats done")
		if !strings.HasPrefix(steps(mine), "hold held, order card, charge no_answer") {
			t.Errorf("told in the order of %s", steps(mine))
		}
		if mine.text("trace_id") != v.order(order).text("trace_id") || mine.text("state") != "paid" {
			t.Errorf("told %s", mine.body)
		}
		if strings.Contains(string(mine.body), "detail") || strings.Contains(string(mine.body), `"event":`) {
			t.Errorf("the buyer is told what is not for them: %s", mine.body)
		}
		if got := c.admin("GET", theirs, nil).want(http.StatusOK); !strings.Contains(string(got.body), "not a payment") {
			t.Errorf("the operator is not told what the provider said: %s", got.body)
		}

		c.do(call{method: "POST", path: "/v1/orders/" + order + "/cancel", bearer: v.token}).want(http.StatusOK)
		v.becomes(order, "refunded")
		told("cancel cancelled", "event order.cancelled", "refund refunded", "settled refunded", "event order.refunded", "told order.refunded mark-seats done")
		if !strings.Contains(string(mine.body), `"by":"buyer"`) {
			t.Errorf("not told who cancelled: %s", mine.body)
		}

		c.do(call{method: "GET", path: own, bearer: stranger.token}).problem(http.StatusForbidden, "not_yours")
		c.do(call{method: "GET", path: own}).problem(http.StatusUnauthorized, "token_required")
		c.do(call{method: "GET", path: theirs, bearer: v.token}).problem(http.StatusUnauthorized, "admin_required")
		for _, prefix := range []string{"/v1/orders/", "/v1/admin/orders/"} {
			bearer := map[bool]string{true: v.token, false: testAdmin}[prefix == "/v1/orders/"]
			for _, nobody := range []string{"01ARZ3NDEKTSV4RRFFQ69G5FAV", "no-order"} {
				c.do(call{method: "GET", path: prefix + nobody + "/timeline", bearer: bearer}).problem(http.StatusNotFound, "order_not_found")
			}
		}
		page := c.do(call{method: "GET", path: "/orders/" + order}).want(http.StatusOK)
		if !strings.Contains(string(page.body), "/timeline.js\"></script>") || strings.Contains(string(page.body), "<script>") {
			t.Errorf("page %s", page.body)
		}
		c.closes()
	})
}

// verify prints the way of an order, and says where it hangs.
func TestVerifyFollowsAnOrder(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		v := c.enters(c.show)
		order := v.buysByCard(v.hold("A-1-1").want(http.StatusCreated).text("hold"), "k").text("order")
		v.is("finished")
		args := []string{"verify", "--order", order, "--data-dir", c.config.DataDir, "--admin-token", testAdmin}
		if c.embedded == nil {
			args = append(args, "--redis-url", c.config.RedisURL, "--mysql-dsn", c.config.MySQLDSN)
		}
		code, out, errOut := runs(t, args...)
		if code != 0 || !strings.Contains(out, "order "+order+" of "+c.show+" is paid, trace ") || !strings.Contains(out, "charge   captured, took ") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
		must(t, c.db.Exec("UPDATE events SET type = 'order.refunded' WHERE subject = ?", order).Error)
		code, out, _ = runs(t, args...)
		if code != 1 || !strings.Contains(out, "order "+order+" is paid, and its events are [order.refunded] and not [order.paid]") {
			t.Errorf("exit code %d: %s", code, out)
		}
		code, _, errOut = runs(t, append(args, "--show", c.show)...)
		if code != 1 || !strings.Contains(errOut, "--order goes without") {
			t.Errorf("exit code %d: %s", code, errOut)
		}
		args[2] = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
		if code, out, errOut = runs(t, args...); code != 1 || !strings.Contains(errOut, "order") {
			t.Errorf("exit code %d: %s%s", code, out, errOut)
		}
	})
}
