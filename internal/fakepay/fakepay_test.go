package fakepay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

func open(t *testing.T, o Options) (*Provider, string) {
	t.Helper()
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p.Handler())
	t.Cleanup(func() { server.Close(); p.Close() })
	return p, server.URL
}

func ask(t *testing.T, method, url, key, body string, header ...string) (int, Payment) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Idempotency-Key", key)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var p Payment
	_ = json.NewDecoder(response.Body).Decode(&p) // complaints are none
	return response.StatusCode, p
}

func chargeOf(id string) string {
	return fmt.Sprintf(`{"payment":%q,"amount":5,"currency":"KRW","card":"card_ok","capture":true}`, id)
}

func TestPaymentsOutliveARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "payments")
	p, url := open(t, Options{File: file})
	ask(t, "POST", url+"/v1/payments", "a", chargeOf("a"))
	ask(t, "POST", url+"/v1/payments", "b", chargeOf("b"))
	ask(t, "POST", url+"/v1/payments/b/refund", "b-refund", "")
	p.Close()
	_, url = open(t, Options{File: file})
	for id, want := range map[string]string{"a": captured, "b": refunded} {
		if status, found := ask(t, "GET", url+"/v1/payments/"+id, "", ""); status != http.StatusOK || found.State != want || found.Charges != 1 {
			t.Errorf("%s: %d %+v, want %s", id, status, found, want)
		}
	}
	if status, again := ask(t, "POST", url+"/v1/payments", "a", chargeOf("a")); status != http.StatusCreated || again.Charges != 1 {
		t.Errorf("charged again: %d %+v", status, again)
	}
}

func TestWhoMayAskAndWhen(t *testing.T) {
	t.Parallel()
	_, url := open(t, Options{Key: "secret"})
	key := []string{"Authorization", "Bearer secret"}
	if status, _ := ask(t, "POST", url+"/v1/payments", "a", chargeOf("a")); status != http.StatusUnauthorized {
		t.Errorf("without the key: %d", status)
	}
	for _, one := range []struct {
		down string
		want int
	}{{"true", http.StatusServiceUnavailable}, {"false", http.StatusCreated}} {
		if status, _ := ask(t, "PUT", url+"/v1/down", "", one.down, key...); status != http.StatusNoContent {
			t.Errorf("down %s: %d", one.down, status)
		}
		if status, _ := ask(t, "POST", url+"/v1/payments", "a", chargeOf("a"), key...); status != one.want {
			t.Errorf("while down is %s: %d, want %d", one.down, status, one.want)
		}
	}
	if status, _ := ask(t, "POST", url+"/v1/payments", "another", chargeOf("b"), key...); status != http.StatusUnprocessableEntity {
		t.Errorf("under another key: %d", status)
	}
}

func TestRates(t *testing.T) {
	t.Parallel()
	for rates, ok := range map[*map[string]float64]bool{
		{"declined": 1}: true, {"declined": 0}: true, {"declined": 1.01}: false, {"declined": -0.01}: false, {"unknown": 0.5}: false,
	} {
		if _, err := New(Options{Rates: *rates}); (err == nil) != ok {
			t.Errorf("%v: %v", *rates, err)
		}
	}
	_, url := open(t, Options{Rates: map[string]float64{"declined": 1}})
	if status, p := ask(t, "POST", url+"/v1/payments", "a", chargeOf("a")); status != http.StatusPaymentRequired || p.State != declined {
		t.Errorf("%d %+v, want it declined", status, p)
	}
}
