package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"frontrow/internal/gate"
	"frontrow/queue"
)

// openGate makes the gate before the shops that the routes name; nil: there are none.
func (g *gateway) openGate(keys *queue.Keyring, registry *prometheus.Registry) (*gate.Gate, error) {
	routes, err := g.config.routes()
	if routes == nil || err != nil {
		return nil, err
	}
	return gate.New(gate.Options{
		Routes: routes, Room: g.queue.Room, HasMoved: g.queue.HasMoved, IsBanned: g.catalogue.IsBanned, Keys: keys, PublicURL: strings.TrimSuffix(g.config.PublicURL, "/"),
		Phase: func(show string) (queue.Phase, bool) {
			s, ok := g.catalogue.Lookup(show)
			return queue.Phase(s.Phase), ok
		},
		Trusted: g.config.prefixes(), Registry: registry, Logger: g.log, Now: time.Now,
	}), nil
}

// proxy is the reverse proxy before shops, on an address of its own.
type proxy struct {
	*gate.Proxy
	server   *http.Server
	listener net.Listener
}

// listenAsProxy takes the address of the reverse proxy; nil: there is none. A body may take as
// long as it takes to send, since uploads do; a header may not.
func (g *gateway) listenAsProxy(before *gate.Gate) (*proxy, error) {
	if g.config.ProxyListen == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", g.config.ProxyListen)
	if err != nil {
		return nil, err
	}
	p := &proxy{Proxy: gate.NewProxy(before), listener: listener}
	p.server = newServer(p.Proxy)
	p.server.ReadTimeout = 0
	p.server.MaxHeaderBytes = 64 << 10 // shops have cookies of their own
	return p, nil
}

func (p *proxy) serve() error { return p.server.Serve(patientListener{p.listener}) }

// shutdown answers what is under way, as far as the time reaches. Web sockets are cut.
func (p *proxy) shutdown(ctx context.Context) error {
	err := p.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) { // an upload, or a stream
		err = p.server.Close()
	}
	return err
}

// Close gives address and connections back.
func (p *proxy) Close() {
	_ = p.listener.Close()
	p.Proxy.Close()
}

// URL is where the proxy listens.
func (p *proxy) URL() string { return "http://" + p.listener.Addr().String() }
