package events

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"frontrow/booking"
	"frontrow/internal/receiver"
	"frontrow/internal/signed"
)

func orderEvent(kind string) booking.Event {
	return booking.Event{
		ID: "01JDAZ2Q8Z5X9V1W7K3M4N6P8R", Type: kind, Show: "demo", Subject: "01JDAZ2Q8YJ6T4R2C0B9A8S7D6", Visitor: "3q2-7wEjRWeJqw",
		Trace: "4bf92f3577b34da6a3ce929d0e0e4736", Flow: "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", At: time.Date(2026, 11, 23, 10, 0, 0, 250_000_000, time.UTC).UnixMicro(),
		Payload: []byte(`{"order":"01JDAZ2Q8YJ6T4R2C0B9A8S7D6","hold":"h","seats":["A-1-1","A-1-2"],"amount":330000,"currency":"KRW","method":"card","reason":"asked","fence":7}`),
	}
}

func notifier(t *testing.T, url, locale string) Listener {
	t.Helper()
	return check1(Notify(NotifyOptions{URL: url, Secret: testSecret, Locale: locale, Title: func(show string) string { return "Show of " + show }}))(t)
}

// Every event has a text in every language, with what matters in it.
func TestNotifySaysWhatHappenedInEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, locale := range Locales {
		texts := map[string]bool{}
		for _, kind := range outwardTypes {
			service := receiver.New(testSecret, 1)
			server := httptest.NewServer(service.Handler())
			t.Cleanup(server.Close)
			check0(t, notifier(t, server.URL+"/notify", locale).Handle(t.Context(), orderEvent(kind)))
			var n notification
			check0(t, json.Unmarshal(service.Received("notify")[0].Body, &n))
			if n.ID != "01JDAZ2Q8Z5X9V1W7K3M4N6P8R" || n.Type != kind || n.To != "3q2-7wEjRWeJqw" || n.Locale != locale || n.Version != 1 ||
				n.Template != kind || n.Variables.Seats != "A-1-1, A-1-2" || n.Variables.Amount != "330,000 KRW" || n.Variables.Reason != "asked" {
				t.Errorf("%s: %+v", locale, n)
			}
			for _, want := range []string{"Show of demo", "01JDAZ2Q8YJ6T4R2C0B9A8S7D6", "330,000 KRW"} {
				if !strings.Contains(n.Text, want) {
					t.Errorf("%s, %s: %q lacks %s", locale, kind, n.Text, want)
				}
			}
			texts[n.Text] = true
		}
		if len(texts) != 4 {
			t.Errorf("%s: %d texts", locale, len(texts))
		}
	}
	for _, locale := range Locales {
		service := receiver.New(testSecret, 1)
		server := httptest.NewServer(service.Handler())
		t.Cleanup(server.Close)
		called := orderEvent(booking.PlaceCalled)
		called.Payload = []byte(`{"number":7,"until":1795514400000000}`)
		check0(t, notifier(t, server.URL+"/notify", locale).Handle(t.Context(), called))
		var n notification
		check0(t, json.Unmarshal(service.Received("notify")[0].Body, &n))
		if n.Variables.Until != "2026-11-24T10:00:00Z" || !strings.Contains(n.Text, n.Variables.Until) || !strings.Contains(n.Text, "Show of demo") {
			t.Errorf("%s: %+v", locale, n)
		}
	}
	if _, err := Notify(NotifyOptions{Locale: "fr"}); err == nil {
		t.Error("there are texts in French")
	}
}

func TestMoneyAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"0 KRW": money("ko", 0, "KRW"), "165,000 KRW": money("ko", 165_000, "KRW"), "12,000 JPY": money("ja", 12_000, "JPY"),
		"10.50 USD": money("en", 1050, "USD"), "100,000,000 KRW": money("en", 100_000_000, "KRW"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What the gateway answers decides whether and when the buyer is told again.
func TestNotifyByAnswer(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		200: "done", 202: "done", 204: "done", 301: "again", 400: "never", 401: "never", 404: "never", 422: "never",
		408: "again", 425: "again", 429: "again", 500: "again", 502: "again", 503: "again",
	} {
		calls := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			body, _ := io.ReadAll(r.Body)
			if r.Header.Get("Idempotency-Key") != "01JDAZ2Q8Z5X9V1W7K3M4N6P8R" || signed.Check(testSecret, r.Header.Get(signed.Header), time.Now(), body) != nil {
				t.Errorf("headers %v", r.Header)
			}
			w.Header().Set("Location", "/elsewhere")
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
		}))
		err := notifier(t, server.URL, "ko").Handle(t.Context(), orderEvent(booking.OrderPaid))
		got := "done"
		if err != nil {
			got = map[bool]string{true: "never", false: "again"}[hopeless(err)]
		}
		if got != want || calls != 1 || got == "again" && asked(err) != 7*time.Second {
			t.Errorf("%d: %s after %d calls, %s asked, want %s", status, got, calls, asked(err), want)
		}
		server.Close()
	}
	err := notifier(t, "http://127.0.0.1:1", "ko").Handle(t.Context(), orderEvent(booking.OrderPaid))
	if err == nil || hopeless(err) {
		t.Errorf("nobody listens there: %v", err)
	}
	broken := orderEvent(booking.OrderPaid)
	broken.Payload = []byte("{")
	if err := notifier(t, "http://127.0.0.1:1", "ko").Handle(t.Context(), broken); !hopeless(err) {
		t.Errorf("a broken payload: %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, "-5": 0, "soon": 0, strconv.Itoa(1 << 40): time.Hour,
		"Mon, 23 Nov 2026 10:01:00 GMT": time.Minute, "Mon, 23 Nov 2026 09:00:00 GMT": 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
