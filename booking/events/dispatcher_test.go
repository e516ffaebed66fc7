package events

import (
	"context"
	"crypto/rand"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontrow/booking"
	"frontrow/internal/testenv"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// house is a show with a seat sold to each of its buyers, on either backend.
type house struct {
	t     *testing.T
	db    *gorm.DB
	rdb   *redis.Client
	store *booking.Store
	show  booking.Show

	url, dsn  string
	listeners []Listener
	running   []*Dispatcher
}

func eachHouse(t *testing.T, listeners []Listener, f func(t *testing.T, h *house)) {
	t.Helper()
	testenv.EachBackend(t, func(t *testing.T, url, dsn string) { f(t, openHouse(t, url, dsn, listeners, 2)) })
}

// openHouse is a show with so many seats, A-1-1 and on, whose events are for these listeners.
func openHouse(t *testing.T, url, dsn string, listeners []Listener, seats int) *house {
	t.Helper()
	h := &house{t: t, url: url, dsn: dsn, listeners: listeners}
	testenv.Migrated(t, dsn, booking.Open, booking.Migrate)
	h.store = h.gateway()
	row := booking.Row{Row: "1"}
	for i := range seats {
		row.Seats = append(row.Seats, booking.Seat{Number: strconv.Itoa(i + 1)})
	}
	spec := booking.Spec{
		Show: "show-" + strings.ToLower(rand.Text())[:12], Title: "A show", Phase: booking.PhaseOpen,
		Sections: []booking.Section{{Section: "A", Rows: []booking.Row{row}}},
	}
	h.show = check1(h.store.CreateShow(t.Context(), spec))(t)
	check0(t, h.store.LoadDoor(t.Context(), h.show.ID, false))
	return h
}

// gateway is a store on the same servers, with clients of its own.
func (h *house) gateway() *booking.Store {
	t := h.t
	t.Helper()
	db := check1(booking.Open(h.dsn))(t)
	pool := check1(db.DB())(t)
	rdb := redis.NewClient(check1(redis.ParseURL(h.url))(t))
	t.Cleanup(func() { _, _ = pool.Close(), rdb.Close() })
	h.db, h.rdb = db, rdb
	return booking.New(db, rdb, booking.Options{Subscribers: Subscribers(h.listeners)})
}

// buy sells the seat A-1-1 to the visitor, who was admitted with number 42.
func (h *house) buy(visitor string) { h.buySeat(visitor, "A-1-1") }

func (h *house) buySeat(visitor, seat string) {
	h.t.Helper()
	ctx := h.t.Context()
	now := check1(h.store.RedisTime(ctx))(h.t)
	hold := check1(h.store.Hold(ctx, booking.HoldRequest{
		Show: h.show, Visitor: visitor, Number: 42, Seats: []string{seat}, Latest: now + 60_000_000,
	}))(h.t)
	check1(h.store.PayFromWallet(ctx, booking.PayRequest{
		Visitor: visitor, HoldID: hold.ID, Key: "key", BodyHash: "hash", Number: 42, Now: now, Trace: "trace",
	}))(h.t)
}

// due makes everything that waits for its pause due at once.
func (h *house) due() {
	h.t.Helper()
	check0(h.t, h.db.Exec("UPDATE deliveries SET next_at = 0 WHERE state = 'due' AND claim = ''").Error)
	h.nudge()
}

func (h *house) stats() (open, dead int64) {
	h.t.Helper()
	for _, b := range check1(h.store.Backlogs(h.t.Context()))(h.t) {
		open, dead = open+b.Open, dead+b.Dead
	}
	return open, dead
}

func check0(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func check1[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check0(t, err)
		return v
	}
}

func TestEndAdmissionIsToldWhoseAndWhich(t *testing.T) {
	t.Parallel()
	type ended struct {
		show, visitor string
		number        int64
	}
	var got sync.Map
	end := EndAdmission(func(_ context.Context, show, visitor string, number int64) error {
		got.Store(ended{show, visitor, number}, true)
		return nil
	})
	eachHouse(t, []Listener{end}, func(t *testing.T, h *house) {
		d := New(h.store, []Listener{end}, nil)
		who := "buyer-" + t.Name()[len(t.Name())-5:]
		h.buy(who)
		if n := check1(d.RunOnce(t.Context()))(t); n != 1 {
			t.Errorf("%d deliveries", n)
		}
		if _, ok := got.Load(ended{h.show.ID, who, 42}); !ok {
			t.Error("the admission was not ended")
		}
		if n := check1(d.RunOnce(t.Context()))(t); n != 0 {
			t.Errorf("%d deliveries again", n)
		}
		if open, dead := h.stats(); open != 0 || dead != 0 {
			t.Errorf("%d open, %d dead", open, dead)
		}
	})
}

func TestEndAdmissionRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	end := EndAdmission(func(context.Context, string, string, int64) error { return nil })
	if end.Handle(t.Context(), booking.Event{Payload: []byte("{")}) == nil {
		t.Error("understood a broken payload")
	}
}

// A listener that fails, panics or hangs is tried again, and holds up nobody.
func TestFailedDeliveryIsTriedAgainAndThenGivenUp(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(ctx context.Context) error{
		"fails":  func(context.Context) error { return errors.New("no") },
		"panics": func(context.Context) error { panic("no") },
		"hangs":  func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listeners := func(tries, others *atomic.Int64) []Listener {
				return []Listener{
					{Name: "bad", Types: []string{booking.OrderPaid}, Timeout: 20 * time.Millisecond, Handle: func(ctx context.Context, _ booking.Event) error {
						tries.Add(1)
						return fail(ctx)
					}},
					{Name: "good", Types: []string{booking.OrderPaid}, Timeout: time.Second, Handle: func(context.Context, booking.Event) error {
						others.Add(1)
						return nil
					}},
				}
			}
			eachHouse(t, listeners(nil, nil), func(t *testing.T, h *house) {
				var tries, others atomic.Int64
				d := New(h.store, listeners(&tries, &others), nil)
				h.buy("buyer")
				for want := range int64(maxTries) {
					before := h.store.Now()
					check1(d.RunOnce(t.Context()))(t)
					if tries.Load() != want+1 {
						t.Fatalf("%d tries, want %d", tries.Load(), want+1)
					}
					var hasty int64
					check0(t, h.db.Raw("SELECT COUNT(*) FROM deliveries WHERE state = 'due' AND next_at < ?",
						before+firstPause.Microseconds()/2).Row().Scan(&hasty))
					if hasty != 0 {
						t.Fatal("to be tried again without a pause")
					}
					h.due()
				}
				if n := check1(d.RunOnce(t.Context()))(t); n != 0 {
					t.Error("tried again after it was given up")
				}
				if open, dead := h.stats(); open != 0 || dead != 1 {
					t.Errorf("%d open, %d dead", open, dead)
				}
				if others.Load() != 1 {
					t.Errorf("the other listener was told %d times", others.Load())
				}
			})
		})
	}
}

func TestRunDeliversWhenNudgedAndStopsWithNothingUnderWay(t *testing.T) {
	t.Parallel()
	named := Listener{Name: "slow", Types: []string{booking.OrderPaid}, Timeout: 10 * time.Second}
	eachHouse(t, []Listener{named}, func(t *testing.T, h *house) {
		began, proceed := make(chan struct{}), make(chan struct{})
		slow := named
		slow.Handle = func(ctx context.Context, _ booking.Event) error {
			close(began)
			select {
			case <-proceed:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		d := New(h.store, []Listener{slow}, nil)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		h.buy("buyer")
		d.Nudge()
		<-began
		stop()
		select {
		case err := <-done:
			t.Errorf("stopped while a listener was at work: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		close(proceed)
		check0(t, <-done)
		if open, dead := h.stats(); open != 0 || dead != 0 {
			t.Errorf("%d open, %d dead", open, dead)
		}
	})
}

// The seats of a sale whose gateway died right after it show as sold.
func TestMarkSeatsShowsSeatsThatTheDoorForgot(t *testing.T) {
	t.Parallel()
	named := []Listener{{Name: "mark-seats", Types: []string{booking.OrderPaid}}}
	eachHouse(t, named, func(t *testing.T, h *house) {
		h.buy("buyer")
		h.forgetSale()
		d := New(h.store, []Listener{MarkSeats(h.store)}, nil)
		if n := check1(d.RunOnce(t.Context()))(t); n != 1 {
			t.Errorf("%d deliveries", n)
		}
		if states := check1(h.rdb.Get(t.Context(), h.door(":states")).Result())(t); states != "sf" {
			t.Errorf("states %s", states)
		}
	})
}

func (h *house) door(part string) string { return "fr:{" + h.show.ID + "}:door" + part }

// forgetSale makes the door what it was before anything was sold.
func (h *house) forgetSale() {
	h.t.Helper()
	check0(h.t, h.rdb.Del(h.t.Context(), h.door(":leases"), h.door(":deadlines")).Err())
	check0(h.t, h.rdb.Set(h.t.Context(), h.door(":states"), "ff", 0).Err())
}

func TestSubscribersByType(t *testing.T) {
	t.Parallel()
	got := Subscribers([]Listener{{Name: "a", Types: []string{"x", "y"}}, {Name: "b", Types: []string{"y"}}})
	if want := map[string][]string{"x": {"a"}, "y": {"a", "b"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("subscribers %v", got)
	}
}

func TestPauseGrowsWithinBounds(t *testing.T) {
	t.Parallel()
	for n := 1; n < 100; n++ {
		p := pause(n)
		full := maxPause
		if n < 20 {
			full = min(maxPause, firstPause<<(n-1))
		}
		if p < full/2 || p > full {
			t.Errorf("pause %v after try %d", p, n)
		}
	}
}
