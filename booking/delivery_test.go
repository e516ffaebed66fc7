package booking

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

func (h *hall) claim(t *testing.T, lease time.Duration, listeners ...string) []Delivery {
	t.Helper()
	return must1(h.ClaimDeliveries(t.Context(), listeners, 10, lease))(t)
}

func TestDeliveryIsClaimedByOneAtATime(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		order := h.buy(t, "A-1-1")
		if got := h.claim(t, time.Minute, "nobody"); len(got) != 0 {
			t.Errorf("claimed %+v for nobody", got)
		}
		got := h.claim(t, time.Minute, "first", "second")
		if len(got) != 2 || got[0].Tries != 1 || got[0].Event.Type != OrderPaid || got[0].Event.Subject != order.ID ||
			got[0].Event.Visitor != order.Visitor || got[0].Event.Trace != "trace-2" || len(got[0].Event.Payload) == 0 {
			t.Fatalf("claimed %+v", got)
		}
		if again := h.claim(t, time.Minute, "first", "second"); len(again) != 0 {
			t.Errorf("claimed twice: %+v", again)
		}
		must0(t, h.Delivered(t.Context(), got[0]))
		must0(t, h.NotDelivered(t.Context(), got[1], errors.New("not now"), 0, false))
		again := h.claim(t, time.Minute, "first", "second")
		if len(again) != 1 || again[0].Listener != got[1].Listener || again[0].Tries != 2 {
			t.Errorf("claimed %+v", again)
		}
		must0(t, h.NotDelivered(t.Context(), again[0], errors.New("never"), 0, true))
		if more := h.claim(t, time.Minute, "first", "second"); len(more) != 0 {
			t.Errorf("claimed a dead one: %+v", more)
		}
		open, dead, oldest, err := h.Deliveries(t.Context())
		if open != 0 || dead != 1 || oldest != 0 || err != nil {
			t.Errorf("%d open, %d dead, oldest %d, %v", open, dead, oldest, err)
		}
	})
}

func TestDeliveryWithALapsedLeaseGoesToTheNextAndIsTheirsToMark(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.buy(t, "A-1-1")
		late := h.claim(t, time.Microsecond, "first")
		var next []Delivery
		testenv.Wait(t, 5*time.Second, func() bool {
			next = h.claim(t, time.Minute, "first")
			return len(next) == 1
		}, "a lapsed lease stays")
		must0(t, h.Delivered(t.Context(), late[0]))
		if n := h.count(t, &deliveryRow{}, "listener = 'first' AND state = 'done'"); n != 0 {
			t.Error("marked by who had lost the claim")
		}
		must0(t, h.Delivered(t.Context(), next[0]))
		if n := h.count(t, &deliveryRow{}, "listener = 'first' AND state = 'done' AND done_at IS NOT NULL"); n != 1 {
			t.Error("not marked by who has the claim")
		}
	})
}

func TestDeliveriesOfASubjectGoInOrder(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		write := func(subject string) {
			e := h.event(OrderPaid, h.show.ID, subject, visitor(), "", OrderPayload{})
			must0(t, e.write(h.db))
		}
		write("one")
		write("one")
		write("other")
		got := h.claim(t, time.Minute, "first")
		if len(got) != 2 || got[0].Event.Subject != "one" || got[1].Event.Subject != "other" {
			t.Fatalf("claimed %+v", got)
		}
		if more := h.claim(t, time.Minute, "first"); len(more) != 0 {
			t.Errorf("the second overtook: %+v", more)
		}
		if open, _, oldest, err := h.Deliveries(t.Context()); err != nil || open != 6 || oldest == 0 {
			t.Errorf("%d open, oldest %d, %v", open, oldest, err)
		}
		must0(t, h.Delivered(t.Context(), got[0]))
		if more := h.claim(t, time.Minute, "first"); len(more) != 1 || more[0].Event.Subject != "one" {
			t.Errorf("claimed %+v", more)
		}
	})
}

func TestRaceForDeliveriesGivesEachOnce(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		const events = 30
		for range events {
			e := h.event(OrderPaid, h.show.ID, visitor(), visitor(), "", OrderPayload{})
			must0(t, e.write(h.db))
		}
		stores := []*Store{h.Store, h.gateway(t), h.gateway(t), h.gateway(t)}
		claimed := make([][]string, len(stores))
		var racers sync.WaitGroup
		for i, s := range stores {
			racers.Go(func() {
				for range 40 {
					got, err := s.ClaimDeliveries(t.Context(), []string{"first"}, 3, time.Minute)
					if err != nil {
						t.Error(err)
						return
					}
					for _, d := range got {
						claimed[i] = append(claimed[i], d.Event.ID)
						if err := s.Delivered(t.Context(), d); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		racers.Wait()
		all := slices.Sorted(slices.Values(slices.Concat(claimed...)))
		if len(all) != events || len(slices.Compact(all)) != events {
			t.Errorf("%d claims of %d events", len(all), events)
		}
	})
}

// The gateway that sold the seats died before it could tell the door.
func TestMarkSeatsShowsAtTheDoor(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.buy(t, "A-1-1", "A-1-2")
		h.forget(t)
		event := h.claim(t, time.Minute, "first")[0].Event
		for range 2 { // at least once
			must0(t, h.MarkSeats(t.Context(), event))
			if got := h.letters(t, "A-1-1", "A-1-2", "A-1-3"); got != "ssf" {
				t.Errorf("states %s", got)
			}
		}
		must0(t, h.rdb.Del(t.Context(), doorKeys(h.show.ID)...).Err())
		must0(t, h.MarkSeats(t.Context(), event)) // it will be loaded so
		event.Show = "no-such-show"
		must0(t, h.MarkSeats(t.Context(), event))
		event.Payload = []byte("{")
		if h.MarkSeats(t.Context(), event) == nil {
			t.Error("understood a broken payload")
		}
	})
}
