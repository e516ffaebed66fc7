package card

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"frontrow/booking"
	"frontrow/internal/flow"
)

// provider answers calls one after the other, the last for good, and counts them.
type provider struct {
	*httptest.Server
	calls atomic.Int64
	last  atomic.Pointer[http.Request]
}

func serve(t *testing.T, answers ...http.HandlerFunc) *provider {
	t.Helper()
	p := &provider{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(p.calls.Add(1))
		p.last.Store(r)
		answers[min(n, len(answers))-1](w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func breaks(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func hangs(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // or nobody sees that the client has gone
	<-r.Context().Done()
}

const captured = `{"payment":"order-1","state":"captured","amount":5,"currency":"KRW","captured":5,"refunded":0,"more":true}`

var charge = booking.Charge{Order: "order-1", Amount: 5, Currency: "KRW", Card: "card_ok"}

func TestAChargeIsNamedAndSignedFor(t *testing.T) {
	t.Parallel()
	p := serve(t, says(http.StatusCreated, captured))
	in := flow.New(t.Context())
	a, err := New(Options{URL: p.URL + "/base/", Key: "secret"}).Charge(in, charge)
	if want := (booking.Payment{Order: "order-1", State: booking.PaymentCaptured, Amount: 5, Currency: "KRW", Captured: 5}); err != nil || a != want {
		t.Errorf("%+v, %v", a, err)
	}
	r := p.last.Load()
	if r.URL.Path != "/base/v1/payments" || r.Header.Get("Idempotency-Key") != "order-1" || r.Header.Get("Authorization") != "Bearer secret" ||
		r.Header.Get("traceparent") != flow.Parent(in) {
		t.Errorf("%s %v", r.URL, r.Header)
	}
}

// What is not an answer is asked for again, as often as is stated; what cannot become one
// is not.
func TestTries(t *testing.T) {
	t.Parallel()
	ok := says(http.StatusOK, captured)
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		calls   int64
		fails   bool
	}{
		"broken off":             {[]http.HandlerFunc{breaks, ok}, 2, false},
		"too slow":               {[]http.HandlerFunc{hangs, ok}, 2, false},
		"not JSON":               {[]http.HandlerFunc{says(200, "<html>"), ok}, 2, false},
		"too long":               {[]http.HandlerFunc{says(200, captured[:len(captured)-1]+`,"x":"`+strings.Repeat("x", mostAnswer)+`"}`), ok}, 2, false},
		"503":                    {[]http.HandlerFunc{says(503, "{}"), ok}, 2, false},
		"429":                    {[]http.HandlerFunc{says(429, "{}"), ok}, 2, false},
		"at the third":           {[]http.HandlerFunc{breaks, breaks, ok}, 3, false},
		"never":                  {[]http.HandlerFunc{breaks}, tries, true},
		"does not understand":    {[]http.HandlerFunc{says(400, "{}"), ok}, 1, true},
		"does not know us":       {[]http.HandlerFunc{says(401, "{}"), ok}, 1, true},
		"sends us elsewhere":     {[]http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/else", http.StatusFound) }, ok}, 2, false},
		"declined is an answer":  {[]http.HandlerFunc{says(402, `{"payment":"order-1","state":"declined"}`)}, 1, false},
		"404 is none for POST":   {[]http.HandlerFunc{says(404, "{}"), ok}, 1, true},
		"just as long as allows": {[]http.HandlerFunc{says(200, captured+strings.Repeat(" ", mostAnswer-len(captured)))}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serve(t, c.answers...)
			_, err := New(Options{URL: p.URL, Timeout: 200 * time.Millisecond}).Charge(t.Context(), charge)
			if (err != nil) != c.fails || p.calls.Load() != c.calls {
				t.Errorf("%d calls, %v; want %d", p.calls.Load(), err, c.calls)
			}
			if errors.Is(err, booking.ErrNotCharged) {
				t.Errorf("says that nothing was charged, and cannot know: %v", err)
			}
		})
	}
}

func TestFindTellsWhatTheProviderHasNotHeardOf(t *testing.T) {
	t.Parallel()
	p := serve(t, says(http.StatusNotFound, "{}"))
	c := New(Options{URL: p.URL})
	for range 2 * breakAfter { // an answer, which does not break the circuit
		if _, err := c.Find(t.Context(), "order-1"); !errors.Is(err, booking.ErrPaymentUnknown) {
			t.Fatal(err)
		}
	}
	if n := p.calls.Load(); n != 2*breakAfter {
		t.Errorf("%d calls", n)
	}
}

// A charge that did not leave the house is told from one whose answer was lost.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	p := serve(t, breaks)
	c := New(Options{URL: p.URL, Timeout: 200 * time.Millisecond})
	gone := New(Options{URL: "http://127.0.0.1:1"})
	if _, err := gone.Charge(t.Context(), charge); !errors.Is(err, booking.ErrNotCharged) {
		t.Errorf("refused connection: %v", err)
	}
	// The circuit opens: within it nothing leaves the house.
	for p.calls.Load() < breakAfter {
		if _, err := c.Charge(t.Context(), charge); err == nil {
			t.Fatal("no error")
		}
	}
	before := p.calls.Load()
	if _, err := c.Charge(t.Context(), charge); !errors.Is(err, booking.ErrNotCharged) {
		t.Errorf("open circuit: %v", err)
	}
	if p.calls.Load() != before {
		t.Error("called through the open circuit")
	}
}

func TestWhoGoesEndsTheCall(t *testing.T) {
	t.Parallel()
	p := serve(t, hangs)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(Options{URL: p.URL}).Find(ctx, "order-1"); err == nil {
		t.Error("no error")
	}
}
