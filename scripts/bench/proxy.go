package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"frontrow/internal/hall"
)

// How the reverse proxy is measured: rounds in turns with nginx, and how large a page is.
const (
	proxyRounds = 7
	proxyShow   = "shop"
	pageBytes   = 4000 // the most that nginx takes in one word is little more
)

// measureProxy shows what Frontrow's reverse proxy costs somebody who is inside, against
// nginx as nothing but a proxy, before the same shop: another nginx, with a page of 4 KB.
func measureProxy(ctx context.Context, o options) error {
	shop, err := freeAddress()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "frontrow-proxy-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	behind, err := startPlainNginx(dir, "shop", shop, "location / { default_type text/html; return 200 \""+strings.Repeat("x", pageBytes)+"\"; }")
	if err != nil {
		return err
	}
	defer behind.stop()
	plain, err := freeAddress()
	if err != nil {
		return err
	}
	nginx, err := startPlainNginx(dir, "plain", plain,
		"location / { proxy_pass http://shop; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr; }",
		"upstream shop { server "+shop+"; keepalive 64; }")
	if err != nil {
		return err
	}
	defer nginx.stop()
	routes, ours := filepath.Join(dir, "routes.yaml"), ""
	if ours, err = freeAddress(); err != nil {
		return err
	}
	if err := os.WriteFile(routes, []byte("routes: [{host: bench, show: "+proxyShow+", upstream: \"http://"+shop+"\"}]\n"), 0o600); err != nil {
		return err
	}
	s, err := startServers(ctx, o.binary, nil,
		"FRONTROW_ROUTES="+routes, "FRONTROW_PROXY_LISTEN="+ours, "FRONTROW_PUBLIC_URL=http://queue.bench")
	defer s.stop()
	if err != nil {
		return err
	}
	return s.compareProxies(ctx, plain, ours)
}

// compareProxies asks both in turns, as people who are inside, and prints the table.
func (s *servers) compareProxies(ctx context.Context, plain, ours string) error {
	seats, err := hall.Arena(500)
	if err != nil {
		return err
	}
	if err := s.gateways[0].makeShow(proxyShow, seats); err != nil {
		return err
	}
	if err := s.gateways[0].changeRules(proxyShow, map[string]any{"admit": 1000}); err != nil {
		return err
	}
	pages := make([][]byte, connections)
	for i := range pages {
		err := s.gateways[0].process.within(30*time.Second, func() (err error) { pages[i], err = inside(ours); return err })
		if err != nil {
			return err
		}
	}
	next := func(client, _ int) []byte { return pages[client] }
	loads := []load{{address: plain, next: next}, {address: ours, next: next}}
	rates := make([][]float64, len(loads))
	for round := range proxyRounds {
		for turn := range loads {
			i := (round + turn) % len(loads)
			o, err := loads[i].forTime(2 * time.Second)
			if err != nil {
				return err
			}
			rates[i] = append(rates[i], o.perSecond)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	asked := make(chan error, 1)
	var busy outcome
	go func() {
		var err error
		busy, err = loads[1].forTime(countFor + time.Second)
		asked <- err
	}()
	perSecond, err := s.countCommands()
	if err := errors.Join(err, <-asked); err != nil {
		return err
	}
	t := table{Form: "proxy"}
	if t.Machine, err = s.describe(ctx); err != nil {
		return err
	}
	t.ratio("reverse proxy ÷ nginx as a proxy, inside", rates[1], rates[0], atLeast(0.7))
	t.add("Redis commands a proxied request", "", []float64{perSecond / busy.perSecond}, atMost(0.1)).Note = "the gateway's loops among them"
	t.add("nginx as a proxy", "/s", rates[0], nil)
	t.add("reverse proxy", "/s", rates[1], nil)
	t.print(os.Stdout)
	if t.missed() {
		return errMissed
	}
	return nil
}

// inside has a newcomer let in, and returns the request for a page with the cookie that proves it.
func inside(proxy string) ([]byte, error) {
	ask, err := http.NewRequest(http.MethodGet, "http://"+proxy+"/page", nil)
	if err != nil {
		return nil, err
	}
	ask.Host = "bench"
	answer, err := operator.Do(ask)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || len(answer.Cookies()) != 1 {
		return nil, fmt.Errorf("a newcomer is answered %s, with %d cookies", answer.Status, len(answer.Cookies()))
	}
	cookie := answer.Cookies()[0]
	return []byte("GET /page HTTP/1.1\r\nHost: bench\r\nCookie: " + cookie.Name + "=" + cookie.Value + "\r\n\r\n"), nil
}

// startPlainNginx starts an nginx that has one location; more stands beside its server.
func startPlainNginx(dir, name, address, location string, more ...string) (*process, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return nil, errors.New("no nginx to measure with (scripts/setup.sh cache installs one)")
	}
	at := filepath.Join(dir, name)
	if err := os.Mkdir(at, 0o755); err != nil {
		return nil, err
	}
	text := "daemon off; worker_processes auto; pid " + at + "/pid; error_log stderr;\nevents { worker_connections 4096; }\nhttp {\naccess_log off; keepalive_requests 1000000;\n" +
		"client_body_temp_path " + at + "/b; proxy_temp_path " + at + "/p; fastcgi_temp_path " + at + "/f; uwsgi_temp_path " + at + "/u; scgi_temp_path " + at + "/s;\n" +
		strings.Join(more, "\n") + "\nserver { listen " + address + "; " + location + " }\n}\n"
	path := filepath.Join(at, "nginx.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	p, err := startProcess("nginx "+name, os.Environ(), program, "-p", at, "-c", path)
	if err != nil {
		return nil, err
	}
	return p, p.within(10*time.Second, func() error {
		response, err := http.Get("http://" + address + "/")
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	})
}
