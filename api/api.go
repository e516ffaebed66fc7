// Package api is Frontrow's HTTP interface, as docs/openapi.yaml states it: it
// proves who asks, orders the calls of queue and sale within a request, and says
// what went wrong in one way. gin lives here and nowhere else.
package api

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"frontrow/booking"
	"frontrow/internal/customer"
	"frontrow/internal/gate"
	"frontrow/internal/invariant"
	"frontrow/queue"
)

// Options are what the interface needs.
type Options struct {
	Queue      *queue.Queue
	Store      *booking.Store
	Catalogue  *booking.Catalogue
	Keys       *queue.Keyring
	AdminToken string
	// PublicURL is where visitors reach the gateways; empty: as the request says.
	PublicURL string
	// TrustedProxies are the CIDRs whose X-Forwarded-* are believed.
	TrustedProxies []string
	// EmbedOrigins are those whose pages may show the widget; none: nobody's.
	EmbedOrigins []string
	// ShopOrigins are those whose pages may call what visitors call; none: nobody's but ours.
	ShopOrigins []string
	// DemoCharges lets visitors charge their own wallets.
	DemoCharges bool
	// DemoCards are the cards that the payment provider of this gateway makes believe
	// with; none where money is real.
	DemoCards []string
	// UnprovenPerAddress is how many requests a second an address may make that cost
	// something and prove no place; 0: no limit.
	UnprovenPerAddress int
	// WebhookSecret signs what the payment provider tells; empty: nothing is believed.
	WebhookSecret string
	// Gate decides about requests to shops; nil: there are none behind this gateway.
	Gate *gate.Gate
	// Shop says who its customers are; nil: nobody does.
	Shop *customer.Shop
	// SignInURL is where its customers sign in; empty: nobody knows.
	SignInURL string
	// SeparateOps leaves /healthz, /readyz and /metrics to Ops alone.
	SeparateOps bool
	// Ready asks the servers, by name, whether they answer.
	Ready map[string]func(context.Context) error
	// Verify checks the invariants on what is stored of a show, or of all ("").
	Verify   func(ctx context.Context, show string) ([]invariant.Violation, error)
	Registry *prometheus.Registry
	// Tracing makes spans of requests; nil: none are made.
	Tracing trace.TracerProvider
	Logger  *slog.Logger
	Now     func() time.Time
}

// API serves the interface.
type API struct {
	Options
	requests *durations
	boards   boards
	zips     zips
	draining atomic.Bool
	name     string       // of this gateway, since it started
	failed   atomic.Int64 // requests that it answered with a fault of ours

	strangers *unproven // nil: no limit
	pictures  *lru.Cache[string, booking.Picture]
	signIns   *unproven
}

// New makes the interface and registers its metrics.
func New(o Options) *API {
	pictures, err := lru.New[string, booking.Picture](picturesKept)
	if err != nil {
		panic(err) // its size is a constant
	}
	a := &API{Options: o, name: rand.Text(), strangers: newUnproven(o.UnprovenPerAddress), pictures: pictures, signIns: newBound(signInsPerSecond, signInBurst)}
	a.registerMetrics()
	return a
}

// Drain makes /readyz fail, so that nobody is sent here any more; what is asked all
// the same is answered.
func (a *API) Drain() { a.draining.Store(true) }
