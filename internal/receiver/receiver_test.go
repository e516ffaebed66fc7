package receiver

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"frontrow/internal/signed"
)

const secret = "a-secret-of-the-tests"

func post(t *testing.T, at, body string, header map[string]string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func notification(id string) string {
	return fmt.Sprintf(`{"id":%q,"type":"order.paid","to":"v","locale":"ko","template":"order.paid","text":"x","variables":{}}`, id)
}

// A receiver that took anything would prove nothing.
func TestReceiverRefusesWhatIsNotAsItShouldBe(t *testing.T) {
	t.Parallel()
	r := New(secret, 10)
	server := httptest.NewServer(r.Handler())
	t.Cleanup(server.Close)
	sign := func(body, with, key string) map[string]string {
		return map[string]string{signed.Header: signed.Sign(with, time.Now(), []byte(body)), "Idempotency-Key": key}
	}
	batch := map[string]string{"Content-Type": "application/cloudevents-batch+json"}
	for name, test := range map[string]struct {
		path, body string
		header     map[string]string
		want       int
	}{
		"unsigned":          {"/notify", notification("1"), nil, 401},
		"another secret":    {"/notify", notification("1"), sign(notification("1"), "other", "1"), 401},
		"another body":      {"/notify", notification("1"), sign(notification("2"), secret, "1"), 401},
		"another key":       {"/notify", notification("1"), sign(notification("1"), secret, "2"), 422},
		"no text":           {"/notify", `{"id":"1"}`, sign(`{"id":"1"}`, secret, "1"), 422},
		"no JSON":           {"/notify", `{`, sign(`{`, secret, "1"), 422},
		"no batch":          {"/export", `{"id":"1"}`, batch, 422},
		"no CloudEvents":    {"/export", `[{"id":"1"}]`, batch, 422},
		"plain JSON":        {"/export", `[]`, map[string]string{"Content-Type": "application/json"}, 422},
		"nothing like that": {"/else", `[]`, nil, 404},
	} {
		if got := post(t, server.URL+test.path, test.body, test.header); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	if got := r.Received(""); len(got) != 0 {
		t.Errorf("took %+v", got)
	}
}

func TestReceiverCountsByIDAndForgetsTheEarliest(t *testing.T) {
	t.Parallel()
	r := New(secret, 2)
	server := httptest.NewServer(r.Handler())
	t.Cleanup(server.Close)
	for _, id := range []string{"1", "2", "2", "3"} {
		body := notification(id)
		header := map[string]string{signed.Header: signed.Sign(secret, time.Now(), []byte(body)), "Idempotency-Key": id}
		if got := post(t, server.URL+"/notify", body, header); got != http.StatusNoContent {
			t.Fatalf("answered %d", got)
		}
	}
	got := r.Received("notify")
	if len(got) != 2 || got[0].ID != "2" || got[0].Times != 2 || got[1].ID != "3" || got[1].Times != 1 || r.Calls() != 4 {
		t.Errorf("received %+v in %d calls", got, r.Calls())
	}
	r.Behave(Behaviour{Fail: 1, Status: http.StatusTeapot})
	if got := post(t, server.URL+"/notify", notification("4"), nil); got != http.StatusTeapot {
		t.Errorf("answered %d when told to fail", got)
	}
}
