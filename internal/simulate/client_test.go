package simulate

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"http://127.0.0.1:8080": true, "https://tickets.example": true, "http://host/base/": true, "http://[::1]:1/": true,
		"": false, "127.0.0.1:8080": false, "ftp://host": false, "http://": false, "http://:80": false, "http://a b": false,
		"http://user:secret@host": false, "http://host?x=1": false, "http://host#top": false, "http://host:port": false, "//host": false,
	} {
		g, err := newGateways([]string{address})
		if (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
		if good && strings.HasSuffix(g.urls[0], "/") {
			t.Errorf("%q became %q", address, g.urls[0])
		}
	}
	if _, err := newGateways(nil); err == nil {
		t.Error("no address at all is not refused")
	}
}

// script answers requests one by one, and stays with the last.
func script(t *testing.T, answers ...http.HandlerFunc) string {
	t.Helper()
	next := make(chan http.HandlerFunc, len(answers))
	for _, a := range answers[:len(answers)-1] {
		next <- a
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case a := <-next:
			a(w, r)
		default:
			answers[len(answers)-1](w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func says(status int, body, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func hangsUp(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }

func TestWhatVisitorsDoOfAnAnswer(t *testing.T) {
	t.Parallel()
	fine := says(200, "{}", "")
	for name, test := range map[string]struct {
		answers               []http.HandlerFunc
		status                int
		code                  string
		lost                  bool
		later, tooMany, moved int64
		atLeast               time.Duration
	}{
		"an answer":            {answers: []http.HandlerFunc{fine}, status: 200},
		"too many requests":    {answers: []http.HandlerFunc{says(429, "{}", "2"), fine}, status: 200, later: 1, tooMany: 1, atLeast: 2 * time.Second},
		"unavailable":          {answers: []http.HandlerFunc{says(503, "{}", ""), fine}, status: 200, lost: true, later: 1, atLeast: time.Second},
		"no answer":            {answers: []http.HandlerFunc{hangsUp, fine}, status: 200, lost: true, moved: 1},
		"the queue is full":    {answers: []http.HandlerFunc{says(503, `{"code":"queue_full"}`, "30")}, status: 503, code: "queue_full", later: 1},
		"a problem is no wait": {answers: []http.HandlerFunc{says(409, `{"code":"seats_taken"}`, "30")}, status: 409, code: "seats_taken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := newGateways([]string{script(t, test.answers...)})
			if err != nil {
				t.Fatal(err)
			}
			home, start := 0, time.Now()
			a, err := g.do(t.Context(), &home, request{method: http.MethodPost, path: "/x", body: map[string]int{"n": 1}})
			if err != nil || a.status != test.status || a.lost != test.lost || a.problem() != test.code {
				t.Errorf("%v (lost: %v), %v", a, a.lost, err)
			}
			if g.waited.Load() != test.later || g.tooMany.Load() != test.tooMany || g.moved.Load() != test.moved {
				t.Errorf("%d later, %d too many, %d moved", g.waited.Load(), g.tooMany.Load(), g.moved.Load())
			}
			if took := time.Since(start); took < test.atLeast {
				t.Errorf("asked again after %s", took)
			}
		})
	}
}

// Who is cut short is told what the last try came to.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	g, err := newGateways([]string{script(t, hangsUp)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	home := 0
	_, err = g.do(ctx, &home, request{method: http.MethodGet, path: "/x"})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "EOF") {
		t.Error(err)
	}
	if home < 2 {
		t.Errorf("asked %d times", home)
	}
}

// All tabs keep one set of cookies, and say with each request that they mean it.
func TestCookies(t *testing.T) {
	t.Parallel()
	var asked []string
	url := script(t, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "fr_visitor", Value: "v1"})
	}, func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie("fr_visitor")
		asked = append(asked, c.String()+" "+r.Header.Get("X-Frontrow"))
		http.SetCookie(w, &http.Cookie{Name: "fr_visitor", Value: "v2"})
	})
	g, err := newGateways([]string{url})
	if err != nil {
		t.Fatal(err)
	}
	kept, home := &cookies{}, 0
	for range 3 {
		if _, err := g.do(t.Context(), &home, request{method: http.MethodGet, path: "/", cookies: kept}); err != nil {
			t.Fatal(err)
		}
	}
	if len(asked) != 2 || asked[0] != "fr_visitor=v1 1" || asked[1] != "fr_visitor=v2 1" {
		t.Errorf("%q", asked)
	}
}

// A proxy whose gateway died says so: the request may have been heard, and is made again.
func TestAProxysGatewayIsNoAnswer(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusBadGateway, http.StatusGatewayTimeout} {
		g, err := newGateways([]string{script(t, says(status, "<html>", ""), says(http.StatusOK, "{}", ""))})
		if err != nil {
			t.Fatal(err)
		}
		home := 0
		a, err := g.do(context.Background(), &home, request{method: http.MethodPost, path: "/"})
		if err != nil || a.status != http.StatusOK || !a.lost || g.moved.Load() != 1 {
			t.Errorf("after %d: %v %v, lost %v, moved %d", status, a, err, a.lost, g.moved.Load())
		}
	}
}
