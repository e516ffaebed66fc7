package main

import (
	"net/http"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// What the operator changes is in force on another gateway within one interval.
func TestRulesAreInForceOnTheOtherGateway(t *testing.T) {
	t.Parallel()
	b := realBackend(t)
	g, other := b.serve(t), b.serve(t)
	show := g.show(func(s map[string]any) {
		a := s["admission"].(map[string]any)
		a["admit"], a["interval_ms"], a["max_active"] = 1, 1000, 1000
	})
	other.opens(show)
	room, err := other.queue.Room(show)
	must(t, err)
	for range 200 {
		g.joins(show)
	}
	// From here on the other gateway alone lets people in.
	g.stop()

	for _, admit := range []int64{7, 3, 11} {
		before, err := room.Stats(t.Context())
		must(t, err)
		other.admin("PATCH", "/v1/admin/shows/"+show+"/admission", map[string]any{"admit": admit}).want(http.StatusOK)
		changed := time.Now()
		var admitted int64
		testenv.Wait(t, 3*time.Second, func() bool {
			now, err := room.Stats(t.Context())
			must(t, err)
			admitted = now.Totals.Admitted - before.Totals.Admitted
			return admitted >= admit
		}, "not in force")
		if took := time.Since(changed); took > 1500*time.Millisecond {
			t.Errorf("admit %d was in force after %s, want one interval", admit, took)
		}
	}
}

// The gateway that takes the change is not the one that lets people in.
func TestAChangeElsewhereCountsHere(t *testing.T) {
	t.Parallel()
	b := realBackend(t)
	desk, gate := b.serve(t), b.serve(t)
	show := desk.show(func(s map[string]any) { s["admission"].(map[string]any)["paused"] = true })
	gate.opens(show)
	v := gate.joins(show)
	room, err := gate.queue.Room(show)
	must(t, err)

	desk.admin("PUT", "/v1/admin/shows/"+show+"/message", map[string]any{"text": "Doors in ten minutes"}).want(http.StatusOK)
	testenv.Wait(t, 3*time.Second, func() bool { return v.poll().text("message") == "Doors in ten minutes" }, "not told")
	if s := v.poll(); s.text("state") != "waiting" || s.json()["eta"] != nil {
		t.Errorf("while paused: %s", s.body)
	}
	resumed := desk.admin("POST", "/v1/admin/shows/"+show+"/resume", nil).want(http.StatusOK)
	if resumed.json()["admission"].(map[string]any)["paused"] != false {
		t.Errorf("resumed: %s", resumed.body)
	}
	asked := time.Now()
	testenv.Wait(t, 3*time.Second, func() bool {
		s, err := room.Stats(t.Context())
		must(t, err)
		return s.Totals.Admitted == 1
	}, "nobody is let in")
	if took := time.Since(asked); took > time.Second {
		t.Errorf("resumed after %s, want one interval and little more", took)
	}

	desk.admin("POST", "/v1/admin/shows/"+show+"/close", nil).want(http.StatusOK)
	testenv.Wait(t, 3*time.Second, func() bool {
		r := gate.do(call{method: "POST", path: "/v1/shows/" + show + "/queue"})
		return r.status == http.StatusConflict && r.text("code") == "queue_closed"
	}, "the other gateway goes on")
	v.is("admitted")
	testenv.Wait(t, 3*time.Second, func() bool {
		return gate.do(call{method: "GET", path: "/v1/shows/" + show}).text("phase") == "closed"
	}, "the other gateway still sells")
	v.hold("A-1-1").problem(http.StatusConflict, "not_on_sale")
	desk.admin("DELETE", "/v1/admin/shows/"+show, nil).want(http.StatusNoContent)
	testenv.Wait(t, 5*time.Second, func() bool {
		return gate.do(call{method: "GET", path: "/v1/shows/" + show}).status == http.StatusNotFound
	}, "the show is still there")
}

func TestShowsAreDraftedPatchedAndListed(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(func(s map[string]any) { s["phase"] = "draft" })
		path := "/v1/admin/shows/" + show
		g.do(call{method: "GET", path: "/v1/shows/" + show}).problem(404, "show_not_found")
		g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue"}).problem(404, "show_not_found")
		g.admin("GET", path+"/stats", nil).want(http.StatusOK)
		g.admin("PATCH", path, map[string]any{"title": "Second Night", "max_seats": 2, "plays_at": "2027-01-02T18:00:00Z"}).want(http.StatusOK)
		g.do(call{method: "PATCH", path: path, bearer: testAdmin, body: map[string]any{"max_seats": 51}, bad: true}).problem(422, "invalid")
		g.do(call{method: "PATCH", path: path, bearer: testAdmin, body: map[string]any{"phase": "party"}, bad: true}).problem(422, "invalid")
		g.do(call{method: "PATCH", path: path, bearer: testAdmin, body: map[string]any{"sections": []any{}}, bad: true}).problem(422, "invalid")
		g.do(call{method: "PATCH", path: path, bearer: testAdmin, body: map[string]any{"title": "Never", "ends_at": "2020-01-01T00:00:00Z", "phase": "open"}}).problem(422, "invalid")
		if title := g.admin("GET", path, nil).text("title"); title != "Second Night" {
			t.Errorf("a patch that is refused changed the title to %q", title)
		}
		g.admin("PATCH", path, map[string]any{"phase": "open"}).want(http.StatusOK)
		g.opens(show)
		public := g.do(call{method: "GET", path: "/v1/shows/" + show}).want(http.StatusOK)
		if public.text("title") != "Second Night" || public.number("max_seats") != 2 || public.text("plays_at") != "2027-01-02T18:00:00Z" {
			t.Errorf("show %s", public.body)
		}
		g.do(call{method: "GET", path: "/v1/shows"}).want(http.StatusOK)
		g.admin("GET", "/v1/admin/shows", nil).want(http.StatusOK)

		layout := g.do(call{method: "GET", path: "/v1/shows/" + show + "/seats/layout?v=1"}).want(http.StatusOK)
		etag := layout.header.Get("ETag")
		g.do(call{method: "GET", path: "/v1/shows/" + show + "/seats/layout", header: map[string]string{"If-None-Match": etag}}).want(http.StatusNotModified)
		g.do(call{method: "GET", path: "/v1/shows/" + show + "/seats/layout?v=2"}).problem(404, "not_found")
		g.do(call{method: "GET", path: "/v1/shows/" + show + "/seats/layout?v=x", bad: true}).problem(422, "invalid")
		g.do(call{method: "GET", path: "/v1/admin/verify?show=" + show, bearer: testAdmin}).want(http.StatusOK)
		g.do(call{method: "GET", path: "/v1/admin/verify?show=nowhere", bearer: testAdmin}).problem(404, "show_not_found")
		g.do(call{method: "GET", path: "/.well-known/jwks.json"}).want(http.StatusOK)
		g.do(call{method: "GET", path: "/openapi.yaml"}).want(http.StatusOK)
		g.do(call{method: "GET", path: "/"}).want(http.StatusOK)
		g.do(call{method: "GET", path: "/healthz"}).want(http.StatusOK)
		g.do(call{method: "GET", path: "/readyz"}).want(http.StatusOK)
	})
}

// A full queue says so, and takes people again when there is room.
func TestAFullQueue(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(func(s map[string]any) {
			s["max_waiting"] = 2
			s["admission"].(map[string]any)["paused"] = true
		})
		first := g.joins(show)
		g.joins(show)
		full := g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue"}).problem(503, "queue_full")
		if full.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue", bearer: first.token}).want(http.StatusOK)
		g.do(call{method: "DELETE", path: "/v1/shows/" + show + "/queue", bearer: first.token}).want(http.StatusNoContent)
		g.joins(show)
	})
}
