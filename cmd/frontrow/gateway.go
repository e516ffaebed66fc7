package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"

	"frontrow/api"
	"frontrow/booking"
	"frontrow/internal/telemetry"
	"frontrow/queue"
)

// gateway is the program as a value: a test boots the real thing on port 0.
type gateway struct {
	*parts
	config   gatewayConfig
	log      *slog.Logger
	embedded *embedded
	tracing  *telemetry.Tracing // nil: nothing is traced
	api      *api.API
	server   *http.Server
	ops      *http.Server
	proxy    *proxy // nil: none
	listener net.Listener
	opsAt    net.Listener
}

// newGateway opens the servers and takes the addresses; it serves nobody yet. Who
// gets one closes it.
func newGateway(ctx context.Context, config gatewayConfig, log *slog.Logger) (_ *gateway, err error) {
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("configuration:\n%w", err)
	}
	g := &gateway{config: config, log: log}
	defer func() {
		if err != nil {
			g.Close()
		}
	}()
	demo := g.config.embedded()
	if demo {
		if g.embedded, err = openEmbedded(ctx, &g.config); err != nil {
			return nil, err
		}
	}
	if g.config.DemoCharges != nil {
		demo = *g.config.DemoCharges
	}
	keys, err := queue.NewKeyring(g.config.Secret)
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := g.startTracing(ctx); err != nil {
		return nil, err
	}
	if err := g.connect(ctx, keys, registry); err != nil {
		return nil, err
	}
	before, err := g.openGate(keys, registry)
	if err != nil {
		return nil, err
	}
	shop, err := g.config.shop(log)
	if err != nil {
		return nil, err
	}
	g.api = api.New(api.Options{
		Queue: g.queue, Store: g.store, Catalogue: g.catalogue, Keys: keys, AdminToken: g.config.AdminToken,
		PublicURL: strings.TrimSuffix(g.config.PublicURL, "/"), TrustedProxies: g.config.TrustedProxies,
		EmbedOrigins: g.config.EmbedOrigins, ShopOrigins: g.config.ShopOrigins,
		DemoCharges: demo, DemoCards: g.embedded.cards(), UnprovenPerAddress: g.config.Unproven, WebhookSecret: g.config.WebhookSecret, Gate: before, Shop: shop, SignInURL: g.config.SignInURL, SeparateOps: g.config.OpsListen != "", Ready: g.ready(), Verify: g.verify,
		Registry: registry, Tracing: g.provider(), Logger: log, Now: time.Now,
	})
	registry.MustRegister(g.deliver)
	if err := g.listen(); err != nil {
		return nil, err
	}
	g.proxy, err = g.listenAsProxy(before)
	return g, err
}

func (g *gateway) connect(ctx context.Context, keys *queue.Keyring, registry *prometheus.Registry) error {
	redis.SetLogger(quiet{g.log})
	client, err := openRedis(g.config.RedisURL)
	if err != nil {
		return err
	}
	client.AddHook(telemetry.NewRedis(registry))
	g.parts = &parts{redis: client}
	if g.embedded == nil {
		if err := checkRedis(ctx, client); err != nil {
			return err
		}
	}
	db, err := openDatabase(ctx, g.config.MySQLDSN)
	if err != nil {
		return err
	}
	g.db = db
	if err := errors.Join(db.Use(telemetry.NewSQL(registry)), g.trace(client, db)); err != nil {
		return err
	}
	outward, err := g.config.listeners(cmp.Or(strings.TrimSuffix(g.config.PublicURL, "/"), "frontrow"), g.title)
	if err != nil {
		return err
	}
	g.parts = assemble(client, db, keys, g.config.payments(), outward, g.tracer(), g.log)
	return g.catalogue.RunOnce(ctx)
}

// title is what people call a show.
func (g *gateway) title(show string) string {
	if s, ok := g.catalogue.Lookup(show); ok {
		return s.Title
	}
	return show
}

func (g *gateway) listen() (err error) {
	handler, err := g.api.Handler()
	if err != nil {
		return err
	}
	if g.listener, err = net.Listen("tcp", g.config.Listen); err != nil {
		return err
	}
	g.server = newServer(handler)
	if g.config.OpsListen != "" {
		handler, err := g.api.Ops()
		if err != nil {
			return err
		}
		if g.opsAt, err = net.Listen("tcp", g.config.OpsListen); err != nil {
			return err
		}
		g.ops = newServer(handler)
	}
	if g.embedded != nil {
		return g.embedded.keep(addressFile, g.URL())
	}
	return nil
}

// newServer bounds how long a slow client may hold a connection; patientListener does so
// for what it is sent.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 20 * time.Second, // as ReadTimeout: net/http then sets one deadline less a request
		ReadTimeout:       20 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}

// URL is where the gateway listens.
func (g *gateway) URL() string { return "http://" + g.listener.Addr().String() }

// stopFor is how long requests under way may take once a stopping gateway has stopped
// listening, which it does after FRONTROW_DRAIN.
const stopFor = 10 * time.Second

// Run serves until ctx ends, and stops what it started in the reverse order:
// readiness fails first, requests under way are answered, then the loops end.
func (g *gateway) Run(ctx context.Context) error {
	loops, stopLoops := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	for _, loop := range []func(context.Context) error{
		g.catalogue.Run,
		booking.NewKeeper(g.store, g.catalogue).Run,
		g.deliver.Run,
		booking.NewReconciler(g.store).Run,
		func(ctx context.Context) error { return g.queue.Run(ctx, g.shows(g.log)) },
	} {
		running.Go(func() { _ = loop(loops) }) // they end with their context
	}
	failed := make(chan error, 3)
	go func() { failed <- g.server.Serve(patientListener{g.listener}) }()
	if g.ops != nil {
		go func() { failed <- g.ops.Serve(patientListener{g.opsAt}) }()
	}
	if g.proxy != nil {
		go func() { failed <- g.proxy.serve() }()
	}
	g.log.Info("serving", "url", g.URL(), "embedded", g.embedded != nil)

	var err error
	select {
	case <-ctx.Done():
		g.log.Info("stopping")
		g.api.Drain()
		time.Sleep(g.config.Drain)
	case err = <-failed:
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopFor)
	defer cancel()
	if g.proxy != nil {
		err = errors.Join(err, g.proxy.shutdown(last))
	}
	err = errors.Join(err, g.server.Shutdown(last))
	stopLoops()
	running.Wait()
	if g.ops != nil {
		err = errors.Join(err, g.ops.Shutdown(last))
	}
	g.log.Info("stopped")
	return err
}

// Close gives servers and addresses back. It may be called before Run, or after.
func (g *gateway) Close() {
	for _, l := range []net.Listener{g.listener, g.opsAt} {
		if l != nil {
			_ = l.Close()
		}
	}
	if g.proxy != nil {
		g.proxy.Close()
	}
	g.stopTracing()
	if g.parts != nil && g.redis != nil {
		_ = g.redis.Close()
	}
	if g.parts != nil && g.db != nil {
		closeDatabase(g.db)
	}
	if g.embedded != nil {
		g.embedded.Close()
	}
}

// quiet hands what go-redis has to say to the log, for those who look for it.
type quiet struct{ log *slog.Logger }

// Printf implements go-redis's logging interface.
func (q quiet) Printf(ctx context.Context, format string, args ...any) {
	q.log.DebugContext(ctx, "redis client", "says", fmt.Sprintf(format, args...))
}
