package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// A show whose other seats are sold is sold out; what the house does not need brings it
// back, to the waiting list first.
func TestTheHouseReleasesItsSeats(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(func(spec map[string]any) {
			a := section("A", 1000, 3)
			a["house"], a["blocked"] = []any{"A-1-2"}, []any{"A-1-3"}
			spec["sections"] = []any{a}
		})
		path := "/v1/admin/shows/" + show + "/seats"
		states := func() string {
			return g.do(call{method: "GET", path: "/v1/shows/" + show + "/seats/state"}).want(http.StatusOK).text("states")
		}
		testenv.Wait(t, 10*time.Second, func() bool { return states() == "fbb" }, "the states do not say what is kept")
		buyer := g.enters(show)
		if taken := buyer.hold("A-1-2", "A-1-1").problem(http.StatusConflict, "seats_taken").json()["taken"]; fmt.Sprint(taken) != "[A-1-2]" {
			t.Errorf("taken %v", taken)
		}
		g.admin("PATCH", "/v1/admin/shows/"+show+"/admission", map[string]any{"paused": true}).want(http.StatusOK)
		listed := g.joins(show)
		hold := buyer.hold("A-1-1").want(http.StatusCreated).text("hold")
		g.admin("POST", path, map[string]any{"seats": []any{"A-1-1", "A-1-2"}, "state": "blocked"}).problem(http.StatusConflict, "seats_taken")
		buyer.charge(5000).want(http.StatusCreated)
		buyer.pay(hold, "one").want(http.StatusCreated)
		listed.is("sold_out")
		g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue/waiting-list", bearer: listed.token}).want(http.StatusOK)
		seats := g.do(call{method: "GET", path: "/v1/shows/" + show}).want(http.StatusOK).json()["seats"]
		if fmt.Sprint(seats) != "map[free:0 held:0 sold:1]" {
			t.Errorf("the show says %v", seats)
		}

		r := g.admin("POST", path, map[string]any{"was": "house", "state": "free"}).want(http.StatusOK)
		if got := string(r.body); got != `{"changed":1,"house":[],"blocked":["A-1-3"]}` {
			t.Errorf("released: %s", got)
		}
		g.admin("PATCH", "/v1/admin/shows/"+show+"/admission", map[string]any{"paused": false}).want(http.StatusOK)
		listed.is("admitted")
		listed.hold("A-1-3").problem(http.StatusConflict, "seats_taken")
		listed.hold("A-1-2").want(http.StatusCreated)
		audit := g.admin("GET", "/v1/admin/audit?show="+show, nil).want(http.StatusOK)
		if !strings.Contains(string(audit.body), `"action":"keep_seats","operator":"operator"`) ||
			!strings.Contains(string(audit.body), `"before":{"state":"house"},"after":{"seats":["A-1-2"],"state":"free"}`) {
			t.Errorf("the audit says %s", audit.body)
		}
		g.verifies(show)
	})
}

func TestKeepingSeatsIsChecked(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(func(spec map[string]any) { spec["sections"] = []any{section("A", 1000, 1001)} })
		path := "/v1/admin/shows/" + show + "/seats"
		seats := make([]any, 1001)
		for i := range seats {
			seats[i] = fmt.Sprintf("A-1-%d", i+1)
		}
		if kept := g.admin("POST", path, map[string]any{"seats": seats[:1000], "state": "house"}).want(http.StatusOK).number("changed"); kept != 1000 {
			t.Errorf("%v kept of 1,000", kept)
		}
		bad := func(body map[string]any, code string) {
			t.Helper()
			g.do(call{method: "POST", path: path, bearer: testAdmin, body: body, bad: true}).problem(http.StatusUnprocessableEntity, code)
		}
		bad(map[string]any{"seats": seats, "state": "free"}, "invalid")
		bad(map[string]any{"seats": []any{}, "state": "free"}, "invalid")
		bad(map[string]any{"seats": seats[:1], "state": "sold"}, "invalid")
		bad(map[string]any{"seats": seats[:1], "state": "free", "was": "house"}, "invalid")
		bad(map[string]any{"seats": seats[:1], "state": "free", "section": "A"}, "invalid")
		bad(map[string]any{"was": "house", "state": "house"}, "invalid")
		bad(map[string]any{"was": "house", "state": "free", "section": "Z"}, "invalid")
		bad(map[string]any{"seats": []any{"A-1-1", "A-1-1"}, "state": "free"}, "invalid")
		bad(map[string]any{"seats": []any{"A-1-0"}, "state": "free"}, "unknown_seat")
		g.do(call{method: "POST", path: "/v1/admin/shows/nowhere/seats", bearer: testAdmin, body: map[string]any{"seats": seats[:1], "state": "free"}}).
			problem(http.StatusNotFound, "show_not_found")
		g.do(call{method: "GET", path: "/v1/admin/shows/nowhere/seats", bearer: testAdmin}).problem(http.StatusNotFound, "show_not_found")
		large := map[string]any{"seats": []any{strings.Repeat("A", 128<<10)}, "state": "free"}
		g.do(call{method: "POST", path: path, bearer: testAdmin, body: large, bad: true}).problem(http.StatusRequestEntityTooLarge, "too_large")
		if kept := len(g.admin("GET", path, nil).want(http.StatusOK).json()["house"].([]any)); kept != 1000 {
			t.Errorf("%d are kept", kept)
		}
	})
}
