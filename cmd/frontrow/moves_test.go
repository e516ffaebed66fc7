package main

import (
	"net/http"
	"testing"

	"github.com/redis/go-redis/v9"
)

// moves asks for a code for the visitor's place.
func (v *guest) moves() string {
	v.g.t.Helper()
	return v.g.do(call{method: "POST", path: "/v1/shows/" + v.show + "/queue/move", bearer: v.token}).want(http.StatusCreated).text("code")
}

// accept takes a place over by its code, as a browser with these cookies.
func (g *testGateway) accept(show, code string, cookies ...*http.Cookie) reply {
	g.t.Helper()
	return g.do(call{
		method: "POST", path: "/v1/shows/" + show + "/queue/move/accept", body: map[string]any{"code": code},
		header: map[string]string{"X-Frontrow": "1"}, cookies: cookies,
	})
}

// All that hangs on a visitor goes to the other device with the place, and nothing stays.
func TestAPlaceMovesWithAllThatBelongsToIt(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		old := g.enters(show)
		hold := old.hold("A-1-1").want(http.StatusCreated).text("hold")
		old.charge(60_000).want(http.StatusCreated)

		moved := g.accept(show, old.moves()).want(http.StatusOK)
		if len(moved.set) != 2 {
			t.Errorf("%d cookies, want the visitor's and the place's", len(moved.set))
		}
		old.poll().problem(http.StatusUnauthorized, "place_moved")
		old.hold("A-1-2").problem(http.StatusUnauthorized, "place_moved")
		old.pay(hold, "old").problem(http.StatusUnauthorized, "place_moved")
		g.do(call{method: "GET", path: "/v1/shows/" + show + "/pass", bearer: old.pass}).problem(http.StatusUnauthorized, "place_moved")
		g.do(call{method: "DELETE", path: "/v1/shows/" + show + "/queue", bearer: old.token}).problem(http.StatusUnauthorized, "place_moved")
		g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue", bearer: old.token}).problem(http.StatusUnauthorized, "place_moved")
		g.do(call{method: "GET", path: "/v1/wallet", bearer: old.token}).problem(http.StatusUnauthorized, "place_moved")

		device := &guest{g: g, show: show, token: moved.text("token")}
		device.is("admitted")
		held := device.hold("A-1-2").want(http.StatusCreated)
		device.pass = held.text("pass") // as good as that of a poll
		device.pay(hold, "new").want(http.StatusCreated)
		orders := g.do(call{method: "GET", path: "/v1/orders", cookies: moved.set}).want(http.StatusOK).json()["orders"].([]any)
		if len(orders) != 1 {
			t.Errorf("%d orders by the new device's cookies, want 1", len(orders))
		}
		if n := g.do(call{method: "GET", path: "/v1/wallet", bearer: device.token}).want(http.StatusOK).number("balance"); n != 10_000 {
			t.Errorf("%d points, want 10,000", n)
		}
		g.verifies(show)
	})
}

func TestCodesToMoveWith(t *testing.T) {
	t.Parallel()
	b := realBackend(t)
	g := b.serve(t)
	show, elsewhere := g.show(shut), g.show(shut)
	path := "/v1/shows/" + show + "/queue"
	old := g.joins(show)
	code := old.moves()

	g.accept(elsewhere, code).problem(http.StatusNotFound, "code_unknown")
	g.accept(show, "22222222").problem(http.StatusNotFound, "code_unknown")
	g.do(call{method: "POST", path: path + "/move/accept", body: map[string]any{"code": code}}).problem(http.StatusUnauthorized, "token_required") // as a page of another origin could
	g.do(call{method: "POST", path: path + "/move/accept", raw: `{"code":7}`, header: map[string]string{"X-Frontrow": "1"}, bad: true}).problem(http.StatusUnprocessableEntity, "invalid")
	g.do(call{method: "POST", path: path + "/move"}).problem(http.StatusUnauthorized, "token_required")
	g.do(call{method: "POST", path: "/v1/shows/" + elsewhere + "/queue/move", bearer: old.token}).problem(http.StatusUnauthorized, "token_invalid")

	// Who has bought here, or has points, keeps what they have.
	rich := g.joins(show)
	rich.charge(1000).want(http.StatusCreated)
	g.do(call{method: "POST", path: path + "/move/accept", body: map[string]any{"code": code}, bearer: rich.token}).problem(http.StatusConflict, "device_in_use")

	// A device's own place in the show is given up.
	own := g.joins(show)
	token := g.do(call{method: "POST", path: path + "/move/accept", body: map[string]any{"code": code}, bearer: own.token}).want(http.StatusOK).text("token")
	if state := own.poll().want(http.StatusOK).text("state"); state != "finished" {
		t.Errorf("the place given up is %s", state)
	}
	g.accept(show, code).problem(http.StatusConflict, "code_used")
	device := &guest{g: g, show: show, token: token}
	if n := device.poll().want(http.StatusOK).number("number"); n != 1 {
		t.Errorf("number %d, want 1", n)
	}

	late := device.moves()
	options, err := redis.ParseURL(b.redis)
	must(t, err)
	client := redis.NewClient(options)
	defer client.Close()
	must(t, client.ZAdd(t.Context(), "fr:{"+show+"}:codes", redis.Z{Score: 1, Member: late}).Err())
	g.accept(show, late).problem(http.StatusGone, "code_expired")
}

// A browser whose place has moved on keeps its cookies, and may join again as somebody new;
// or take the place back.
func TestABrowserWhosePlaceHasMoved(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	show := g.show(shut)
	path := "/v1/shows/" + show + "/queue"
	write := map[string]string{"X-Frontrow": "1"}
	joined := g.do(call{method: "POST", path: path}).want(http.StatusCreated)
	code := g.do(call{method: "POST", path: path + "/move", header: write, cookies: joined.set}).want(http.StatusCreated).text("code")
	moved := g.accept(show, code).want(http.StatusOK)
	g.do(call{method: "GET", path: path, cookies: joined.set}).problem(http.StatusUnauthorized, "place_moved")
	g.do(call{method: "POST", path: path, cookies: joined.set}).problem(http.StatusUnauthorized, "token_required") // without the header
	again := g.do(call{method: "POST", path: path, header: write, cookies: joined.set}).want(http.StatusCreated)
	if n := again.number("number"); n != 2 {
		t.Errorf("joined again as number %d, want 2", n)
	}
	code = g.do(call{method: "POST", path: path + "/move", header: write, cookies: moved.set}).want(http.StatusCreated).text("code")
	back := g.accept(show, code, joined.set...).want(http.StatusOK)
	if n := g.do(call{method: "GET", path: path, cookies: back.set}).want(http.StatusOK).number("number"); n != 1 {
		t.Errorf("the place came back as number %d, want 1", n)
	}
	g.do(call{method: "GET", path: path, cookies: moved.set}).problem(http.StatusUnauthorized, "place_moved")
}

func TestMoreTimeInsideOnce(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		prolong := func(v *guest) reply {
			return g.do(call{method: "POST", path: "/v1/shows/" + v.show + "/queue/prolong", bearer: v.pass})
		}
		v := g.enters(g.show(rules(map[string]any{"prolong_seconds": 300})))
		if n := v.poll().number("prolong_seconds"); n != 300 {
			t.Errorf("%d s are offered, want 300", n)
		}
		v.pass = prolong(v).want(http.StatusOK).text("pass")
		prolong(v).problem(http.StatusConflict, "already_prolonged")
		if _, offered := v.poll().json()["prolong_seconds"]; offered {
			t.Error("more is offered again")
		}
		strict := g.enters(g.show(rules(map[string]any{"prolong_seconds": 0})))
		prolong(strict).problem(http.StatusConflict, "not_prolongable")
		waits := g.joins(g.show(shut))
		g.do(call{method: "POST", path: "/v1/shows/" + waits.show + "/queue/prolong", bearer: waits.token}).problem(http.StatusUnauthorized, "pass_required")
		g.do(call{method: "POST", path: "/v1/shows/" + waits.show + "/queue/prolong", bearer: v.pass}).problem(http.StatusUnauthorized, "pass_invalid")
	})
}
