package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// A sale of two seats, told by somebody who waits: the seats bound who is let in, the
// chance falls as they go, and the line ends when all are sold.
func TestTheEndOfASale(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(rules(map[string]any{"seats_per_visitor_percent": 200}), func(spec map[string]any) {
			spec["sections"], spec["max_seats"] = []any{section("A", 1000, 2)}, 2
		})
		path := "/v1/shows/" + show + "/queue"
		stats := func() map[string]any {
			return g.admin("GET", "/v1/admin/shows/"+show+"/stats", nil).want(http.StatusOK).json()
		}
		buyer := g.enters(show)
		waits := g.joins(show)
		told := func(what, chance string, left float64) {
			t.Helper()
			testenv.Wait(t, 10*time.Second, func() bool {
				s := waits.poll().want(http.StatusOK).json()
				if s["state"] == "admitted" {
					t.Fatal("the second is let in, and the first reckoned with both seats")
				}
				return s["chance"] == chance && s["seats_left"] == left
			}, "%s: not told %s of %v seats", what, chance, left)
		}
		told("both seats are free", "low", 2)
		if s := stats(); s["served"] != 1.0 || s["holding"] != 0.0 || s["sold_out"] != false {
			t.Errorf("served %v, holding %v, sold out %v", s["served"], s["holding"], s["sold_out"])
		}
		hold := buyer.hold("A-1-1", "A-1-2").want(http.StatusCreated).text("hold")
		told("both are held", "low", 0)
		testenv.Wait(t, 10*time.Second, func() bool { return stats()["holding"] == 1.0 }, "nobody is known to hold")
		buyer.charge(5000).want(http.StatusCreated)
		buyer.pay(hold, "one").want(http.StatusCreated)

		waits.is("sold_out")
		told("all are sold", "none", 0)
		g.do(call{method: "POST", path: path}).problem(http.StatusConflict, "sold_out")
		g.do(call{method: "POST", path: path, bearer: waits.token}).want(http.StatusOK)
		if s := stats(); s["sold_out"] != true {
			t.Errorf("the stats say %v", s)
		}
		metrics := string(g.do(call{method: "GET", path: "/metrics"}).want(http.StatusOK).body)
		for _, line := range []string{
			`frontrow_queue_sold_out{show="` + show + `"} 1`, `frontrow_queue_served{show="` + show + `"} 0`,
			`frontrow_queue_holding{show="` + show + `"} 0`,
		} {
			if !strings.Contains(metrics, line+"\n") {
				t.Errorf("the metrics lack %s", line)
			}
		}
		board := g.do(call{method: "GET", path: "/v1/shows/" + show + "/board"}).want(http.StatusOK)
		if chance := boardChance(t, board.body)(1); chance != "none" {
			t.Errorf("the board's chance is %s", chance)
		}
		g.do(call{method: "DELETE", path: path, bearer: waits.token}).want(http.StatusNoContent)
		waits.is("finished")
		g.verifies(show)
	})
}

// Who is on the waiting list of a sold-out sale is called when a seat comes back, before
// anybody else, and told so by an event.
func TestTheWaitingList(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(func(spec map[string]any) { spec["sections"] = []any{section("A", 1000, 1)} })
		path := "/v1/shows/" + show + "/queue"
		list := func(v *guest) reply {
			t.Helper()
			return g.do(call{method: "POST", path: path + "/waiting-list", bearer: v.token})
		}
		buyer := g.enters(show)
		g.admin("PATCH", "/v1/admin/shows/"+show+"/admission", map[string]any{"paused": true}).want(http.StatusOK)
		waits, first := g.joins(show), g.joins(show)
		list(first).problem(http.StatusConflict, "not_sold_out")
		g.do(call{method: "POST", path: path + "/waiting-list"}).problem(http.StatusConflict, "not_sold_out")
		list(buyer).want(http.StatusOK)
		buyer.is("admitted")

		hold := buyer.hold("A-1-1").want(http.StatusCreated).text("hold")
		buyer.charge(5000).want(http.StatusCreated)
		order := buyer.pay(hold, "one").want(http.StatusCreated).text("order")
		first.is("sold_out")
		position := func(r reply) any {
			t.Helper()
			at, _ := r.json()["waiting_list"].(map[string]any)
			return at["position"]
		}
		for range 2 {
			if at := position(list(first).want(http.StatusOK)); at != 1.0 {
				t.Errorf("position %v, want 1", at)
			}
		}
		late := g.do(call{method: "POST", path: path + "/waiting-list"}).want(http.StatusCreated)
		if position(late) != 2.0 || late.text("token") == "" {
			t.Errorf("a newcomer is told %s", late.body)
		}
		testenv.Wait(t, 10*time.Second, func() bool { return position(first.poll().want(http.StatusOK)) == 1.0 }, "a poll does not tell the list")
		if s := g.admin("GET", "/v1/admin/shows/"+show+"/stats", nil).want(http.StatusOK).json(); s["listed"] != 2.0 {
			t.Errorf("the stats tell %v on the list", s["listed"])
		}

		// The seat comes back.
		g.admin("POST", "/v1/admin/orders/"+order+"/cancel", map[string]any{"reason": "a test"}).want(http.StatusOK)
		g.admin("PATCH", "/v1/admin/shows/"+show+"/admission", map[string]any{"paused": false}).want(http.StatusOK)
		first.is("admitted")
		testenv.Wait(t, 10*time.Second, func() bool {
			var events []string
			must(t, g.db.Raw("SELECT visitor FROM events WHERE show_id = ? AND type = 'place.called'", show).Scan(&events).Error)
			return len(events) == 1
		}, "nobody was told")
		first.hold("A-1-1").want(http.StatusCreated)
		if state := waits.poll().want(http.StatusOK).text("state"); state == "admitted" {
			t.Error("the line went before the list")
		}
		g.verifies(show)
	})
}

// Who reads the board works out the chance that a poll tells.
func TestTheBoardTellsTheChance(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	show := g.show(rules(map[string]any{"admit": 0}))
	last := map[string]string{}
	testenv.Wait(t, 20*time.Second, func() bool {
		guest := g.joins(show)
		s := guest.poll().want(http.StatusOK)
		if s.json()["chance"] != nil {
			last[s.text("chance")] = guest.token
		}
		return len(last) == 2
	}, "nobody's chance is another than %v", last)
	for chance, token := range last {
		testenv.Wait(t, 10*time.Second, func() bool { // unless a second passes between the two
			board := g.do(call{method: "GET", path: "/v1/shows/" + show + "/board"}).want(http.StatusOK)
			poll := g.do(call{method: "GET", path: "/v1/shows/" + show + "/queue", bearer: token}).want(http.StatusOK)
			return board.text("as_of") == poll.text("as_of") && boardChance(t, board.body)(poll.number("position")) == poll.text("chance")
		}, "the board does not say %s as the poll does", chance)
	}
}
