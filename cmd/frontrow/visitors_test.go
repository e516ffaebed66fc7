package main

import (
	"net/http"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// What operators find of a visitor, by all that they may be asked with.
func TestLookingUpAVisitor(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(shut)
		path := "/v1/admin/shows/" + show + "/visitors"
		v, other := g.joins(show), g.joins(show)
		byToken := func(token string) reply {
			return g.do(call{method: "GET", path: path, bearer: testAdmin, header: map[string]string{"X-Frontrow-Place": token}})
		}
		found := byToken(other.token).want(http.StatusOK)
		if found.text("state") != "waiting" || found.number("position") != 2 || found.number("number") != 2 || found.text("joined_at") == "" {
			t.Errorf("by the token: %s", found.body)
		}
		visitor := found.text("visitor")
		for _, query := range []string{"?visitor=" + visitor, "?number=2"} {
			if r := g.admin("GET", path+query, nil).want(http.StatusOK); r.text("visitor") != visitor || r.number("position") != 2 {
				t.Errorf("%s: %s", query, r.body)
			}
		}

		g.letsIn(show)
		v.is("admitted")
		hold := v.hold("A-1-1").want(http.StatusCreated).text("hold")
		v.charge(100_000).want(http.StatusCreated)
		order := v.pay(hold, "one").want(http.StatusCreated).text("order")
		testenv.Wait(t, 10*time.Second, func() bool {
			r := g.admin("GET", path+"?order="+order, nil).want(http.StatusOK)
			return r.text("state") == "finished" && r.text("called_at") != "" && len(r.json()["orders"].([]any)) == 1
		}, "the buyer is not found by their order")
		if r := byToken(v.token).want(http.StatusOK); r.text("state") != "finished" || r.number("called_with") < 1 {
			t.Errorf("the buyer: %s", r.body)
		}

		elsewhere := g.joins(g.show(shut))
		for query, status := range map[string]int{
			"": 422, "?visitor=short": 422, "?number=0": 422, "?number=4294967296": 422, "?number=x": 422, "?number=1&order=" + order: 422, "?order=x": 404, "?order=" + hold: 404,
		} {
			g.do(call{method: "GET", path: path + query, bearer: testAdmin, bad: true}).want(status)
		}
		g.admin("GET", path+"?number=4294967295", nil).want(http.StatusOK)
		byToken(elsewhere.token).problem(http.StatusUnprocessableEntity, "invalid")
		byToken(other.token+"A").problem(http.StatusUnprocessableEntity, "invalid")
		g.do(call{method: "GET", path: "/v1/admin/shows/" + elsewhere.show + "/visitors?order=" + order, bearer: testAdmin}).want(http.StatusNotFound)
		g.do(call{method: "GET", path: path + "?number=1"}).problem(http.StatusUnauthorized, "admin_required")
		g.admin("GET", "/v1/admin/shows/no-such-show/visitors?number=1", nil).want(http.StatusNotFound)
	})
}
