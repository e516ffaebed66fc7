package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"gorm.io/gorm"

	"frontrow/booking"
	"frontrow/booking/card"
	"frontrow/booking/events"
	"frontrow/internal/fakepay"
	"frontrow/internal/testenv"
)

// vigil watches connections: it knows which of those to the database are inside of a
// transaction, and notes what is sent elsewhere meanwhile. It can only tell as long as
// one thing is done at a time.
type vigil struct {
	mu           sync.Mutex
	open         map[net.Conn]bool
	transactions int
	calls        map[string]int // by where, outside of transactions
	during       []string       // what was sent elsewhere inside of one
}

// dial is a dialer whose connections are watched; they go to where is said.
func (v *vigil) dial(where string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		return &watchedConn{Conn: conn, vigil: v, where: where}, nil
	}
}

type watchedConn struct {
	net.Conn
	vigil *vigil
	where string
}

func (c *watchedConn) Write(p []byte) (int, error) {
	c.vigil.sees(c, p)
	return c.Conn.Write(p)
}

// comQuery begins a statement in MySQL's protocol, behind the packet's length and number.
const comQuery = 3

func (v *vigil) sees(c *watchedConn, p []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if c.where != "mysql" {
		v.calls[c.where]++
		if len(v.open) > 0 {
			v.during = append(v.during, c.where+": "+string(p[:min(len(p), 200)]))
		}
		return
	}
	if len(p) < 5 || p[4] != comQuery {
		return
	}
	switch statement := string(p[5:]); {
	case strings.HasPrefix(statement, "START TRANSACTION"):
		v.open[c.Conn] = true
		v.transactions++
	case statement == "COMMIT", statement == "ROLLBACK":
		delete(v.open, c.Conn)
	}
}

func (v *vigil) broke(t *testing.T) bool {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, what := range v.during {
		t.Errorf("sent while a transaction was open: %q", what)
	}
	return len(v.during) > 0
}

// No transaction ever waits for the network: nothing goes to Redis, to the payment provider
// or to a listener's receiver while one is open.
func TestNoTransactionWaitsForTheNetwork(t *testing.T) {
	t.Parallel()
	w := watch(t)
	s, show := w.store, w.show
	buys := func(seat, method, card string) booking.Order {
		t.Helper()
		visitor := rand.Text()[:14]
		now := must1(s.RedisTime(t.Context()))(t)
		hold := must1(s.Hold(t.Context(), booking.HoldRequest{
			Show: show, Visitor: visitor, Number: 1, Seats: []string{seat}, Latest: now + time.Hour.Microseconds(),
		}))(t)
		request := booking.PayRequest{
			Visitor: visitor, HoldID: hold.ID, Key: "k", BodyHash: "b", Number: 1, Now: now, Latest: now + time.Hour.Microseconds(), Card: card,
		}
		if method == booking.MethodCard {
			return must1(s.PayByCard(t.Context(), request))(t)
		}
		must1(s.Charge(t.Context(), visitor, 1_000_000, "c", "test"))(t)
		return must1(s.PayFromWallet(t.Context(), request))(t)
	}
	orders := []booking.Order{buys("A-1-1", booking.MethodWallet, ""), buys("A-1-2", booking.MethodCard, "card_ok")}
	buys("A-1-3", booking.MethodCard, "card_declined")
	waits := buys("A-1-4", booking.MethodCard, "card_unheard")
	lost := buys("A-1-5", booking.MethodCard, "card_never")
	for _, o := range orders {
		must1(s.CancelOrderFor(t.Context(), o.ID, "test", "over"))(t)
	}
	reconciler := booking.NewReconciler(s)
	settles := func(order, state string) {
		testenv.Wait(t, time.Minute, func() bool {
			must1(reconciler.RunOnce(t.Context()))(t)
			return must1(s.OrderOf(t.Context(), order))(t).State == state
		}, "order %s does not become %s", order, state)
	}
	settles(orders[1].ID, "refunded")
	settles(waits.ID, "declined")
	settles(lost.ID, "cancelled")
	now := must1(s.RedisTime(t.Context()))(t)
	must1(s.ExpireHolds(t.Context(), now+time.Hour.Microseconds()))(t)
	w.delivers(t)

	if w.broke(t); w.transactions < 12 || w.calls["redis"] == 0 || w.calls["provider"] == 0 || w.calls["listener"] == 0 {
		t.Errorf("%d transactions, calls %v: that shows nothing", w.transactions, w.calls)
	}
	t.Logf("%d transactions, calls outside of them %v", w.transactions, w.calls)
}

// The vigil sees what it is there for.
func TestTheVigilSeesACallInsideOfATransaction(t *testing.T) {
	t.Parallel()
	w := watch(t)
	tx := w.db.Begin()
	must1(w.store.RedisTime(t.Context()))(t)
	tx.Rollback()
	if len(w.during) != 1 {
		t.Errorf("%d calls seen inside of a transaction, want 1", len(w.during))
	}
}

// watched is a sale on real servers whose every connection is watched; no loop runs.
type watched struct {
	*vigil
	db      *gorm.DB
	store   *booking.Store
	show    booking.Show
	deliver *events.Dispatcher
}

func watch(t *testing.T) *watched {
	t.Helper()
	b := realBackend(t)
	w := &watched{vigil: &vigil{open: map[net.Conn]bool{}, calls: map[string]int{}}}

	network := "watched-" + strings.ToLower(rand.Text())
	dial := w.dial("mysql")
	mysql.RegisterDialContext(network, func(ctx context.Context, address string) (net.Conn, error) { return dial(ctx, "", address) })
	db, err := booking.Open(strings.Replace(b.dsn, "@tcp(", "@"+network+"(", 1))
	must(t, err)
	t.Cleanup(func() { closeDatabase(db) })
	w.db = db

	options, err := redis.ParseURL(b.redis)
	must(t, err)
	options.Dialer = w.dial("redis")
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })

	pay, err := startProvider("127.0.0.1:0", fakepay.Options{})
	must(t, err)
	t.Cleanup(pay.Close)
	receiver := serveHTTP(t, func(http.ResponseWriter, *http.Request) {})
	outward := &http.Client{Transport: &http.Transport{DialContext: w.dial("listener")}}
	listeners := []events.Listener{{
		Name: "outward", Types: []string{booking.OrderPaid, booking.OrderDeclined, booking.OrderCancelled, booking.OrderRefunded}, Timeout: 5 * time.Second,
		Handle: func(ctx context.Context, e booking.Event) error {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, receiver, bytes.NewReader(e.Payload))
			if err != nil {
				return err
			}
			response, err := outward.Do(request)
			if err == nil {
				err = response.Body.Close()
			}
			return err
		},
	}}
	w.store = booking.New(db, client, booking.Options{
		Subscribers: events.Subscribers(listeners),
		Payments: booking.PaymentOptions{
			Provider: card.New(card.Options{
				URL: pay.URL(), Timeout: time.Second, Transport: &http.Transport{DialContext: w.dial("provider")},
			}),
			Answer: 3 * time.Second, Seats: 10 * time.Second,
		},
	})
	w.deliver = events.New(w.store, listeners, nil)
	w.show = must1(w.store.CreateShow(t.Context(), booking.Spec{
		Show: "watched-" + strings.ToLower(rand.Text())[:8], Title: "Watched", Phase: booking.PhaseOpen, Sections: []booking.Section{{
			Section: "A", Price: 50_000, Rows: []booking.Row{{Row: "1", Seats: []booking.Seat{
				{Number: "1"}, {Number: "2"}, {Number: "3"}, {Number: "4"}, {Number: "5"},
			}}},
		}},
	}))(t)
	must(t, w.store.LoadDoor(t.Context(), w.show.ID, false))
	return w
}

// delivers tells whoever listens, one delivery at a time.
func (w *watched) delivers(t *testing.T) {
	t.Helper()
	must(t, w.db.Exec("UPDATE deliveries SET next_at = next_at + ? WHERE state = 'due'", time.Hour.Microseconds()).Error)
	var ids []string
	must(t, w.db.Raw("SELECT event_id FROM deliveries WHERE state = 'due' ORDER BY event_id").Scan(&ids).Error)
	for _, id := range ids {
		must(t, w.db.Exec("UPDATE deliveries SET next_at = 0 WHERE event_id = ?", id).Error)
		if n := must1(w.deliver.RunOnce(t.Context()))(t); n != 1 {
			t.Errorf("%d deliveries at once, want 1", n)
		}
	}
}

func must1[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		must(t, err)
		return v
	}
}
