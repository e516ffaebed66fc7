package booking

import (
	"sync"
	"testing"
	"time"
)

// tells writes an event of an order at a time (µs) and claims it for the listener "first".
func (h *hall) tells(t *testing.T, kind string, at int64, p OrderPayload) Event {
	t.Helper()
	e := h.event(kind, h.show.ID, visitor(), visitor(), "", p)
	e.row.At = at
	e.deliveries = []deliveryRow{{EventID: e.row.ID, Listener: "first", Subject: e.row.Subject, State: deliveryDue}}
	must0(t, e.write(h.db))
	return e.row.event()
}

func TestSalesFiguresCountEachEventOnce(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		now := h.Now()
		minute := now - now%minuteMicros
		two := OrderPayload{Seats: []string{"A-1-1", "A-1-2"}, Amount: 200}
		events := []Event{
			h.tells(t, OrderPaid, minute, two), h.tells(t, OrderPaid, minute+minuteMicros-1, two),
			h.tells(t, OrderPaid, minute+minuteMicros, two), h.tells(t, OrderCancelled, minute, two), h.tells(t, OrderRefunded, minute, two),
		}
		other := h.gateway(t)
		var racers sync.WaitGroup
		for range 3 {
			for _, s := range []*Store{h.Store, other} {
				racers.Go(func() {
					for _, e := range events {
						if err := s.CountSale(t.Context(), "first", e); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		racers.Wait()
		total, minutes, err := h.Sales(t.Context(), h.show.ID, minute, minute+2*minuteMicros)
		must0(t, err)
		if want := (Figures{Orders: 3, Seats: 6, Revenue: 600, Cancelled: 1, Returned: 2, Refunded: 200}); total != want {
			t.Errorf("in all %+v", total)
		}
		want := []Minute{
			{minute, Figures{Orders: 2, Seats: 4, Revenue: 400, Cancelled: 1, Returned: 2, Refunded: 200}},
			{minute + minuteMicros, Figures{Orders: 1, Seats: 2, Revenue: 200}},
		}
		if len(minutes) != 2 || minutes[0] != want[0] || minutes[1] != want[1] {
			t.Errorf("minutes %+v", minutes)
		}
		broken := events[0]
		broken.Payload = []byte("{")
		wantError(t, h.CountSale(t.Context(), "first", broken), ErrUnreadable)
	})
}

// A wallet gives the money back at once, a card later; one that nobody answered for was
// never a sale.
func TestSalesFiguresOfWhatIsTakenBack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind string
		p    OrderPayload
		want Figures
	}{
		"a wallet's order": {OrderRefunded, OrderPayload{Fence: 7}, Figures{Cancelled: 1, Returned: 2, Refunded: 200}},
		"a card's order":   {OrderCancelled, OrderPayload{Fence: 7}, Figures{Cancelled: 1, Returned: 2}},
		"its money":        {OrderRefunded, OrderPayload{}, Figures{Refunded: 200}},
		"given up":         {OrderCancelled, OrderPayload{Fence: 7, Reason: ReasonNoAnswer}, Figures{}},
		"its money, late":  {OrderRefunded, OrderPayload{Reason: ReasonNoAnswer}, Figures{}},
	} {
		test.p.Seats, test.p.Amount = []string{"A-1-1", "A-1-2"}, 200
		if got := minuteOf(Event{Type: test.kind, At: 3*minuteMicros + 1}, test.p); got.figures() != test.want || got.Minute != 3*minuteMicros {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A sale that was counted is not counted again when an operator sends it again.
func TestSalesFiguresSurviveARedrive(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.buy(t, "A-1-1")
		d := h.claim(t, time.Minute, "first")[0]
		must0(t, h.CountSale(t.Context(), "first", d.Event))
		must0(t, h.NotDelivered(t.Context(), d, ErrUnavailable, 0, true)) // the gateway lost sight of it
		must0(t, h.Redrive(t.Context(), d.Event.ID, "first"))
		d = h.claim(t, time.Minute, "first")[0]
		must0(t, h.CountSale(t.Context(), "first", d.Event))
		must0(t, h.Delivered(t.Context(), d))
		now := h.Now()
		total, _, err := h.Sales(t.Context(), h.show.ID, now-minuteMicros, now+1)
		must0(t, err)
		if total.Orders != 1 || total.Revenue != 100 {
			t.Errorf("in all %+v", total)
		}
		h.intactButFor(t, "second")
	})
}

func TestSalesBounds(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		now := h.Now()
		at := now - now%minuteMicros
		const most = MostMinutes * minuteMicros
		for _, ok := range [][2]int64{{at, at + most}, {at, at + 1}, {latestTime - most - minuteMicros, latestTime - minuteMicros}} {
			_, _, err := h.Sales(t.Context(), h.show.ID, ok[0], ok[1])
			must0(t, err)
		}
		for _, bad := range [][2]int64{{at, at + most + 1}, {at, at}, {0, 1}, {-1, at}, {latestTime - minuteMicros, latestTime}} {
			_, _, err := h.Sales(t.Context(), h.show.ID, bad[0], bad[1])
			wantType[*InvalidError](t, err)
		}
	})
}
