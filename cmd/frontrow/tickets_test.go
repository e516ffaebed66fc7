package main

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tickets are the codes of an order, by seat.
func (v *guest) tickets(order string) map[string]string {
	v.g.t.Helper()
	told := v.g.do(call{method: "GET", path: "/v1/orders/" + order + "/tickets", bearer: v.token}).want(http.StatusOK)
	codes := map[string]string{}
	for _, each := range told.json()["tickets"].([]any) {
		t := each.(map[string]any)
		codes[t["seat"].(string)] = t["code"].(string)
	}
	return codes
}

// checks runs checkticket, and gives what it says and its exit code.
func checks(t *testing.T, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), append([]string{"checkticket"}, args...), &out, testWriter{t})
	return out.String(), code
}

// The gate knows the keys and the show, and asks nobody: the gateway is gone by then.
func TestTicketsAreCheckedOffline(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	cancellable := func(s map[string]any) { s["cancel_until"] = time.Now().Add(time.Hour).UTC().Format(time.RFC3339) }
	show, other := g.show(cancellable), g.show()
	buys := func(show string, seats ...string) (*guest, string) {
		v := g.enters(show)
		v.charge(500_000)
		hold := v.hold(seats...).want(http.StatusCreated).text("hold")
		return v, v.pay(hold, "one").want(http.StatusCreated).text("order")
	}
	mina, order := buys(show, "A-1-1", "A-1-2")
	codes := mina.tickets(order)
	if len(codes) != 2 {
		t.Fatalf("%d tickets for two seats", len(codes))
	}
	elsewhere, foreign := buys(other, "A-1-1")
	foreignCode := elsewhere.tickets(foreign)["A-1-1"]

	// A cancelled order gives no tickets any more, but the one that was printed looks good.
	jun, undone := buys(show, "B-1-1")
	printed := jun.tickets(undone)["B-1-1"]
	g.do(call{method: "POST", path: "/v1/orders/" + undone + "/cancel", bearer: jun.token}).want(http.StatusOK)
	g.do(call{method: "GET", path: "/v1/orders/" + undone + "/tickets", bearer: jun.token}).problem(http.StatusConflict, "not_paid")
	g.do(call{method: "GET", path: "/v1/orders/" + order + "/tickets", bearer: jun.token}).problem(http.StatusForbidden, "not_yours")
	g.do(call{method: "GET", path: "/v1/orders/nothing/tickets", bearer: jun.token}).problem(http.StatusNotFound, "order_not_found")
	_, again := buys(show, "B-1-1")

	dir := t.TempDir()
	keys, cancelled := filepath.Join(dir, "keys.json"), filepath.Join(dir, "cancelled")
	must(t, os.WriteFile(keys, g.do(call{method: "GET", path: "/.well-known/jwks.json"}).want(http.StatusOK).body, 0o600))
	must(t, os.WriteFile(cancelled, []byte(undone+"\n"), 0o600))
	g.stop()

	parts := strings.Split(codes["A-1-1"], ".")
	says, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	better := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(says), "A-1-1", "A-1-9", 1)))
	tampered := parts[0] + "." + better + "." + parts[2]

	gate := []string{"--keys", keys, "--show", show}
	for name, c := range map[string]struct {
		args []string
		want []string // a line each
		exit int
	}{
		"good":                       {[]string{codes["A-1-1"], codes["A-1-2"]}, []string{"good: seat A-1-1, order " + order, "good: seat A-1-2, order " + order}, 0},
		"shown twice":                {[]string{codes["A-1-1"], codes["A-1-1"]}, []string{"good: seat A-1-1", "refused: seat A-1-1 is inside already"}, 1},
		"tampered":                   {[]string{tampered}, []string{"refused: this ticket was changed"}, 1},
		"another show":               {[]string{foreignCode}, []string{"refused: this ticket is for another show, " + other}, 1},
		"no ticket":                  {[]string{"https://example.com"}, []string{"refused: this is not a ticket of ours"}, 1},
		"cancelled, and nobody said": {[]string{printed}, []string{"good: seat B-1-1, order " + undone}, 0},
		"cancelled, and known":       {[]string{"--cancelled", cancelled, printed}, []string{"refused: order " + undone + " was cancelled"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			said, exit := checks(t, append(append([]string{}, gate...), c.args...)...)
			lines := strings.Split(strings.TrimSpace(said), "\n")
			if exit != c.exit || len(lines) != len(c.want) {
				t.Fatalf("exit %d, %q", exit, said)
			}
			for i, want := range c.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("line %d: %q, want %q…", i, lines[i], want)
				}
			}
		})
	}
	if again <= undone {
		t.Errorf("the later order %s has a smaller id than %s: the gate could not tell them apart", again, undone)
	}
	if _, exit := checks(t, "--keys", cancelled, "--show", show, codes["A-1-1"]); exit != 1 {
		t.Errorf("with no keys: exit %d", exit)
	}
}

// The page of the tickets is good for its buyer alone, without a script.
func TestTicketsOnPaper(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	show := g.show()
	v := g.enters(show)
	v.charge(500_000)
	order := v.pay(v.hold("A-1-3").want(http.StatusCreated).text("hold"), "one").want(http.StatusCreated).text("order")
	page := g.do(call{method: "GET", path: "/orders/" + order + "/ticket", bearer: v.token}).want(http.StatusOK)
	for _, part := range []string{"A Test", "Section A", "data:image/svg", order} {
		if !strings.Contains(string(page.body), part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	stranger := g.enters(show)
	refused := g.do(call{method: "GET", path: "/orders/" + order + "/ticket", bearer: stranger.token}).want(http.StatusForbidden)
	if strings.Contains(string(refused.body), "data:image/svg") || !strings.Contains(string(refused.body), "somebody else") {
		t.Errorf("a stranger is shown %s", refused.body)
	}
}
