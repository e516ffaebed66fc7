package main

import (
	"net/http"
	"strings"
	"testing"
)

// asks is what each kind of proxy asks about a request for a page of the shop.
func asks(kind, cookie string) call {
	c := call{method: "GET", header: map[string]string{"Accept": "text/html", "Cookie": cookie}}
	switch kind {
	case "nginx":
		c.path = "/v1/gate?deny=401"
		c.header["X-Original-Url"], c.header["X-Original-Method"] = shopURL+"/tickets?row=1", "GET"
	case "traefik", "caddy":
		c.path = "/v1/gate"
		c.header["X-Forwarded-Host"], c.header["X-Forwarded-Proto"] = "shop.test", "http"
		c.header["X-Forwarded-Uri"], c.header["X-Forwarded-Method"] = "/tickets?row=1", "GET"
	}
	return c
}

func TestProxiesAskTheGate(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		s := b.shop(t, nil)
		for _, kind := range []string{"nginx", "traefik"} {
			a := s.do(asks(kind, "")).want(http.StatusNoContent)
			if a.header.Get("X-Frontrow-Visitor") == "" || a.header.Get("X-Frontrow-Show") != s.show || a.header.Get("X-Frontrow-Pass") == "" || len(a.set) != 1 {
				t.Errorf("%s is told %v", kind, a.header)
			}
			again := s.do(asks(kind, a.set[0].Name+"="+a.set[0].Value)).want(http.StatusNoContent)
			if again.header.Get("X-Frontrow-Visitor") != a.header.Get("X-Frontrow-Visitor") || len(again.set) != 0 {
				t.Errorf("%s is told %v the second time", kind, again.header)
			}
		}
		s.shut()
		room := queueURL + "/shows/" + s.show + "?return=http%3A%2F%2Fshop.test%2Ftickets%3Frow%3D1"
		if a := s.do(asks("nginx", "")).problem(http.StatusUnauthorized, "waiting"); a.header.Get("Location") != room {
			t.Errorf("nginx sends to %s", a.header.Get("Location"))
		}
		// Redirects are not followed where the answer is looked at.
		v := s.agent()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, queueURL+"/v1/gate", nil)
		must(t, err)
		for name, value := range asks("caddy", "").header {
			request.Header.Set(name, value)
		}
		if a := v.send(request).wants(t, http.StatusSeeOther); a.Header.Get("Location") != room {
			t.Errorf("Caddy sends to %s", a.Header.Get("Location"))
		}
		program := asks("nginx", "")
		program.header["Accept"] = "*/*"
		if a := s.do(program).problem(http.StatusUnauthorized, "waiting"); a.header.Get("Location") != "" || a.header.Get("Retry-After") == "" {
			t.Errorf("a program behind nginx is told %v", a.header)
		}

		// Envoy sends the request as it was, behind a prefix.
		for _, test := range []struct {
			method, uri string
			status      int
		}{
			{"GET", "/tickets?deny=401", http.StatusSeeOther}, {"POST", "/tickets", http.StatusServiceUnavailable},
			{"DELETE", "/open/x", http.StatusNoContent}, {"GET", "/assets/a.js", http.StatusNoContent}, {"GET", "/", http.StatusSeeOther},
		} {
			request, err := http.NewRequestWithContext(t.Context(), test.method, queueURL+"/v1/gate"+test.uri, nil)
			must(t, err)
			request.Host = "shop.test"
			request.Header.Set("Accept", "text/html")
			request.Header.Set("X-Forwarded-Proto", "http")
			v.send(request).wants(t, test.status)
		}
	})
}

// Nobody chooses which headers are believed, or is believed who is no proxy of ours.
func TestSpoofedQuestions(t *testing.T) {
	t.Parallel()
	s := backend{}.shop(t, nil)
	s.shut()
	spoof := func(c call, change func(h map[string]string)) call { change(c.header); c.bad = true; return c }
	s.do(spoof(asks("nginx", ""), func(h map[string]string) {
		h["X-Forwarded-Host"], h["X-Forwarded-Proto"], h["X-Forwarded-Uri"], h["X-Forwarded-Method"] = "shop.test", "http", "/assets/x", "GET"
	})).problem(http.StatusUnauthorized, "waiting")
	program := spoof(asks("traefik", ""), func(h map[string]string) {
		h["X-Original-Url"], h["X-Original-Method"], h["Accept"] = shopURL+"/assets/x", "GET", "*/*"
	})
	s.do(program).problem(http.StatusServiceUnavailable, "waiting")
	for what, change := range map[string]func(h map[string]string){
		"no method": func(h map[string]string) { delete(h, "X-Forwarded-Method") },
		"no host":   func(h map[string]string) { delete(h, "X-Forwarded-Host") },
		"no scheme": func(h map[string]string) { delete(h, "X-Forwarded-Proto") },
		"a scheme":  func(h map[string]string) { h["X-Forwarded-Proto"] = "gopher" },
		"no path":   func(h map[string]string) { delete(h, "X-Forwarded-Uri") },
		"climbing":  func(h map[string]string) { h["X-Forwarded-Uri"] = "/assets/../tickets" },
	} {
		if a := s.do(spoof(asks("traefik", ""), change)); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	s.do(spoof(asks("traefik", ""), func(h map[string]string) { h["X-Forwarded-Host"] = "evil.test" })).problem(http.StatusMisdirectedRequest, "no_route")
	s.do(call{method: "GET", path: "/v1/gate?deny=403", bad: true}).problem(http.StatusUnprocessableEntity, "invalid")

	distrustful := backend{}.serve(t, func(c *gatewayConfig) {
		*c = s.config
		c.DataDir, c.RedisURL, c.MySQLDSN, c.TrustedProxies = t.TempDir(), "", "", nil
	})
	distrustful.do(asks("traefik", "")).problem(http.StatusForbidden, "proxy_not_trusted")
	distrustful.do(asks("nginx", "")).problem(http.StatusForbidden, "proxy_not_trusted")
	alone := backend{}.serve(t)
	alone.do(asks("traefik", "")).problem(http.StatusNotFound, "not_found")
	alone.do(call{method: "GET", path: "/v1/shows/no-such/return?to=x"}).problem(http.StatusNotFound, "show_not_found")
}

// What is wrong with routes is said with all else, before anything starts.
func TestRoutesInTheConfiguration(t *testing.T) {
	t.Parallel()
	config := gatewayConfig{Listen: "127.0.0.1:0", LogLevel: "info", cardConfig: testCards}
	config.DataDir = t.TempDir()
	withRoutes(t, map[string]any{"show": "Demo"}, map[string]any{"path": "/a", "redis_away": "never"})(&config)
	config.PublicURL = ""
	err := config.check()
	for _, want := range []string{"FRONTROW_ROUTES needs FRONTROW_PUBLIC_URL", "route 1: show must match", "route 2: redis_away"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	withRoutes(t, map[string]any{"show": "demo"})(&config)
	if err := config.check(); err == nil || !strings.Contains(err.Error(), "the route / has no upstream") {
		t.Errorf("%v", err)
	}
	config.ProxyListen = ""
	must(t, config.check())
	config.Routes, config.ProxyListen = "", "127.0.0.1:0"
	if err := config.check(); err == nil || !strings.Contains(err.Error(), "FRONTROW_PROXY_LISTEN needs FRONTROW_ROUTES") {
		t.Errorf("%v", err)
	}
	config.Routes = "/no/such/file"
	if err := config.check(); err == nil || !strings.Contains(err.Error(), "FRONTROW_ROUTES: /no/such/file") {
		t.Errorf("%v", err)
	}
}
