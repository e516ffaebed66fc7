package events

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"frontrow/booking"
	"frontrow/internal/receiver"
)

func TestExportSendsCloudEvents(t *testing.T) {
	t.Parallel()
	service := receiver.New(testSecret, 10)
	server := httptest.NewServer(service.Handler())
	t.Cleanup(server.Close)
	paid, odd := orderEvent(booking.OrderPaid), orderEvent(booking.OrderRefunded)
	odd.ID, odd.Flow = "01JDAZ2Q8Z5X9V1W7K3M4N6P8S", "none of 32 digits"
	for _, err := range Export(server.URL+"/export", "https://tickets.example").HandleBatch(t.Context(), []booking.Event{paid, odd}) {
		check0(t, err)
	}
	got := service.Received("export")
	if len(got) != 2 || service.Calls() != 1 {
		t.Fatalf("%d events in %d calls", len(got), service.Calls())
	}
	var c, other event.Event
	check0(t, json.Unmarshal(got[0].Body, &c))
	check0(t, json.Unmarshal(got[1].Body, &other))
	var data outwardOrder
	check0(t, c.DataAs(&data))
	if c.SpecVersion() != "1.0" || c.ID() != paid.ID || c.Source() != "https://tickets.example" || c.Type() != "frontrow.order.paid" ||
		c.Subject() != paid.Subject || c.Time().UnixMicro() != paid.At || c.DataContentType() != "application/json" {
		t.Errorf("event %s", got[0].Body)
	}
	if data.Version != 1 || data.Order != paid.Subject || data.Show != "demo" || data.Visitor != paid.Visitor || data.Amount != 330_000 || len(data.Seats) != 2 || data.Method != "card" {
		t.Errorf("data %+v", data)
	}
	parent, _ := c.Extensions()["traceparent"].(string)
	if parent != "00-"+paid.Flow {
		t.Errorf("traceparent %q", parent)
	}
	if _, ok := other.Extensions()["traceparent"]; ok || other.Type() != "frontrow.order.refunded" {
		t.Errorf("event %s", got[1].Body)
	}
}

// One event that the platform cannot take does not cost the others of its batch.
func TestExportFindsTheEventThatIsRefused(t *testing.T) {
	t.Parallel()
	status := http.StatusUnprocessableEntity
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); bytes.Contains(body, []byte(`"bad"`)) {
			w.WriteHeader(status)
		}
	}))
	t.Cleanup(server.Close)
	events := []booking.Event{orderEvent(booking.OrderPaid), orderEvent(booking.OrderPaid), orderEvent(booking.OrderPaid)}
	events[1].Visitor = "bad"
	l := Export(server.URL, "frontrow")
	errs := l.HandleBatch(t.Context(), events)
	if errs[0] != nil || !hopeless(errs[1]) || errs[2] != nil {
		t.Errorf("errors %v", errs)
	}
	status = http.StatusServiceUnavailable
	for _, err := range l.HandleBatch(t.Context(), events) {
		if err == nil || hopeless(err) {
			t.Errorf("the platform is away: %v", err)
		}
	}
}
