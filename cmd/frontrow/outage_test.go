package main

import (
	"net/http"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// While Redis is away polls are answered from the view, everything else says when
// to come again, and nothing is half done.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	server := testenv.OwnRedis(t)
	b := backend{redis: server.URL(), dsn: testenv.MySQL(t)}
	b.migrate(t)
	g := b.serve(t)
	show := g.show(func(s map[string]any) { s["admission"].(map[string]any)["max_active"] = 1 })
	v := g.enters(show)
	waiting := g.joins(show)
	held := v.hold("A-1-1").want(http.StatusCreated)
	v.charge(200_000).want(http.StatusCreated)
	waiting.poll().want(http.StatusOK)
	testenv.Wait(t, 5*time.Second, func() bool { return waiting.poll().number("position") == 1 }, "not in the view")

	server.Stop()
	waiting.poll().want(http.StatusOK)
	for _, r := range []reply{
		g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue"}),
		v.hold("A-1-2"),
		v.pay(held.text("hold"), "k"),
		g.admin("GET", "/v1/admin/shows/"+show+"/stats", nil),
	} {
		if r.problem(http.StatusServiceUnavailable, "unavailable").header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", r.what)
		}
	}
	g.do(call{method: "GET", path: "/readyz"}).want(http.StatusServiceUnavailable)
	g.do(call{method: "GET", path: "/healthz"}).want(http.StatusOK)

	server.Start() // empty: it had kept nothing
	testenv.Wait(t, 30*time.Second, func() bool {
		r := v.poll()
		return r.status == http.StatusOK && r.text("state") == "admitted"
	}, "who was inside is not inside")
	testenv.Wait(t, 30*time.Second, func() bool { return waiting.poll().status == http.StatusOK }, "who waited does not")
	v.hold("A-1-1").problem(http.StatusConflict, "seats_taken")
	v.pay(held.text("hold"), "k").want(http.StatusCreated)
	g.verifies(show)
}

// While the database is away the line moves on; sales say when to come again.
func TestMySQLAway(t *testing.T) {
	t.Parallel()
	server := testenv.OwnMySQL(t)
	b := backend{redis: testenv.Redis(t), dsn: server.DSN()}
	b.migrate(t)
	g := b.serve(t)
	show := g.show()
	v := g.enters(show)
	held := v.hold("A-1-1").want(http.StatusCreated)
	v.charge(200_000).want(http.StatusCreated)

	server.Stop()
	waiting := g.joins(show)
	waiting.is("admitted")
	for _, r := range []reply{
		waiting.hold("A-1-2"),
		v.pay(held.text("hold"), "k"),
		g.do(call{method: "GET", path: "/v1/wallet", bearer: v.token}),
		g.admin("PATCH", "/v1/admin/shows/"+show+"/admission", map[string]any{"admit": 1}),
	} {
		if r.problem(http.StatusServiceUnavailable, "unavailable").header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", r.what)
		}
	}
	waiting.hold("A-1-1").problem(http.StatusConflict, "seats_taken") // the door needs no database for that
	g.do(call{method: "GET", path: "/readyz"}).want(http.StatusServiceUnavailable)

	server.Start()
	testenv.Wait(t, 30*time.Second, func() bool { return waiting.hold("A-1-2").status == http.StatusCreated }, "the seat was not given back")
	v.pay(held.text("hold"), "k").want(http.StatusCreated)
	g.verifies(show)
}

// A gateway that stops says so first, answers what is under way, and ends.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t, func(c *gatewayConfig) { c.Drain = 2 * time.Second })
	show := g.show()
	v := g.joins(show)
	stopped := make(chan struct{})
	go func() {
		g.stop()
		close(stopped)
	}()
	testenv.Wait(t, time.Second, func() bool {
		return g.do(call{method: "GET", path: "/readyz"}).status == http.StatusServiceUnavailable
	}, "readyz does not fail first")
	v.poll().want(http.StatusOK)
	select {
	case <-stopped:
	case <-time.After(30 * time.Second):
		t.Fatal("does not stop")
	}
	if r, err := client.Get(g.URL() + "/healthz"); err == nil {
		r.Body.Close()
		t.Error("still listening")
	}
}
