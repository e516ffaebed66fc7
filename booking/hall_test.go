package booking

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"frontrow/internal/testenv"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// hall is a show on sale on servers of either kind, and one gateway's store.
type hall struct {
	*Store
	show     Show
	url, dsn string
	nudges   atomic.Int64
}

// listeners are whom the events of every hall are for.
var listeners = map[string][]string{OrderPaid: {"first", "second"}, HoldExpired: {"first"}}

func eachHall(t *testing.T, f func(t *testing.T, h *hall)) {
	t.Helper()
	testenv.EachBackend(t, func(t *testing.T, url, dsn string) { f(t, openHall(t, url, dsn)) })
}

// realHall is a hall on Redis and MySQL alone.
func realHall(t *testing.T) *hall {
	t.Helper()
	return openHall(t, testenv.Redis(t), testenv.MySQL(t))
}

func openHall(t *testing.T, url, dsn string) *hall {
	t.Helper()
	h := &hall{url: url, dsn: dsn}
	testenv.Migrated(t, dsn, Open, Migrate)
	h.Store = h.gateway(t)
	h.show = must1(h.CreateShow(t.Context(), hallSpec()))(t)
	must0(t, h.LoadDoor(t.Context(), h.show.ID, false))
	return h
}

// gateway is another store on the same servers, with clients of its own.
func (h *hall) gateway(t *testing.T) *Store {
	t.Helper()
	db := openDB(t, h.dsn)
	options, err := redis.ParseURL(h.url)
	if err != nil {
		t.Fatal(err)
	}
	options.PoolSize = 64
	rdb := redis.NewClient(options)
	t.Cleanup(func() { _ = rdb.Close() })
	return New(db, rdb, Options{Subscribers: listeners, Nudge: func() { h.nudges.Add(1) }})
}

func openDB(t *testing.T, dsn string) *gorm.DB {
	t.Helper()
	db, err := Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pool, err := db.DB()
		if err == nil {
			_ = pool.Close()
		}
	})
	if db.Name() != sqliteName {
		db.Logger = portable{t}
	}
	return db
}

// hallSpec is a small open show with a random id: section A with 2 rows of 5 at
// 100, section B with a row of 10 at 50; 4 seats a visitor, holds of a minute.
func hallSpec() Spec {
	row := func(name string, n int) Row {
		r := Row{Row: name}
		for i := range n {
			r.Seats = append(r.Seats, Seat{Number: fmt.Sprint(i + 1), X: float64(i) * 1.5, Y: 3})
		}
		return r
	}
	return Spec{
		Show: "show-" + strings.ToLower(rand.Text())[:12], Title: "A show", Venue: "Hall", Phase: PhaseOpen,
		HoldSeconds: new(60), MaxSeats: new(4), MaxWaiting: new(1000),
		Sections: []Section{
			{Section: "A", Name: "Floor", Price: 100, Rows: []Row{row("1", 5), row("2", 5)}},
			{Section: "B", Name: "Balcony", Price: 50, Rows: []Row{row("1", 10)}},
		},
	}
}

func visitor() string { return rand.Text()[:14] }

// request asks for seats in the name of a new visitor, for as long as the show
// lets them be held.
func (h *hall) request(seats ...string) HoldRequest {
	return HoldRequest{Show: h.show, Visitor: visitor(), Number: 7, Seats: seats, Latest: latestTime, Trace: "trace-1"}
}

func (h *hall) hold(t *testing.T, r HoldRequest) Hold {
	t.Helper()
	return must1(h.Hold(t.Context(), r))(t)
}

// shortHold holds seats for a moment and waits until the hold is over.
func (h *hall) shortHold(t *testing.T, r HoldRequest) Hold {
	t.Helper()
	var hold Hold
	err := ErrTooLate
	for lasts := int64(60_000); errors.Is(err, ErrTooLate) && lasts < 5_000_000; lasts *= 2 { // on a busy machine the moment may pass
		r.Latest = h.redisNow(t) + lasts
		hold, err = h.Hold(t.Context(), r)
	}
	must0(t, err)
	testenv.Wait(t, 5*time.Second, func() bool { return h.redisNow(t) > hold.ExpiresAt }, "the hold's deadline does not come")
	return hold
}

func (h *hall) redisNow(t *testing.T) int64 {
	t.Helper()
	return must1(h.RedisTime(t.Context()))(t)
}

func (h *hall) charge(t *testing.T, visitor string, amount int64) {
	t.Helper()
	must1(h.Charge(t.Context(), visitor, amount, rand.Text(), "test"))(t)
}

func (h *hall) payment(t *testing.T, hold Hold) PayRequest {
	t.Helper()
	return PayRequest{
		Visitor: hold.Visitor, HoldID: hold.ID, Key: rand.Text(), BodyHash: "hash", Trace: "trace-2",
		Number: hold.Number, Now: h.redisNow(t),
	}
}

// buy holds and pays seats in the name of a new visitor.
func (h *hall) buy(t *testing.T, seats ...string) Order {
	t.Helper()
	hold := h.hold(t, h.request(seats...))
	h.charge(t, hold.Visitor, 1000)
	return must1(h.PayFromWallet(t.Context(), h.payment(t, hold)))(t)
}

// letters are the states of seats at the door, now.
func (h *hall) letters(t *testing.T, seats ...string) string {
	t.Helper()
	states := must1(h.lookAtDoor(t.Context(), h.show))(t)
	layout := must1(h.Layout(t.Context(), h.show))(t)
	var b strings.Builder
	for _, o := range layout.ordinalsOf(seats) {
		b.WriteByte(states.States[o])
	}
	return b.String()
}

// seat is a seat's row.
func (h *hall) seat(t *testing.T, seat string) (row seatRow) {
	t.Helper()
	must0(t, h.db.Where("show_id = ? AND seat = ?", h.show.ID, seat).Take(&row).Error)
	return row
}

func (h *hall) count(t *testing.T, model any, where string, args ...any) int64 {
	t.Helper()
	var n int64
	must0(t, h.db.Model(model).Where(where, args...).Count(&n).Error)
	return n
}

// intact fails the test if verify finds anything broken.
func (h *hall) intact(t *testing.T) {
	t.Helper()
	for _, v := range must1(h.Verify(t.Context(), h.show.ID))(t) {
		t.Error(v)
	}
}

func must0(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must1[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		must0(t, err)
		return v
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func wantType[E error](t *testing.T, err error) {
	t.Helper()
	_ = asError[E](t, err)
}

func asError[E error](t *testing.T, err error) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T), want a %T", err, err, e)
	}
	return e
}
