// Package booking sells the seats: shows and their layouts, the door that every
// attempt on a seat passes, holds, wallets, orders, and the events that sales
// leave behind. MySQL is the truth; Redis guards the way to it. The package
// knows nothing of queues or of HTTP.
//
// All times are microseconds since 1970 (UTC), on the clock of Redis wherever
// deadlines are compared.
package booking

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"gorm.io/gorm"
)

// Currency is what wallets hold and, as long as wallets are the only way to
// pay, what every show is priced in.
const Currency = "KRW"

// Options are what a Store needs from the program around it.
type Options struct {
	// Logger gets what cannot be told to a caller. Default: discarded.
	Logger *slog.Logger
	// Subscribers names, by event type, the listeners that every event is
	// delivered to; see events.Subscribers.
	Subscribers map[string][]string
	// Nudge is called after a commit that wrote deliveries. May be nil.
	Nudge func()
	// Payments say how cards are paid with; the zero value takes none.
	Payments PaymentOptions
	// Tracer makes the spans of what the sale does. Default: none are made.
	Tracer trace.Tracer
	// Now is the local clock. Default: time.Now.
	Now func() time.Time
}

// Store is the sale of all shows on one database and one Redis. It is safe for
// concurrent use, and any number of them work on the same servers.
type Store struct {
	db          *gorm.DB
	rdb         redis.UniversalClient
	log         *slog.Logger
	subscribers map[string][]string
	nudge       func()
	tracer      trace.Tracer
	clock       *clock
	writer      chan struct{}
	layouts     layouts
	doors       doors

	payments       PaymentOptions
	paymentsNudged chan struct{}
	afterwards     chan struct{} // see behindTheSale
}

// New makes a Store on an open database (see Open) and a Redis client. It
// starts nothing and asks neither of them anything.
func New(db *gorm.DB, rdb redis.UniversalClient, o Options) *Store {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Nudge == nil {
		o.Nudge = func() {}
	}
	if o.Tracer == nil {
		o.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{
		db: db, rdb: rdb, log: o.Logger, subscribers: o.Subscribers, nudge: o.Nudge, tracer: o.Tracer,
		clock: &clock{now: o.Now}, payments: o.Payments.withDefaults(), paymentsNudged: make(chan struct{}, 1),
		afterwards: make(chan struct{}, mostAfterwards),
	}
	if db.Name() == sqliteName {
		s.writer = make(chan struct{}, 1)
	}
	return s
}

// Tracer makes the spans of those who act on the sale's events.
func (s *Store) Tracer() trace.Tracer { return s.tracer }

// Ping asks the database whether it answers. It returns ErrUnavailable if not.
func (s *Store) Ping(ctx context.Context) error {
	db, err := s.db.DB()
	if err != nil {
		return failed("ping", err)
	}
	return failed("ping", db.PingContext(ctx))
}

// Now is the time in µs on Redis's clock, as last heard from it and carried
// forward by the local one; the local time until Redis was heard. It costs
// nothing, and is good for what a second more or less does not matter to.
func (s *Store) Now() int64 { return s.clock.micros() }

// RedisTime asks Redis for its time in µs. It returns ErrUnavailable if Redis
// does not answer.
func (s *Store) RedisTime(ctx context.Context) (int64, error) {
	t, err := s.rdb.Time(ctx).Result()
	if err != nil {
		return 0, failed("redis time", err)
	}
	s.clock.heard(t.UnixMicro())
	return t.UnixMicro(), nil
}
