package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

func TestTheWholeJourney(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(func(s map[string]any) {
			s["admission"].(map[string]any)["max_active"] = 1
		})
		first := g.enters(show)
		next := g.joins(show)
		waits := next.poll().want(http.StatusOK)
		if waits.text("state") != "waiting" || waits.number("position") != 1 {
			t.Fatalf("the next one: %s", waits.body)
		}

		held := first.hold("A-1-1", "A-1-2").want(http.StatusCreated)
		if held.number("amount") != 100_000 {
			t.Errorf("two seats of 50,000 cost %d", held.number("amount"))
		}
		first.pass = held.text("pass")
		testenv.Wait(t, 5*time.Second, func() bool {
			return strings.HasPrefix(g.do(call{method: "GET", path: "/v1/shows/" + show + "/seats/state"}).text("states"), "hhf")
		}, "the seats do not show as held")

		first.pay(held.text("hold"), "pay-1").problem(http.StatusUnprocessableEntity, "insufficient_points")
		first.charge(150_000).want(http.StatusCreated)
		paid := first.pay(held.text("hold"), "pay-1").want(http.StatusCreated)
		if paid.text("state") != "paid" || paid.text("trace_id") == "" {
			t.Errorf("order %s", paid.body)
		}
		wallet := g.do(call{method: "GET", path: "/v1/wallet", bearer: first.token}).want(http.StatusOK)
		if wallet.number("balance") != 50_000 {
			t.Errorf("balance %d, want 50000", wallet.number("balance"))
		}

		started := time.Now()
		first.is("finished")
		next.is("admitted")
		t.Logf("the next one is in %d ms after the purchase", time.Since(started).Milliseconds())
		testenv.Wait(t, 5*time.Second, func() bool {
			return strings.HasPrefix(g.do(call{method: "GET", path: "/v1/shows/" + show + "/seats/state"}).text("states"), "ssf")
		}, "the seats do not show as sold")
		first.hold("A-1-3").problem(http.StatusForbidden, "pass_expired")
		next.hold("A-1-2", "A-1-3").problem(http.StatusConflict, "seats_taken")

		order := g.do(call{method: "GET", path: "/v1/orders/" + paid.text("order"), bearer: first.token}).want(http.StatusOK)
		if string(order.body) != string(paid.body) {
			t.Errorf("the order is %s, was answered %s", order.body, paid.body)
		}
		g.do(call{method: "GET", path: "/v1/orders", bearer: next.token}).want(http.StatusOK)
		g.do(call{method: "GET", path: "/v1/orders/" + paid.text("order"), bearer: next.token}).problem(http.StatusForbidden, "not_yours")
		g.verifies(show)

		stats := g.admin("GET", "/v1/admin/shows/"+show+"/stats", nil).want(http.StatusOK)
		for field, want := range map[string]int64{"joined": 2, "admitted": 2, "claimed": 2, "finished": 1, "active": 1, "waiting": 0} {
			if got := stats.number(field); got != want {
				t.Errorf("stats: %s is %d, want %d", field, got, want)
			}
		}
		lines := []string{
			`frontrow_queue_visitors_total{outcome="finished",show="` + show + `"} 1`,
			`frontrow_queue_wait_seconds{quantile="0.5",show="` + show + `"}`,
			`frontrow_seats{show="` + show + `",state="sold"} 2`,
			`frontrow_redis_command_duration_seconds_count{command="evalsha"}`,
			`frontrow_sql_statement_duration_seconds_count{statement="insert"}`,
		}
		if stats.json()["eta_error"] != nil { // on a busy machine nobody may have been foretold anything
			lines = append(lines, `frontrow_queue_eta_inside_ratio{show="`+show+`"}`)
		}
		for _, line := range lines {
			testenv.Wait(t, 5*time.Second, func() bool {
				return strings.Contains(string(g.do(call{method: "GET", path: "/metrics"}).want(http.StatusOK).body), line)
			}, "/metrics lacks %s", line)
		}
	})
}

// A browser keeps nothing but its cookies.
func TestTheJourneyByCookies(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		jar := map[string]*http.Cookie{}
		send := func(c call) reply {
			t.Helper()
			for _, cookie := range jar {
				c.cookies = append(c.cookies, cookie)
			}
			if c.method != "GET" {
				c.header = map[string]string{"X-Frontrow": "1"}
			}
			r := g.do(c)
			for _, cookie := range r.set {
				if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
					t.Errorf("cookie %s", cookie)
				}
				jar[cookie.Name] = cookie
			}
			return r
		}
		queue := "/v1/shows/" + show + "/queue"
		send(call{method: "GET", path: queue}).problem(http.StatusUnauthorized, "token_required")
		if jar["fr_visitor"] == nil {
			t.Fatal("a new visitor is given no cookie with an error")
		}
		send(call{method: "GET", path: queue}).problem(http.StatusNotFound, "not_found")
		send(call{method: "POST", path: queue}).want(http.StatusCreated)
		send(call{method: "POST", path: queue}).want(http.StatusOK)
		delete(jar, "fr_place_"+show)
		testenv.Wait(t, 20*time.Second, func() bool {
			return send(call{method: "GET", path: queue}).want(http.StatusOK).text("state") == "admitted"
		}, "not admitted by the cookie alone")
		if jar["fr_place_"+show] == nil || jar["fr_pass_"+show] == nil {
			t.Fatal("no cookies for place and pass")
		}
		inside := send(call{method: "GET", path: "/v1/shows/" + show + "/pass"}).want(http.StatusNoContent)
		if visitor := inside.header.Get("X-Frontrow-Visitor"); !strings.HasPrefix(jar["fr_visitor"].Value, visitor) || visitor == "" {
			t.Errorf("the pass is of %q", visitor)
		}

		// The cookies alone authorise no write.
		var cookies []*http.Cookie
		for _, cookie := range jar {
			cookies = append(cookies, cookie)
		}
		for _, c := range []call{
			{method: "POST", path: queue},
			{method: "DELETE", path: queue},
			{method: "POST", path: "/v1/shows/" + show + "/holds", body: map[string]any{"seats": []string{"A-1-1"}}},
			{method: "POST", path: "/v1/wallet/charges", key: "k", body: map[string]any{"amount": 1}},
			{method: "POST", path: "/v1/orders", key: "k", body: payment("x")},
		} {
			c.cookies = cookies
			g.do(c).problem(http.StatusUnauthorized, "token_required")
		}

		held := send(call{method: "POST", path: "/v1/shows/" + show + "/holds", body: map[string]any{"seats": []string{"B-1-7"}}}).want(http.StatusCreated)
		send(call{method: "POST", path: "/v1/wallet/charges", key: "c", body: map[string]any{"amount": 30_000}}).want(http.StatusCreated)
		send(call{method: "POST", path: "/v1/orders", key: "o", body: payment(held.text("hold"))}).want(http.StatusCreated)
		g.verifies(show)
	})
}

func TestHoldsAreGivenBack(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		v, other := g.enters(show), g.enters(show)
		held := v.hold("A-1-1", "A-1-2", "A-1-3").want(http.StatusCreated)
		path := "/v1/holds/" + held.text("hold")
		g.do(call{method: "DELETE", path: path, bearer: other.token}).problem(http.StatusForbidden, "not_yours")
		g.do(call{method: "GET", path: path, bearer: other.token}).problem(http.StatusForbidden, "not_yours")
		other.hold("A-1-2").problem(http.StatusConflict, "seats_taken")
		g.do(call{method: "DELETE", path: path, bearer: v.token}).want(http.StatusNoContent)
		g.do(call{method: "DELETE", path: path, bearer: v.token}).want(http.StatusNoContent)
		other.hold("A-1-2").want(http.StatusCreated)
		v.hold("A-1-1", "A-1-3", "A-1-4").want(http.StatusCreated)
		v.charge(100_000).want(http.StatusCreated)
		v.pay(held.text("hold"), "late").problem(http.StatusConflict, "hold_expired")
		list := g.do(call{method: "GET", path: "/v1/holds", bearer: v.token}).want(http.StatusOK)
		if n := len(list.json()["holds"].([]any)); n != 2 {
			t.Errorf("%d holds listed, want 2", n)
		}
		g.verifies(show)
	})
}

// The answer to a payment was lost: it can be asked for again for good.
func TestALostAnswerCanBeAskedForAgain(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		v, other := g.enters(show), g.enters(show)
		held := v.hold("A-1-1").want(http.StatusCreated)
		v.charge(500_000).want(http.StatusCreated)
		paid := v.pay(held.text("hold"), "once").want(http.StatusCreated)
		v.is("finished")
		again := g.do(call{method: "POST", path: "/v1/orders", bearer: v.token, key: "once", body: payment(held.text("hold"))}).want(http.StatusCreated)
		if string(again.body) != string(paid.body) {
			t.Errorf("asked for again: %s, was %s", again.body, paid.body)
		}
		g.do(call{method: "POST", path: "/v1/orders", bearer: v.token, key: "once", body: payment("another")}).
			problem(http.StatusUnprocessableEntity, "idempotency_mismatch")
		v.pay(held.text("hold"), "twice").problem(http.StatusForbidden, "pass_expired")
		other.pay(held.text("hold"), "mine").problem(http.StatusForbidden, "not_yours")
		wallet := g.do(call{method: "GET", path: "/v1/wallet", bearer: v.token}).want(http.StatusOK)
		if wallet.number("balance") != 450_000 {
			t.Errorf("balance %d: paid once for a seat of 50000", wallet.number("balance"))
		}
		g.verifies(show)
	})
}

// Two payments of one hold at once are one payment.
func TestTwoPaymentsAtOnceAreOne(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		v := g.enters(show)
		held := v.hold("A-1-1").want(http.StatusCreated)
		v.charge(500_000).want(http.StatusCreated)
		const n = 8
		statuses := make(chan int, n)
		for i := range n {
			key := []string{"left", "right"}[i%2]
			go func() {
				statuses <- g.do(call{method: "POST", path: "/v1/orders", bearer: v.pass, key: key, body: payment(held.text("hold"))}).status
			}()
		}
		counts := map[int]int{}
		for range n {
			counts[<-statuses]++
		}
		if counts[http.StatusCreated] < 1 || counts[http.StatusCreated] > n/2 || counts[http.StatusInternalServerError] > 0 {
			t.Errorf("answers %v: one key wins, the other is told so", counts)
		}
		orders := g.do(call{method: "GET", path: "/v1/orders", bearer: v.token}).want(http.StatusOK)
		if list := orders.json()["orders"].([]any); len(list) != 1 {
			t.Errorf("%d orders, want 1", len(list))
		}
		wallet := g.do(call{method: "GET", path: "/v1/wallet", bearer: v.token}).want(http.StatusOK)
		if wallet.number("balance") != 450_000 {
			t.Errorf("balance %d, want 450000", wallet.number("balance"))
		}
		g.verifies(show)
	})
}

// Nothing of what proves something is ever written to the log.
func TestLogsCarryNoSecrets(t *testing.T) {
	t.Parallel()
	g := realBackend(t).serve(t)
	show := g.show()
	v := g.enters(show)
	held := v.hold("A-1-1").want(http.StatusCreated)
	v.charge(100_000)
	v.pay(held.text("hold"), "k").want(http.StatusCreated)
	g.do(call{method: "GET", path: "/v1/shows/" + show + "/queue", bearer: v.token + "x"}).want(http.StatusUnauthorized)
	g.stop()
	logs := g.logs.String()
	if !strings.Contains(logs, "/v1/orders") {
		t.Fatal("requests are not logged")
	}
	for name, secret := range map[string]string{
		"token": v.token[4:20], "pass": v.pass[len(v.pass)-20:], "secret": testSecret[:20], "admin token": testAdmin,
	} {
		if strings.Contains(logs, secret) {
			t.Errorf("the log carries a %s", name)
		}
	}
}
