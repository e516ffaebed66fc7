package main

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"frontrow/internal/testenv"
	"frontrow/queue"
)

// shopfront is a shop behind the reverse proxy of a gateway, and the show before it. It is
// shop.test to its visitors, and the waiting room queue.test.
type shopfront struct {
	*testGateway
	show   string
	served *serviceLog
}

// serviceLog is what reached a shop.
type serviceLog struct {
	mu   sync.Mutex
	seen []*http.Request
}

func (l *serviceLog) note(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, r)
}

func (l *serviceLog) all() []*http.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}

// last is what reached the shop last.
func (l *serviceLog) last(t *testing.T) *http.Request {
	t.Helper()
	all := l.all()
	if len(all) == 0 {
		t.Fatal("nothing has reached the shop")
	}
	return all[len(all)-1]
}

const (
	shopURL  = "http://shop.test"
	queueURL = "http://queue.test"
)

// shop opens a show and a shop behind it. The handler may be nil; change may change the
// route, and the admission.
func (b backend) shop(t *testing.T, handler http.HandlerFunc, change ...func(route, admission map[string]any)) *shopfront {
	t.Helper()
	log := &serviceLog{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.note(r)
		if handler != nil {
			handler(w, r)
			return
		}
		fmt.Fprintf(w, "the shop's %s", r.URL.Path)
	}))
	server.Start()
	t.Cleanup(server.Close)
	show := "t-" + strings.ToLower(strings.NewReplacer("_", "x", "-", "y").Replace(queue.NewVisitor()))
	route := map[string]any{"host": "shop.test", "show": show, "upstream": server.URL, "bypass": []any{"/assets/", "/healthz"}}
	admission := map[string]any{
		"admit": 50, "interval_ms": 100, "max_active": 100, "claim_seconds": 60, "session_seconds": 600, "session_max_seconds": 900,
		"absence_seconds": 30, "return_seconds": 60, "polls_per_ten_seconds": 0, "seats_per_visitor_percent": 0,
	}
	for _, c := range change {
		c(route, admission)
	}
	g := b.serve(t, withRoutes(t, route, map[string]any{"host": "shop.test", "path": "/open", "upstream": server.URL}))
	g.admin("POST", "/v1/admin/shows", map[string]any{
		"show": show, "title": "A Shop", "phase": "open", "admission": admission, "sections": []any{section("A", 50_000, 2)},
	}).want(http.StatusCreated)
	g.opens(show)
	return &shopfront{g, show, log}
}

// withRoutes has a gateway stand in front of shops.
func withRoutes(t *testing.T, routes ...any) func(*gatewayConfig) {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"routes": routes})
	must(t, err)
	path := filepath.Join(t.TempDir(), "routes.yaml")
	must(t, os.WriteFile(path, raw, 0o600))
	return func(c *gatewayConfig) {
		c.Routes, c.ProxyListen, c.PublicURL, c.TrustedProxies = path, "127.0.0.1:0", queueURL, []string{"127.0.0.0/8"}
	}
}

func (s *shopfront) rules(change map[string]any) {
	s.t.Helper()
	s.admin("PATCH", "/v1/admin/shows/"+s.show+"/admission", change).want(http.StatusOK)
}

// shut lets nobody in from now on, and waits until the gate knows.
func (s *shopfront) shut() {
	s.t.Helper()
	s.rules(map[string]any{"paused": true})
	room, err := s.queue.Room(s.show)
	must(s.t, err)
	testenv.Wait(s.t, 5*time.Second, func() bool {
		crowded, err := room.IsCrowded()
		return err == nil && crowded
	}, "the pause does not come to the gate")
}

// agent has a jar of its own, and follows no redirect by itself.
type agent struct {
	*http.Client
	t *testing.T
}

// agent opens one, for which the shop and the waiting room are where they are.
func (s *shopfront) agent() *agent {
	s.t.Helper()
	return agents(s.t, map[string]string{
		"shop.test:80": s.proxy.listener.Addr().String(), "queue.test:80": s.listener.Addr().String(),
	})()
}

// insider is an agent who was let in: the first who comes, unless Redis was slow to answer.
func (s *shopfront) insider(t *testing.T) (v *agent) {
	t.Helper()
	testenv.Wait(t, 20*time.Second, func() bool {
		v = s.agent()
		return v.get(shopURL+"/").StatusCode == http.StatusOK
	}, "nobody is let in")
	return v
}

// agents opens as many as are wanted, which share their connections; at says where hosts are.
func agents(t *testing.T, at map[string]string) func() *agent {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if there, ok := at[address]; ok {
				address = there
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return func() *agent {
		jar, err := cookiejar.New(nil)
		must(t, err)
		return &agent{t: t, Client: &http.Client{
			Jar: jar, Timeout: 30 * time.Second, Transport: transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}}
	}
}

// answer is what a browser was told.
type answer struct {
	*http.Response
	text string
}

func (b *agent) get(address string) answer {
	b.t.Helper()
	return b.does("GET", address, "text/html")
}

func (b *agent) does(method, address, accept string) answer {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, address, nil)
	must(b.t, err)
	request.Header.Set("Accept", accept)
	request.Header.Set("X-Frontrow", "1")
	return b.send(request)
}

func (b *agent) send(request *http.Request) answer {
	b.t.Helper()
	response, err := b.Do(request)
	must(b.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(b.t, err)
	return answer{response, string(body)}
}

func (a answer) wants(t *testing.T, status int) answer {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s: %d %s %s, want %d", a.Request.Method, a.Request.URL, a.StatusCode, a.Header.Get("Location"), a.text, status)
	}
	return a
}

func (a answer) refuses(t *testing.T, status int, code string) answer {
	t.Helper()
	a.wants(t, status)
	if !strings.Contains(a.text, `"code":"`+code+`"`) || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%s: %s %s, want %s", a.Request.URL, a.Header.Get("Content-Type"), a.text, code)
	}
	return a
}

// waits wants to be sent to the waiting room, and says from where one comes back.
func (a answer) waits(t *testing.T, show string) string {
	t.Helper()
	a.wants(t, http.StatusSeeOther)
	to, err := url.Parse(a.Header.Get("Location"))
	must(t, err)
	if to.Host != "queue.test" || to.Path != "/shows/"+show {
		t.Fatalf("%s: sent to %s, want the waiting room", a.Request.URL, to)
	}
	return to.Query().Get("return")
}

// isLetIn takes a place in the waiting room, and keeps it until it is let in.
func (b *agent) isLetIn(show string) {
	b.t.Helper()
	path := queueURL + "/v1/shows/" + show + "/queue"
	b.does("POST", path, "*/*")
	testenv.Wait(b.t, 20*time.Second, func() bool {
		return strings.Contains(b.does("GET", path, "*/*").wants(b.t, http.StatusOK).text, `"state":"admitted"`)
	}, "nobody is let in")
}

// wayOn is the link by which the page of the waiting room leads on whoever was let in.
var wayOn = regexp.MustCompile(`id="go" href="([^"]*)"`)

// comesBack goes from the waiting room to the shop by the link of its page, and follows what
// it is told.
func (b *agent) comesBack(show, to string) answer {
	b.t.Helper()
	page := b.get(queueURL+"/shows/"+show+"?"+url.Values{"return": {to}}.Encode()).wants(b.t, http.StatusOK)
	link := wayOn.FindStringSubmatch(page.text)
	if link == nil {
		b.t.Fatalf("the page leads nowhere: %s", page.text)
	}
	there, err := page.Request.URL.Parse(html.UnescapeString(link[1]))
	must(b.t, err)
	address := there.String()
	for range 3 {
		a := b.get(address)
		if a.StatusCode != http.StatusSeeOther {
			return a
		}
		next, err := a.Request.URL.Parse(a.Header.Get("Location"))
		must(b.t, err)
		address = next.String()
	}
	b.t.Fatalf("there is no end to it: %s", address)
	return answer{}
}
