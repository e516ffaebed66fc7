package main

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	page        = "/concerts/1"
)

// How nginx keeps connections, and how it asks the gate, as deploy/nginx/shop.conf has it.
const (
	keepAlive    = "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header X-Forwarded-For $remote_addr;"
	gateLocation = "location = /_gate { internal; auth_request off; proxy_pass http://gate/v1/gate?deny=401; proxy_pass_request_body off; " + keepAlive +
		" proxy_set_header X-Original-URL $scheme://$http_host$request_uri; proxy_set_header X-Original-Method $request_method; } "
)

// shops are what the proxies stand before: one that nobody here wrote, as the tests have it, and the
// least that a shop can cost, which nothing but the proxy is seen against.
var shops = []struct {
	name  string
	start func(dir, address string) (*process, error)
	want  *target
}{
	{"json-server", startJSONServer, atLeast(0.7)},
	{"a page of 4 KB from nginx", startPage, nil},
}

// measureProxy shows what Frontrow's reverse proxy costs somebody who is inside, against
// nginx as nothing but a proxy, before the same shop.
func measureProxy(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "frontrow-proxy-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	seats, err := hall.Arena(500)
	if err != nil {
		return err
	}
	ours, err := freeAddress()
	if err != nil {
		return err
	}
	var upstreams []string
	rules := "routes:\n"
	for i, shop := range shops {
		at, err := freeAddress()
		if err != nil {
			return err
		}
		behind, err := shop.start(dir, at)
		if err != nil {
			return err
		}
		defer behind.stop()
		upstreams = append(upstreams, at)
		rules += fmt.Sprintf("  - {host: bench%d, show: %s, upstream: \"http://%s\"}\n", i, proxyShow, at)
	}
	routes := filepath.Join(dir, "routes.yaml")
	if err := os.WriteFile(routes, []byte(rules), 0o600); err != nil {
		return err
	}
	s, err := startServers(ctx, o.binary, nil,
		"FRONTROW_ROUTES="+routes, "FRONTROW_PROXY_LISTEN="+ours, "FRONTROW_PUBLIC_URL=http://queue.bench", "FRONTROW_TRUSTED_PROXIES=127.0.0.1")
	defer s.stop()
	if err != nil {
		return err
	}
	servers, plain, asking, err := serversBefore(upstreams, s.gateways[0].address)
	if err != nil {
		return err
	}
	nginx, err := startPlainNginx(dir, "plain", plain[0], servers)
	if err != nil {
		return err
	}
	defer nginx.stop()
	t := table{Form: "proxy"}
	if t.Machine, err = s.describe(ctx); err != nil {
		return err
	}
	if err := s.gateways[0].makeShow(proxyShow, seats); err != nil {
		return err
	}
	if err := s.gateways[0].changeRules(proxyShow, map[string]any{"admit": 1000}); err != nil {
		return err
	}
	for i := range shops {
		if err := s.compareProxies(ctx, i, [...]string{plain[i], ours, asking[i]}, &t); err != nil {
			return err
		}
	}
	t.print(os.Stdout)
	if t.missed() {
		return errMissed
	}
	return nil
}

// serversBefore is how nginx stands before each of the shops, as a plain proxy and asking the gate,
// and where.
func serversBefore(upstreams []string, gateway string) (servers string, plain, asking []string, err error) {
	servers = "upstream gate { server " + gateway + "; keepalive 64; }\n"
	for i, at := range upstreams {
		servers += fmt.Sprintf("upstream shop%d { server %s; keepalive 64; }\n", i, at)
		for _, way := range []struct {
			at   *[]string
			more string
		}{{&plain, ""}, {&asking, "auth_request /_gate; " + gateLocation}} {
			address, err := freeAddress()
			if err != nil {
				return "", nil, nil, err
			}
			*way.at = append(*way.at, address)
			servers += fmt.Sprintf("server { listen %s; %slocation / { proxy_pass http://shop%d; %s proxy_set_header Host $http_host; } }\n", address, way.more, i, keepAlive)
		}
	}
	return servers, plain, asking, nil
}

// compareProxies asks each for the pages of a shop in turns, as people who are inside: nginx as
// nothing but a proxy, the reverse proxy, and nginx that asks the gate.
func (s *servers) compareProxies(ctx context.Context, shop int, ways [3]string, to *table) error {
	pages := make([][]byte, connections)
	for i := range pages {
		err := s.gateways[0].process.within(30*time.Second, func() (err error) {
			pages[i], err = inside(ways[1], fmt.Sprint("bench", shop))
			return err
		})
		if err != nil {
			return err
		}
	}
	next := func(client, _ int) []byte { return pages[client] }
	var loads []load
	for _, way := range ways {
		loads = append(loads, load{address: way, next: next})
	}
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
	name := shops[shop].name
	to.ratio("reverse proxy ÷ nginx as a proxy, before "+name, rates[1], rates[0], shops[shop].want)
	to.add("Redis commands a proxied request, before "+name, "", []float64{perSecond / busy.perSecond}, atMost(0.1)).Note = "the gateway's loops among them"
	to.ratio("nginx that asks the gate ÷ nginx as a proxy, before "+name, rates[2], rates[0], nil)
	to.add("nginx as a proxy, before "+name, "/s", rates[0], nil)
	to.add("reverse proxy, before "+name, "/s", rates[1], nil)
	to.add("nginx that asks the gate, before "+name, "/s", rates[2], nil)
	return nil
}

// inside has a newcomer let in, and returns the request for a page with the cookie that proves it.
func inside(proxy, host string) ([]byte, error) {
	ask, err := http.NewRequest(http.MethodGet, "http://"+proxy+page, nil)
	if err != nil {
		return nil, err
	}
	ask.Host = host
	answer, err := operator.Do(ask)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || len(answer.Cookies()) != 1 {
		return nil, fmt.Errorf("a newcomer is answered %s, with %d cookies", answer.Status, len(answer.Cookies()))
	}
	cookie := answer.Cookies()[0]
	return []byte("GET " + page + " HTTP/1.1\r\nHost: " + host + "\r\nCookie: " + cookie.Name + "=" + cookie.Value + "\r\n\r\n"), nil
}

// startPage starts an nginx that has one page, in its memory.
func startPage(dir, address string) (*process, error) {
	return startPlainNginx(dir, "page", address, "server { listen "+address+"; location / { default_type text/html; return 200 \""+strings.Repeat("x", pageBytes)+"\"; } }")
}

// startJSONServer starts json-server with a concert of about 4 KB.
func startJSONServer(dir, address string) (*process, error) {
	binary, err := filepath.Abs(".tools/shop/node_modules/json-server/lib/cli/bin.js")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, errors.New("no json-server to measure with (scripts/setup.sh shop installs it)")
	}
	data := filepath.Join(dir, "db.json")
	if err := os.WriteFile(data, []byte(`{"concerts":[{"id":1,"title":"`+strings.Repeat("x", pageBytes)+`"}]}`), 0o600); err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	p, err := startProcess("json-server", os.Environ(), "node", binary, "--quiet", "--host", host, "--port", port, data)
	if err != nil {
		return nil, err
	}
	return p, p.answers(address)
}

// startPlainNginx starts an nginx with these servers, one of which listens at the address.
func startPlainNginx(dir, name, address, servers string) (*process, error) {
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
		servers + "}\n"
	path := filepath.Join(at, "nginx.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	p, err := startProcess("nginx "+name, os.Environ(), program, "-p", at, "-c", path)
	if err != nil {
		return nil, err
	}
	return p, p.answers(address)
}

// answers waits until the process answers.
func (p *process) answers(address string) error {
	return p.within(20*time.Second, func() error {
		response, err := http.Get("http://" + address + page)
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	})
}
