package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

func (v *guest) best(n int, section string) reply {
	v.g.t.Helper()
	return v.g.do(call{method: "POST", path: "/v1/shows/" + v.show + "/holds", bearer: v.pass, body: map[string]any{"best": n, "section": section}})
}

// change asks for other seats instead of those of a hold.
func (v *guest) change(hold string, wish map[string]any) reply {
	v.g.t.Helper()
	return v.g.do(call{method: "PUT", path: "/v1/holds/" + hold, bearer: v.pass, body: wish})
}

func (v *guest) letsGo(hold string) {
	v.g.t.Helper()
	v.g.do(call{method: "DELETE", path: "/v1/holds/" + hold, bearer: v.token}).want(http.StatusNoContent)
}

func (r reply) seats() string {
	r.t.Helper()
	var seats []string
	for _, seat := range r.json()["seats"].([]any) {
		seats = append(seats, seat.(string))
	}
	return strings.Join(seats, " ")
}

// A small section: two in the middle are best, and there are only four.
func fourSeats(s map[string]any) {
	s["sections"] = []any{section("A", 50_000, 4), section("B", 30_000, 20)}
}

func TestTwoPeopleWantTheSameBestSeats(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(fourSeats)
		mina, jun, late := g.enters(show), g.enters(show), g.enters(show)
		hers := mina.best(2, "A").want(http.StatusCreated)
		his := jun.best(2, "A").want(http.StatusCreated)
		pairs := []string{hers.seats(), his.seats()}
		slices.Sort(pairs)
		if !slices.Equal(pairs, []string{"A-1-1 A-1-2", "A-1-3 A-1-4"}) {
			t.Errorf("they hold %q: each two beside each other", pairs)
		}

		// The third is told that it may yet come to something, and does not give up.
		full := late.best(2, "A").problem(http.StatusConflict, "seats_taken")
		if full.json()["taken"] != nil {
			t.Errorf("nobody asked for these: %s", full.body)
		}
		late.best(1, "Z").problem(http.StatusUnprocessableEntity, "invalid")
		mina.letsGo(hers.text("hold"))
		third := late.best(2, "A").want(http.StatusCreated)
		if third.seats() != hers.seats() {
			t.Errorf("%s were let go, and %s found", hers.seats(), third.seats())
		}

		for v, held := range map[*guest]reply{jun: his, late: third} {
			v.charge(100_000).want(http.StatusCreated)
			v.pay(held.text("hold"), "k").want(http.StatusCreated)
		}
		testenv.Wait(t, 5*time.Second, func() bool {
			return mina.best(1, "A").want(http.StatusConflict).text("code") == "sold_out"
		}, "the section is not sold out")
		if anywhere := g.do(call{
			method: "POST", path: "/v1/shows/" + show + "/holds", bearer: mina.pass, body: map[string]any{"best": 3},
		}).want(http.StatusCreated); !strings.HasPrefix(anywhere.seats(), "B-") {
			t.Errorf("found %s", anywhere.seats())
		}
		g.verifies(show)
	})
}

func TestSomebodyLetsGoAndComesAgain(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		v, other := g.enters(show), g.enters(show)
		first := v.hold("A-1-1", "A-1-2", "A-1-3").want(http.StatusCreated)
		v.letsGo(first.text("hold"))
		again := v.hold("A-1-1", "A-1-2", "A-1-3").want(http.StatusCreated)
		v.letsGo(again.text("hold"))
		// Whoever is faster has them, also when it is somebody else.
		other.hold("A-1-2").want(http.StatusCreated)
		taken := v.hold("A-1-1", "A-1-2").problem(http.StatusConflict, "seats_taken")
		if !strings.Contains(string(taken.body), `"taken":["A-1-2"]`) {
			t.Errorf("told %s", taken.body)
		}
		held := v.hold("A-1-1", "A-1-3").want(http.StatusCreated)
		v.charge(100_000).want(http.StatusCreated)
		v.pay(first.text("hold"), "a").problem(http.StatusConflict, "hold_expired")
		v.pay(held.text("hold"), "b").want(http.StatusCreated)
		g.verifies(show)
	})
}

func TestAChangeOfMind(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		v, other, waits := g.enters(show), g.enters(show), g.joins(show)
		held := v.hold("A-1-1", "A-1-2").want(http.StatusCreated)
		other.hold("A-1-4").want(http.StatusCreated)

		// The neighbour's seat is not to be had, and nothing is lost by asking.
		old := held.text("hold")
		v.change(old, map[string]any{"seats": []string{"A-1-2", "A-1-4"}}).problem(http.StatusConflict, "seats_taken")
		v.change(old, map[string]any{"seats": []string{"A-1-2", "Z-1-1"}}).problem(http.StatusUnprocessableEntity, "unknown_seat")
		many := v.change(old, map[string]any{"seats": []string{"B-1-1", "B-1-2", "B-1-3", "B-1-4"}}).problem(http.StatusUnprocessableEntity, "too_many_seats")
		if many.number("limit") != 3 {
			t.Errorf("told %s", many.body)
		}
		other.change(old, map[string]any{"seats": []string{"A-1-5"}}).problem(http.StatusForbidden, "not_yours")
		waits.pass = waits.token
		waits.change(old, map[string]any{"seats": []string{"A-1-5"}}).problem(http.StatusForbidden, "not_yours")
		g.do(call{method: "PUT", path: "/v1/holds/" + old, bearer: v.token, body: map[string]any{"seats": []string{"A-1-5"}}}).
			problem(http.StatusUnauthorized, "pass_required")
		g.do(call{method: "PUT", path: "/v1/holds/nothing", bearer: v.pass, body: map[string]any{"seats": []string{"A-1-5"}}}).
			problem(http.StatusNotFound, "hold_not_found")
		for _, raw := range []string{
			`{}`, `{"seats":[]}`, `{"seats":["A-1-5"],"best":1}`, `{"best":0}`, `{"best":-1}`, `{"best":"two"}`, `{"best":1.5}`,
			`{"seats":["A-1-5"],"section":"A"}`, `{"section":"A"}`, `{"best":1,"section":""}`, `{"best":1,"section":"Z"}`,
		} {
			g.do(call{method: "PUT", path: "/v1/holds/" + old, bearer: v.pass, raw: raw, bad: true}).problem(http.StatusUnprocessableEntity, "invalid")
			g.do(call{method: "POST", path: "/v1/shows/" + show + "/holds", bearer: v.pass, raw: raw, bad: true}).problem(http.StatusUnprocessableEntity, "invalid")
		}
		if now := g.do(call{method: "GET", path: "/v1/holds/" + old, bearer: v.token}).want(http.StatusOK); now.text("state") != "held" || now.seats() != held.seats() {
			t.Errorf("the hold is %s", now.body)
		}

		// One seat to the right, in one step; the time goes on as it went.
		moved := v.change(old, map[string]any{"seats": []string{"A-1-2", "A-1-3"}}).want(http.StatusOK)
		if moved.text("expires_at") != held.text("expires_at") || moved.seats() != "A-1-2 A-1-3" || moved.text("hold") == old {
			t.Errorf("moved: %s, was %s", moved.body, held.body)
		}
		v.pass = moved.text("pass")
		other.hold("A-1-1").want(http.StatusCreated)
		// And then rather the cheap ones, as many as there may be.
		cheap := v.change(moved.text("hold"), map[string]any{"best": 3, "section": "B"}).want(http.StatusOK)
		if cheap.number("amount") != 90_000 {
			t.Errorf("three seats of 30,000 cost %d", cheap.number("amount"))
		}
		v.change(moved.text("hold"), map[string]any{"seats": []string{"A-1-2"}}).problem(http.StatusConflict, "hold_expired")
		v.charge(100_000).want(http.StatusCreated)
		v.pay(old, "old").problem(http.StatusConflict, "hold_expired")
		paid := v.pay(cheap.text("hold"), "k").want(http.StatusCreated)
		if paid.seats() != cheap.seats() {
			t.Errorf("paid for %s, held %s", paid.seats(), cheap.seats())
		}
		v.is("finished")
		g.verifies(show)
	})
}

func TestALimitOverSeveralOrders(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show() // three seats a visitor
		v := g.enters(show)
		v.charge(500_000).want(http.StatusCreated)
		v.pay(v.hold("A-1-1", "A-1-2").want(http.StatusCreated).text("hold"), "first").want(http.StatusCreated)
		v.is("finished")

		// Whoever wants more stands in line again, and is the same visitor still.
		again := g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue", bearer: v.token}).want(http.StatusCreated)
		v.token = again.text("token")
		v.is("admitted")
		for _, r := range []reply{v.hold("B-1-1", "B-1-2"), v.best(2, "B")} {
			r.problem(http.StatusUnprocessableEntity, "too_many_seats")
			if r.number("limit") != 3 || r.number("have") != 2 {
				t.Errorf("told %s", r.body)
			}
		}
		held := v.hold("B-1-1").want(http.StatusCreated)
		more := v.change(held.text("hold"), map[string]any{"best": 2, "section": "A"}).problem(http.StatusUnprocessableEntity, "too_many_seats")
		if more.number("have") != 3 {
			t.Errorf("told %s", more.body)
		}
		better := v.change(held.text("hold"), map[string]any{"best": 1, "section": "A"}).want(http.StatusOK)
		v.pay(better.text("hold"), "second").want(http.StatusCreated)
		orders := g.do(call{method: "GET", path: "/v1/orders", bearer: v.token}).want(http.StatusOK)
		if list := orders.json()["orders"].([]any); len(list) != 2 {
			t.Errorf("%d orders", len(list))
		}
		g.verifies(show)
	})
}

// Who is declined may think again; who is being charged may not.
func TestAChangeOfMindAtTheTill(t *testing.T) {
	t.Parallel()
	eachTill(t, nil, func(t *testing.T, c *till) {
		v, other := c.enters(c.show), c.enters(c.show)
		held := v.hold("A-1-1", "A-1-2").want(http.StatusCreated)
		v.payBy("card_declined", held.text("hold"), "a").problem(http.StatusUnprocessableEntity, "payment_declined")
		cheaper := v.change(held.text("hold"), map[string]any{"seats": []string{"A-1-2"}}).want(http.StatusOK)
		other.hold("A-1-1").want(http.StatusCreated)
		v.payBy("card_ok", held.text("hold"), "b").problem(http.StatusConflict, "hold_expired")
		asked := v.payBy("card_never", cheaper.text("hold"), "c").want(http.StatusAccepted)
		v.change(cheaper.text("hold"), map[string]any{"seats": []string{"A-1-3"}}).problem(http.StatusConflict, "payment_under_way")
		v.change(cheaper.text("hold"), map[string]any{"best": 1, "section": "B"}).problem(http.StatusConflict, "payment_under_way")
		if order := v.order(asked.text("order")); order.number("amount") != 50_000 || order.text("state") != "pending" {
			t.Errorf("order %s", order.body)
		}

		sold := other.hold("B-1-1").want(http.StatusCreated)
		order := other.buysByCard(sold.text("hold"), "d").text("order")
		c.do(call{
			method: "POST", path: "/v1/admin/orders/" + order + "/cancel", bearer: testAdmin,
			header: map[string]string{"X-Frontrow-Operator": "jiyeon"}, body: map[string]any{"reason": "a kindness"},
		}).want(http.StatusOK)
		last := c.admin("GET", "/v1/admin/audit?limit=1&show="+c.show, nil).want(http.StatusOK)
		for _, part := range []string{
			`"action":"cancel_order"`, `"operator":"jiyeon"`, `"subject":"` + order + `"`, `"before":{"state":"paid"}`, `"after":{"reason":"a kindness","state":"cancelled"}`,
		} {
			if !strings.Contains(string(last.body), part) {
				t.Errorf("the audit lacks %s: %s", part, last.body)
			}
		}
		c.verifies(c.show)
	})
}
