package booking

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"sync"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

func (h *hall) claim(t *testing.T, lease time.Duration, listeners ...string) []Delivery {
	t.Helper()
	var all []Delivery
	for _, l := range listeners {
		all = append(all, must1(h.ClaimDeliveries(t.Context(), l, 10, lease))(t)...)
	}
	return all
}

// backlog is what all listeners together are behind with.
func (h *hall) backlog(t *testing.T) (open, dead, oldest int64) {
	t.Helper()
	for _, b := range must1(h.Backlogs(t.Context()))(t) {
		open, dead, oldest = open+b.Open, dead+b.Dead, max(oldest, b.Oldest)
	}
	return open, dead, oldest
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
		if open, dead, oldest := h.backlog(t); open != 0 || dead != 1 || oldest != 0 {
			t.Errorf("%d open, %d dead, oldest %d", open, dead, oldest)
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
		if open, _, oldest := h.backlog(t); open != 6 || oldest == 0 {
			t.Errorf("%d open, oldest %d", open, oldest)
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
					got, err := s.ClaimDeliveries(t.Context(), "first", 3, time.Minute)
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

// Where only a delivery of ours is under way, one that was sent again waits for it.
func TestRedrivenDeliveryKeepsItsOrder(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		for range 2 {
			e := h.event(OrderPaid, h.show.ID, "one", visitor(), "", OrderPayload{})
			must0(t, e.write(h.db))
		}
		first := h.claim(t, time.Minute, "first")
		must0(t, h.NotDelivered(t.Context(), first[0], errors.New("never"), 0, true))
		second := h.claim(t, time.Minute, "first")
		if len(second) != 1 || second[0].Event.ID <= first[0].Event.ID {
			t.Fatalf("claimed %+v", second)
		}
		must0(t, h.Redrive(t.Context(), first[0].Event.ID, "first"))
		if got := h.claim(t, time.Minute, "first"); len(got) != 0 {
			t.Errorf("two of one subject are under way: %+v", got)
		}
		must0(t, h.NotDelivered(t.Context(), second[0], errors.New("not now"), 0, false))
		again := h.claim(t, time.Minute, "first")
		if len(again) != 1 || again[0].Event.ID != first[0].Event.ID || again[0].Tries != 1 {
			t.Errorf("claimed %+v", again)
		}
	})
}

// What the look before a claim could not know yet is seen after it.
func TestClaimIsGivenBackForWhatCameInItsWay(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		var ids []string
		for range 2 {
			e := h.event(OrderPaid, h.show.ID, "one", visitor(), "", OrderPayload{})
			must0(t, e.write(h.db))
			ids = append(ids, e.row.ID)
		}
		if got := must1(h.Store.claim(t.Context(), "first", ids[1:], time.Minute))(t); len(got) != 0 {
			t.Errorf("the second overtook: %+v", got)
		}
		if n := h.count(t, &deliveryRow{}, "listener = 'first' AND tries = 0 AND claim = ''"); n != 2 {
			t.Errorf("%d of 2 as they were", n)
		}
		if got := h.claim(t, time.Minute, "first"); len(got) != 1 || got[0].Event.ID != ids[0] {
			t.Errorf("claimed %+v", got)
		}
	})
}

func TestDueListenersAreThoseWhoseTimeHasCome(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		ask := func() []string { return must1(h.DueListeners(t.Context(), []string{"nobody", "first", "second"}))(t) }
		if due := ask(); len(due) != 0 {
			t.Errorf("due %v", due)
		}
		h.buy(t, "A-1-1")
		if due := ask(); !slices.Equal(due, []string{"first", "second"}) {
			t.Errorf("due %v", due)
		}
		h.claim(t, time.Minute, "first")
		if due := ask(); !slices.Equal(due, []string{"second"}) {
			t.Errorf("due %v", due)
		}
		if due := must1(h.DueListeners(t.Context(), nil))(t); due != nil {
			t.Errorf("due %v of none", due)
		}
	})
}

// An event whose row is lost is one of no known type, and does not stay open for good.
func TestLostEventIsDeliveredAsUnreadable(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.buy(t, "A-1-1")
		must0(t, h.db.Exec("DELETE FROM events WHERE show_id = ?", h.show.ID).Error)
		got := h.claim(t, time.Minute, "first")
		if len(got) != 1 || got[0].Event.ID == "" {
			t.Fatalf("claimed %+v", got)
		}
		wantError(t, got[0].Event.Readable(), ErrUnreadable)
		must0(t, h.NotDelivered(t.Context(), got[0], ErrUnreadable, 0, true))
		if n := h.count(t, &deliveryRow{}, "listener = 'first' AND state = 'dead'"); n != 1 {
			t.Error("not set aside")
		}
	})
}

func TestEventsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind, payload string
		readable      bool
	}{
		"as written before versions": {OrderPaid, `{"order":"o"}`, true},
		"of this version":            {OrderRefunded, `{"order":"o","version":1}`, true},
		"of a hold":                  {HoldExpired, `{"hold":"h"}`, true},
		"of the next version":        {OrderPaid, `{"order":"o","version":2}`, false},
		"of a version below":         {OrderPaid, `{"order":"o","version":-1}`, false},
		"a hold of the next version": {HoldReleased, `{"version":2}`, false},
		"of an unknown type":         {"order.eaten", `{"order":"o"}`, false},
		"broken":                     {OrderPaid, `{`, false},
		"of other types":             {OrderCancelled, `{"seats":7}`, false},
	} {
		err := Event{ID: "id", Type: test.kind, Payload: []byte(test.payload)}.Readable()
		if test.readable && err != nil || !test.readable && !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := Event{Type: HoldExpired, Payload: []byte(`{}`)}.OfOrder()
	wantError(t, err, ErrUnreadable)
}

// The events of an order are in order whatever gateway's clock is wrong.
func TestEventIDsFollowRedisTime(t *testing.T) {
	t.Parallel()
	h := realHall(t)
	behind := h.gateway(t)
	behind.clock.now = func() time.Time { return time.Now().Add(-time.Hour) }
	must1(h.RedisTime(t.Context()))(t)
	first := h.event(OrderPaid, h.show.ID, "one", "v", "", OrderPayload{})
	testenv.Wait(t, 5*time.Second, func() bool { return h.Now()/1000 > first.row.At/1000+20 }, "time stands still")
	must1(behind.RedisTime(t.Context()))(t)
	second := behind.event(OrderCancelled, h.show.ID, "one", "v", "", OrderPayload{})
	if second.row.ID <= first.row.ID {
		t.Errorf("the second event has the id %s, the first %s", second.row.ID, first.row.ID)
	}
}

// A type of event that this version writes is one that it can read.
func TestEveryTypeOfEventHasAPayload(t *testing.T) {
	t.Parallel()
	file := must1(parser.ParseFile(token.NewFileSet(), "outbox.go", nil, parser.ParseComments))(t)
	n := 0
	for _, d := range file.Decls {
		types, ok := d.(*ast.GenDecl)
		if !ok || types.Doc.Text() != "The types of events.\n" {
			continue
		}
		n += len(types.Specs)
	}
	if n == 0 || n != len(payloads) {
		t.Errorf("%d types of events, %d payloads", n, len(payloads))
	}
}
