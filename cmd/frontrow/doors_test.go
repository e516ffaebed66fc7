package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// rules changes the admission of a show of a test.
func rules(change map[string]any) func(map[string]any) {
	return func(spec map[string]any) {
		for field, value := range change {
			spec["admission"].(map[string]any)[field] = value
		}
	}
}

// arrives joins as a new visitor whom a proxy says to come from an address.
func (g *testGateway) arrives(show, address string) reply {
	g.t.Helper()
	header := map[string]string{}
	if address != "" {
		header["X-Forwarded-For"] = address
	}
	return g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue", header: header})
}

// waits is what an answer says in Retry-After, in seconds.
func (r reply) waits() int {
	r.t.Helper()
	seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		r.t.Fatalf("%s: Retry-After %q", r.what, r.header.Get("Retry-After"))
	}
	return seconds
}

func trustLoopback(c *gatewayConfig) { c.TrustedProxies = []string{"127.0.0.0/8", "::1/128"} }

func TestQueueFull(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(rules(map[string]any{"admit": 0}), func(spec map[string]any) { spec["max_waiting"] = 3 })
		first := g.joins(show)
		g.joins(show)
		g.joins(show) // the last that there is room for
		if wait := g.arrives(show, "").problem(503, "queue_full").waits(); wait != 30 {
			t.Errorf("told to wait %d s", wait)
		}
		g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue", bearer: first.token}).want(http.StatusOK)
		g.do(call{method: "DELETE", path: "/v1/shows/" + show + "/queue", bearer: first.token}).want(http.StatusNoContent)
		g.arrives(show, "").want(http.StatusCreated)
		g.arrives(show, "").problem(503, "queue_full")
	})
}

// The address is that of the connection, unless a proxy that is trusted says another.
func TestJoinLimitsKnowWhomToBelieve(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		limit := rules(map[string]any{"joins_per_address": 2, "joins_per_network": 4})
		g := b.serve(t, trustLoopback)
		show := g.show(limit)
		for _, address := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3", "2001:db8::1"} {
			g.arrives(show, address).want(http.StatusCreated)
		}
		if wait := g.arrives(show, "192.0.2.1").problem(429, "too_many_requests").waits(); wait > 30 {
			t.Errorf("told to wait %d s for a turn of 30", wait)
		}
		g.arrives(show, "192.0.2.4").problem(429, "too_many_requests")   // the network is full
		g.arrives(show, "192.0.3.1").want(http.StatusCreated)            // another
		g.arrives(show, "192.0.3.9, 192.0.3.1").want(http.StatusCreated) // the last hop counts
		g.arrives(show, "192.0.3.8, 192.0.3.1").problem(429, "too_many_requests")
	})
	t.Run("nobody is trusted", func(t *testing.T) {
		t.Parallel()
		g := backend{}.serve(t)
		show := g.show(rules(map[string]any{"joins_per_address": 2}))
		v := g.joins(show)
		g.arrives(show, "192.0.2.1").want(http.StatusCreated)
		g.arrives(show, "192.0.2.2").problem(429, "too_many_requests")
		g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue", bearer: v.token}).want(http.StatusOK)
		v.is("admitted")
	})
}

func TestGatewaysShareJoinLimits(t *testing.T) {
	t.Parallel()
	b := realBackend(t)
	first, second := b.serve(t), b.serve(t)
	show := first.show(rules(map[string]any{"joins_per_address": 3}))
	second.opens(show)
	for _, g := range []*testGateway{first, second, first} {
		g.arrives(show, "").want(http.StatusCreated)
	}
	second.arrives(show, "").problem(429, "too_many_requests")
	first.arrives(show, "").problem(429, "too_many_requests")

	// Lifted on one gateway, it is lifted on both.
	first.admin("PATCH", "/v1/admin/shows/"+show+"/admission", map[string]any{"joins_per_address": 0}).want(http.StatusOK)
	first.arrives(show, "").want(http.StatusCreated)
	testenv.Wait(t, 5*time.Second, func() bool { return second.arrives(show, "").status == http.StatusCreated }, "the limit stays on the other gateway")
}

func TestDoorRulesAreChecked(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	show := g.show()
	patch := func(change map[string]any, bad bool) reply {
		return g.do(call{method: "PATCH", path: "/v1/admin/shows/" + show + "/admission", bearer: testAdmin, body: change, bad: bad})
	}
	r := patch(map[string]any{"joins_per_address": 1_000_000, "joins_per_network": 1_000_000, "proof_of_work": true}, false).want(http.StatusOK)
	if r.number("joins_per_address") != 1_000_000 || r.json()["proof_of_work"] != true {
		t.Errorf("kept %s", r.body)
	}
	patch(map[string]any{"joins_per_network": 0}, false).want(http.StatusOK)
	for _, change := range []map[string]any{
		{"joins_per_address": 1_000_001}, {"joins_per_address": -1}, {"joins_per_network": 1_000_001}, {"joins_per_network": -1},
		{"joins_per_address": "many"}, {"proof_of_work": 1},
	} {
		patch(change, true).problem(422, "invalid")
	}
	patch(map[string]any{"joins_per_address": 10, "joins_per_network": 9}, false).problem(422, "invalid")
}

// solve does what a browser does with a challenge.
func solve(challenge string, below int64) string {
	for nonce := 0; ; nonce++ {
		proof := challenge + "." + strconv.Itoa(nonce)
		hash := sha256.Sum256([]byte(proof))
		if int64(binary.BigEndian.Uint32(hash[:])) < below {
			return proof
		}
	}
}

func TestProofOfWork(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show, other := g.show(rules(map[string]any{"proof_of_work": true})), g.show(rules(map[string]any{"proof_of_work": true}))
		bring := func(show, proof string) reply {
			return g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue", header: map[string]string{"X-Frontrow-Proof": proof}, bad: true})
		}
		where := g.arrives(show, "").problem(403, "proof_required").text("challenge")
		challenge := g.do(call{method: "GET", path: where}).want(http.StatusOK)
		proof := solve(challenge.text("challenge"), challenge.number("below"))

		bring(other, proof).problem(403, "proof_invalid")
		bring(show, challenge.text("challenge")+".wrong").problem(403, "proof_invalid")
		bring(show, "garbage").problem(403, "proof_invalid")
		token := bring(show, proof).want(http.StatusCreated).text("token")
		bring(show, proof).problem(409, "proof_spent")
		v := &guest{g: g, show: show, token: token}
		g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue", bearer: token}).want(http.StatusOK)
		v.is("admitted")

		g.do(call{method: "GET", path: "/v1/shows/nowhere/queue/challenge"}).problem(404, "show_not_found")
		g.admin("PATCH", "/v1/admin/shows/"+show+"/admission", map[string]any{"proof_of_work": false}).want(http.StatusOK)
		g.arrives(show, "").want(http.StatusCreated)
	})
}

func TestHastyPolls(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(rules(map[string]any{"admit": 0, "polls_per_ten_seconds": 100}))
		v, other := g.joins(show), g.joins(show)
		slowed := reply{}
		for n := 0; slowed.status != http.StatusTooManyRequests; n++ {
			if slowed = v.poll(); n > 1000 {
				t.Fatal("nobody slows a thousand polls")
			}
		}
		if wait := slowed.problem(429, "too_many_requests").waits(); wait > 10 {
			t.Errorf("told to wait %d s", wait)
		}
		other.poll().want(http.StatusOK)
		metrics := string(g.do(call{method: "GET", path: "/metrics"}).want(http.StatusOK).body)
		for _, name := range []string{"frontrow_queue_hasty_polls_total", "frontrow_queue_slowed_polls_total"} {
			if strings.Contains(metrics, fmt.Sprintf("%s{show=%q} 0", name, show)) || !strings.Contains(metrics, fmt.Sprintf("%s{show=%q} ", name, show)) {
				t.Errorf("%s does not tell", name)
			}
		}
		testenv.Wait(t, 20*time.Second, func() bool { return v.poll().status == http.StatusOK }, "slowed for ever")
	})
}

// Whoever brings a cookie alone, and has no place, is bounded by address; tokens and
// new visitors are not.
func TestUnprovenRequestsAreBounded(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t, trustLoopback, func(c *gatewayConfig) { c.Unproven = 1 })
		show := g.show(rules(map[string]any{"admit": 0}))
		queue := "/v1/shows/" + show + "/queue"
		stranger := g.do(call{method: "GET", path: queue}).problem(401, "token_required").set
		v := g.joins(show)
		// spent uses an address up with a kind of request, and says whether it is.
		spent := func(address string, c call) bool {
			c.cookies = stranger
			c.header = map[string]string{"X-Forwarded-For": address, "X-Frontrow": "1"}
			if status := g.do(c).status; status == http.StatusTooManyRequests {
				t.Fatalf("%s %s: refused at once", c.method, c.path)
			}
			for range 30 {
				if r := g.do(c); r.status == http.StatusTooManyRequests {
					r.problem(429, "too_many_requests").waits()
					return true
				}
			}
			return false
		}
		for i, c := range []call{
			{method: "GET", path: queue},
			{method: "DELETE", path: queue},
			{method: "GET", path: "/v1/wallet"},
			{method: "GET", path: "/v1/orders"},
			{method: "GET", path: "/v1/holds"},
			{method: "POST", path: "/v1/orders", key: "k", body: payment("01KAT5W9XJ2M6Q8Z4R7C3V1BNY")},
			{method: "POST", path: queue}, // the first gets a place, the others are replays
		} {
			if !spent(fmt.Sprintf("192.0.2.%d", i+1), c) {
				t.Errorf("%s %s: nobody bounds it", c.method, c.path)
			}
		}
		for range 10 {
			g.do(call{method: "GET", path: queue, bearer: v.token, header: map[string]string{"X-Forwarded-For": "192.0.2.1"}}).want(http.StatusOK)
			g.do(call{method: "POST", path: queue, bearer: v.token, header: map[string]string{"X-Forwarded-For": "192.0.2.1"}}).want(http.StatusOK)
			g.do(call{method: "GET", path: "/v1/wallet", bearer: v.token, header: map[string]string{"X-Forwarded-For": "192.0.2.1"}}).want(http.StatusOK)
			g.arrives(show, "192.0.2.1").want(http.StatusCreated)
		}
	})
}
