package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"

	"frontrow/booking"
	"frontrow/internal/fakepay"
	"frontrow/internal/testenv"
)

// faultPoints are all places at which the crash table kills a gateway, in the order in
// which a sale passes them.
var faultPoints = []string{
	"hold.leased", "hold.taken",
	"wallet.paid", "wallet.marked",
	"card.leased", "card.asked", "card.charged", "card.settled", "card.answered", "card.declined", "card.given-up",
	"reconcile.claimed", "reconcile.found",
	"cancel.committed", "refund.returned",
	"delivery.claimed", "delivery.told", "delivery.marked",
}

// A gateway dies at every step between a request and the last listener's mark: another one
// brings everything to its end, and nothing is lost, sold twice, or paid for in vain.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	binary := testenv.Binary(t, "-tags=nomsgpack,faults")
	for _, point := range faultPoints {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			crash(t, binary, point)
		})
	}
}

func crash(t *testing.T, binary, point string) {
	pay, err := startProvider("127.0.0.1:0", fakepay.Options{Late: 300 * time.Millisecond})
	must(t, err)
	t.Cleanup(pay.Close)
	b := realBackend(t)
	settings := []string{
		"FRONTROW_PAYMENT_URL=" + pay.URL(), "FRONTROW_PAYMENT_TIMEOUT=300ms", "FRONTROW_PAYMENT_SLOT=1s", "FRONTROW_PAYMENT_SEATS=3s",
	}
	dies := b.start(t, binary, append(settings, "FRONTROW_FAULT="+point)...)
	spec := testShow("crash", map[string]any{"admit": 50, "interval_ms": 100, "max_active": 50}, 20)
	spec["cancel_until"] = time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	show := dies.show(spec)
	s := &sufferer{t: t, url: dies.url(), show: show}
	s.suffers()
	if !dies.diedOf(syscall.SIGKILL, 30*time.Second) {
		t.Fatalf("the gateway did not come to %s: %s", point, dies.logs)
	}

	heir := b.start(t, testenv.Binary(t), settings...)
	testenv.Wait(t, 60*time.Second, func() bool { return b.open(t) == 0 }, "something hangs after %s: %s", point, heir.logs)
	for _, order := range s.paid {
		got := heir.admin("GET", "/v1/admin/orders/"+order, nil).want(http.StatusOK)
		if state := got.text("state"); state != "paid" && order != s.cancelled {
			t.Errorf("order %s was answered as paid, and is %s", order, state)
		}
	}
	for id, p := range pay.Payments() {
		order := heir.admin("GET", "/v1/admin/orders/"+id, nil).want(http.StatusOK)
		owed := int64(0)
		if order.text("state") == "paid" {
			owed = order.number("amount")
		}
		if p.Charges > 1 || p.Captured-p.Refunded != owed {
			t.Errorf("the provider has %+v, the sale %s", p, order.body)
		}
	}
	verdict := heir.admin("GET", "/v1/admin/verify?show="+show, nil).want(http.StatusOK)
	if found := verdict.json()["violations"].([]any); len(found) != 0 {
		t.Errorf("violations: %s", verdict.body)
	}
}

// open counts what has not come to its end yet: deliveries, payments and pending orders.
func (b backend) open(t *testing.T) (n int64) {
	t.Helper()
	db, err := booking.Open(b.dsn)
	must(t, err)
	defer closeDatabase(db)
	for _, sql := range []string{
		"SELECT COUNT(*) FROM deliveries WHERE state = 'due'",
		"SELECT COUNT(*) FROM payments WHERE state IN ('asked', 'refunding')",
		"SELECT COUNT(*) FROM orders WHERE state = 'pending'",
	} {
		var found int64
		must(t, db.Raw(sql).Row().Scan(&found))
		n += found
	}
	return n
}

// diedOf waits for the process to end, and tells whether that signal ended it.
func (p *process) diedOf(sig syscall.Signal, within time.Duration) bool {
	done := make(chan struct{})
	go func() { _ = p.cmd.Wait(); close(done) }()
	select {
	case <-done:
		status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
		return ok && status.Signaled() && status.Signal() == sig
	case <-time.After(within):
		return false
	}
}

// sufferer does everything that can be done with an order, on a gateway that dies
// under them.
type sufferer struct {
	t         *testing.T
	url, show string
	paid      []string // orders that were answered as paid
	cancelled string   // the one that they asked to cancel
}

// ask sends a request; ok tells whether it was answered.
func (s *sufferer) ask(method, path, bearer, key string, body any) (answer map[string]any, ok bool) {
	raw, err := json.Marshal(body)
	must(s.t, err)
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, bytes.NewReader(raw))
	must(s.t, err)
	request.Header.Set("Authorization", "Bearer "+bearer)
	if bearer == "" {
		request.Header.Del("Authorization")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, false
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || json.Unmarshal(text, &answer) != nil && len(text) > 0 {
		return nil, false
	}
	return answer, true
}

// enters is let in; it returns token and pass, empty if the gateway died.
func (s *sufferer) enters() (token, pass string) {
	queue := "/v1/shows/" + s.show + "/queue"
	joined, ok := s.ask("POST", queue, "", "", map[string]any{})
	if !ok {
		return "", ""
	}
	token, _ = joined["token"].(string)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		polled, ok := s.ask("GET", queue, token, "", nil)
		if !ok {
			return "", ""
		}
		if pass, _ = polled["pass"].(string); pass != "" {
			return token, pass
		}
		time.Sleep(50 * time.Millisecond)
	}
	return "", ""
}

// buys holds a seat and pays for it; it returns the order, if one was answered.
func (s *sufferer) buys(seat, card string) (token, order string) {
	token, pass := s.enters()
	held, ok := s.ask("POST", "/v1/shows/"+s.show+"/holds", pass, "", map[string]any{"seats": []string{seat}})
	if pass == "" || !ok {
		return "", ""
	}
	hold := fmt.Sprint(held["hold"])
	body := cardPayment(hold, card)
	if card == "" {
		body = payment(hold)
		s.ask("POST", "/v1/wallet/charges", token, "points", map[string]any{"amount": 1_000_000})
	}
	bought, ok := s.ask("POST", "/v1/orders", pass, "key", body)
	order, _ = bought["order"].(string)
	if ok && bought["state"] == "paid" {
		s.paid = append(s.paid, order)
	}
	return token, order
}

// suffers goes on until the gateway is dead, or everything is done.
func (s *sufferer) suffers() {
	s.buys("A-1-1", "")
	token, order := s.buys("A-1-2", "card_ok")
	s.buys("A-1-3", "card_late")
	s.buys("A-1-4", "card_declined")
	s.buys("A-1-5", "card_never")
	if order != "" {
		s.cancelled = order
		s.ask("POST", "/v1/orders/"+order+"/cancel", token, "", nil)
	}
}
