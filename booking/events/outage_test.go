package events

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontrow/booking"
	"frontrow/internal/receiver"
	"frontrow/internal/testenv"
)

const testSecret = "a-secret-of-the-tests"

// told counts by event how often a listener was told of it.
type told struct {
	mu    sync.Mutex
	times map[string]int
}

func (c *told) handle(_ context.Context, e booking.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times == nil {
		c.times = map[string]int{}
	}
	c.times[e.ID]++
	return nil
}

func (c *told) events() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.times)
}

// runs has so many gateways deliver until the test ends.
func (h *house) runs(gateways int, listeners []Listener) {
	h.t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(h.t.Context()))
	var running sync.WaitGroup
	for range gateways {
		d := New(h.gateway(), listeners, nil)
		h.running = append(h.running, d)
		running.Go(func() { _ = d.Run(ctx) })
	}
	h.t.Cleanup(func() { stop(); running.Wait() })
}

// nudge spares those that run the wait for their next look.
func (h *house) nudge() {
	for _, d := range h.running {
		d.Nudge()
	}
}

// A listener that panics, one that hangs, and one whose service fails for an hour,
// while sales go on: the others are told at once; when they are well again nothing is
// lost, and nobody was told twice.
func TestSickListenersAreInNobodysWay(t *testing.T) {
	t.Parallel()
	service := receiver.New(testSecret, 1000)
	server := httptest.NewServer(service.Handler())
	t.Cleanup(server.Close)
	var well atomic.Bool
	var panics, hangs, fine told
	notify := check1(Notify(NotifyOptions{URL: server.URL + "/notify", Secret: testSecret, Locale: "en", Title: func(string) string { return "A show" }}))(t)
	paid := []string{booking.OrderPaid}
	listeners := []Listener{
		notify,
		Export(server.URL+"/export", "test"),
		{Name: "panics", Types: paid, Timeout: time.Second, Handle: func(ctx context.Context, e booking.Event) error {
			if !well.Load() {
				panic("sick")
			}
			return panics.handle(ctx, e)
		}},
		{Name: "hangs", Types: paid, Timeout: 2 * time.Second, Handle: func(ctx context.Context, e booking.Event) error {
			if !well.Load() {
				<-ctx.Done()
				return ctx.Err()
			}
			return hangs.handle(ctx, e)
		}},
		{Name: "fine", Types: paid, Timeout: time.Second, Handle: fine.handle},
	}
	h := openHouse(t, testenv.Redis(t), testenv.MySQL(t), listeners, 40)
	service.Behave(receiver.Behaviour{Fail: 1})
	h.runs(2, listeners)

	const sales = 40
	for i := range sales {
		h.buySeat(fmt.Sprint("buyer-", i), fmt.Sprint("A-1-", i+1))
	}
	testenv.Wait(t, 10*time.Second, func() bool { return fine.events() == sales }, "the sick are in the way of who is well")

	const hour = 20 // tries: four minutes apart at last
	testenv.Wait(t, 60*time.Second, func() bool {
		check0(t, h.db.Exec("UPDATE deliveries SET next_at = 0 WHERE state = 'due' AND claim = '' AND tries < ?", hour).Error)
		h.nudge()
		var least int
		check0(t, h.db.Raw("SELECT MIN(tries) FROM deliveries WHERE listener IN ('notify', 'export', 'panics')").Row().Scan(&least))
		return least >= hour
	}, "what failed is not tried again")
	if got := service.Received(""); len(got) != 0 {
		t.Fatalf("took %d while it failed", len(got))
	}

	service.Behave(receiver.Behaviour{})
	well.Store(true)
	testenv.Wait(t, 30*time.Second, func() bool {
		h.due()
		open, dead := h.stats()
		if dead != 0 {
			t.Fatalf("%d were given up", dead)
		}
		return open == 0
	}, "something is not delivered")
	for name, got := range map[string]map[string]int{
		"notify": timesOf(service.Received("notify")), "export": timesOf(service.Received("export")),
		"panics": panics.times, "hangs": hangs.times, "fine": fine.times,
	} {
		if len(got) != sales {
			t.Errorf("%s was told of %d of %d", name, len(got), sales)
		}
		for id, n := range got {
			if n != 1 {
				t.Errorf("%s was told %d times of %s", name, n, id)
			}
		}
	}
	for _, v := range check1(h.store.Verify(t.Context(), h.show.ID))(t) {
		t.Error(v)
	}
}

func timesOf(items []receiver.Item) map[string]int {
	times := map[string]int{}
	for _, item := range items {
		times[item.ID] = item.Times
	}
	return times
}

// Whatever many gateways and however often listeners fail: of each order a listener is
// told in order, one event after the other, of each until it has worked, and then no more.
func TestRaceOfDispatchersKeepsOrderAndLosesNothing(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	worked := map[string][]string{} // by listener and subject
	busy := map[string]bool{}
	var listeners []Listener
	for _, name := range []string{"one", "two"} {
		act := func(e booking.Event) error {
			key := name + " " + e.Subject
			mu.Lock()
			if busy[key] {
				t.Errorf("two events of %s are under way", key)
			}
			busy[key] = true
			mu.Unlock()
			time.Sleep(rand.N(2 * time.Millisecond)) // so that calls overlap
			mu.Lock()
			defer mu.Unlock()
			busy[key] = false
			if rand.IntN(4) == 0 {
				return errors.New("bad luck")
			}
			worked[key] = append(worked[key], e.ID)
			return nil
		}
		l := Listener{Name: name, Types: []string{booking.OrderPaid}, Timeout: 5 * time.Second, Handle: func(_ context.Context, e booking.Event) error { return act(e) }}
		if name == "two" {
			l.Batch, l.Workers = 5, 2
			l.HandleBatch = func(_ context.Context, events []booking.Event) []error {
				errs := make([]error, len(events))
				for i, e := range events {
					errs[i] = act(e)
				}
				return errs
			}
		}
		listeners = append(listeners, l)
	}
	h := openHouse(t, testenv.Redis(t), testenv.MySQL(t), listeners, 1)
	const subjects, each = 25, 5
	want := map[string][]string{}
	for n := range each {
		for s := range subjects {
			subject, id := fmt.Sprint("order-", s), fmt.Sprintf("%013d%013d", n, s)
			check0(t, h.db.Exec(`INSERT INTO events (id, type, show_id, subject, visitor, trace, payload, listeners, at)
				VALUES (?, ?, ?, ?, 'v', '', '{}', '["one","two"]', ?)`, id, booking.OrderPaid, h.show.ID, subject, h.store.Now()).Error)
			for _, l := range listeners {
				check0(t, h.db.Exec(`INSERT INTO deliveries (event_id, listener, subject, state, tries, next_at, claim, last_error)
					VALUES (?, ?, ?, 'due', 0, 0, '', '')`, id, l.Name, subject).Error)
				want[l.Name+" "+subject] = append(want[l.Name+" "+subject], id)
			}
		}
	}
	h.runs(4, listeners)
	testenv.Wait(t, 60*time.Second, func() bool {
		h.due()
		open, dead := h.stats()
		if dead != 0 {
			t.Fatalf("%d were given up", dead)
		}
		return open == 0
	}, "something is not delivered")
	mu.Lock()
	defer mu.Unlock()
	for key, ids := range want {
		if !slices.Equal(worked[key], ids) {
			t.Errorf("%s was told [%s], want [%s]", key, strings.Join(worked[key], " "), strings.Join(ids, " "))
		}
	}
}

// What cannot get better is set aside at the first try; what says when to come back is
// left alone until then.
func TestPermanentErrorsAndPausesThatWereAskedFor(t *testing.T) {
	t.Parallel()
	paid := []string{booking.OrderPaid}
	listeners := []Listener{
		{Name: "never", Types: paid, Timeout: time.Second, Handle: func(context.Context, booking.Event) error {
			return fmt.Errorf("wrapped: %w", Permanent(errors.New("no")))
		}},
		{Name: "later", Types: paid, Timeout: time.Second, Handle: func(context.Context, booking.Event) error {
			return After(errors.New("no"), 30*time.Minute)
		}},
	}
	eachHouse(t, listeners, func(t *testing.T, h *house) {
		h.buy("buyer")
		before := h.store.Now()
		check1(New(h.store, listeners, nil).RunOnce(t.Context()))(t)
		var next int64
		var never, later string
		check0(t, h.db.Raw("SELECT next_at, state FROM deliveries WHERE listener = 'later'").Row().Scan(&next, &later))
		check0(t, h.db.Raw("SELECT state FROM deliveries WHERE listener = 'never'").Row().Scan(&never))
		if never != "dead" || later != "due" || next < before+(30*time.Minute).Microseconds() {
			t.Errorf("never %s, later %s in %d µs", never, later, next-before)
		}
	})
	if Permanent(nil) != nil || After(nil, time.Hour) != nil {
		t.Error("made an error of none")
	}
	if asked(After(errors.New("no"), 48*time.Hour)) != longestAfter {
		t.Error("waits for longer than an hour")
	}
}

// An event that this version cannot read is set aside without asking the listener.
func TestUnreadableEventsAreSetAsideAtOnce(t *testing.T) {
	t.Parallel()
	var fine told
	listeners := []Listener{{Name: "fine", Types: []string{booking.OrderPaid}, Timeout: time.Second, Handle: fine.handle}}
	h := openHouse(t, testenv.Redis(t), testenv.MySQL(t), listeners, 3)
	for i, change := range []string{"type = 'order.eaten'", `payload = '{"version":2}'`, "payload = '{'"} {
		h.buySeat(fmt.Sprint("buyer-", i), fmt.Sprint("A-1-", i+1))
		check0(t, h.db.Exec("UPDATE events SET "+change+" WHERE visitor = ?", fmt.Sprint("buyer-", i)).Error)
	}
	check1(New(h.store, listeners, nil).RunOnce(t.Context()))(t)
	if open, dead := h.stats(); open != 0 || dead != 3 || fine.events() != 0 {
		t.Errorf("%d open, %d dead, %d told", open, dead, fine.events())
	}
}

// A listener of batches that answers for another number of events has answered for none.
func TestBatchIsMarkedOneByOne(t *testing.T) {
	t.Parallel()
	short := false
	many := Listener{Name: "many", Types: []string{booking.OrderPaid}, Timeout: time.Second, Batch: 10, HandleBatch: func(_ context.Context, events []booking.Event) []error {
		if short {
			return nil
		}
		errs := make([]error, len(events))
		errs[0] = errors.New("not this one")
		return errs
	}}
	h := openHouse(t, testenv.Redis(t), testenv.MySQL(t), []Listener{many}, 4)
	for i := range 4 {
		h.buySeat(fmt.Sprint("buyer-", i), fmt.Sprint("A-1-", i+1))
	}
	d := New(h.store, []Listener{many}, nil)
	if n := check1(d.RunOnce(t.Context()))(t); n != 4 {
		t.Errorf("claimed %d", n)
	}
	if open, _ := h.stats(); open != 1 {
		t.Errorf("%d open, want the one that failed", open)
	}
	short = true
	h.due()
	check1(d.RunOnce(t.Context()))(t)
	if open, _ := h.stats(); open != 1 {
		t.Errorf("%d open: an answer for nothing counted", open)
	}
}
