package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// discard is a ResponseWriter that keeps nothing but headers, as net/http would.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// mostAllocations of a poll: the token, and what gin makes of a request.
const mostAllocations = 12

// Most answers of a sale are polls of people who wait: besides what the server
// itself needs for a request, one allocates next to nothing.
func TestAPollAllocatesNextToNothing(t *testing.T) {
	t.Run("as it is", func(t *testing.T) { pollAllocates(t) })
	t.Run("where flows are traced", func(t *testing.T) { pollAllocates(t, collect(t).traces) })
}

func pollAllocates(t *testing.T, change ...func(*gatewayConfig)) {
	g := backend{}.serve(t, change...)
	show := g.show(rules(map[string]any{"admit": 0, "polls_per_ten_seconds": 0})) // one place polls a thousand times
	token := g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue"}).want(http.StatusCreated).text("token")
	testenv.Wait(t, 10*time.Second, func() bool {
		return g.do(call{method: "GET", path: "/v1/shows/" + show + "/queue", bearer: token}).number("waiting") == 1
	}, "the view does not know of the join")

	g.api.Logger = slog.New(slog.DiscardHandler) // the harness logs every request
	request := httptest.NewRequest(http.MethodGet, "/v1/shows/"+show+"/queue", nil)
	request.Header.Set("Authorization", "Bearer "+token)
	answer := &discard{http.Header{}}
	n := testing.AllocsPerRun(1000, func() {
		clear(answer.header)
		g.server.Handler.ServeHTTP(answer, request)
	})
	t.Logf("%.1f allocations a poll", n)
	if n > mostAllocations {
		t.Errorf("a poll allocates %.1f times, want %d at most", n, mostAllocations)
	}
}
