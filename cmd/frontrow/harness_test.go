package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"frontrow/booking"
	"frontrow/docs"
	"frontrow/internal/testenv"
	"frontrow/queue"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const testWebhooks = "what-the-provider-signs-with"

// testCards are patient for as long as a test may wait.
var testCards = cardConfig{
	PaymentTimeout: 500 * time.Millisecond, PaymentSlot: 2 * time.Second, PaymentSeats: 5 * time.Minute, WebhookSecret: testWebhooks,
}

const testAdmin = "the-operator-of-the-tests"

// backend is where a gateway of a test stands: on its own servers, or on real ones.
type backend struct {
	redis, dsn string // empty: embedded
}

// eachBackend runs f on the embedded default and on real servers.
func eachBackend(t *testing.T, f func(t *testing.T, b backend)) {
	t.Helper()
	t.Run("miniredis+sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, backend{})
	})
	t.Run("redis+mysql", func(t *testing.T) {
		t.Parallel()
		f(t, realBackend(t))
	})
}

func realBackend(t *testing.T) backend {
	t.Helper()
	b := backend{redis: testenv.Redis(t), dsn: testenv.MySQL(t)}
	b.migrate(t)
	return b
}

func (b backend) migrate(t *testing.T) {
	t.Helper()
	testenv.Migrated(t, b.dsn, booking.Open, booking.Migrate)
}

// testWriter hands lines to the test's log.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// testGateway is a gateway of this process, under test.
type testGateway struct {
	*gateway
	t    *testing.T
	stop func()
	logs *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

var testSecret = strings.Repeat("c2VjcmV0", 8)

// serve boots the real thing on port 0.
func (b backend) serve(t *testing.T, change ...func(*gatewayConfig)) *testGateway {
	t.Helper()
	config := gatewayConfig{
		servers: servers{RedisURL: b.redis, MySQLDSN: b.dsn, DataDir: t.TempDir()},
		Listen:  "127.0.0.1:0", Secret: testSecret, AdminToken: testAdmin, LogLevel: "debug",
	}
	config.cardConfig = testCards
	charges := true
	config.DemoCharges = &charges
	for _, c := range change {
		c(&config)
	}
	if file := filepath.Join(config.DataDir, sqliteFile); config.MySQLDSN == "" {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			testenv.Migrated(t, "file:"+file, booking.Open, booking.Migrate)
		}
	}
	logs := &syncBuffer{}
	g, err := newGateway(t.Context(), config, slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	must(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.Run(ctx)
		g.Close()
	}()
	tg := &testGateway{gateway: g, t: t, logs: logs}
	var once sync.Once
	tg.stop = func() { once.Do(func() { cancel(); <-done }) }
	t.Cleanup(func() {
		tg.stop()
		if t.Failed() && testing.Verbose() {
			t.Log(logs.String())
		}
	})
	return tg
}

// show makes a show and waits until it is open on this gateway.
func (g *testGateway) show(change ...func(map[string]any)) string {
	g.t.Helper()
	id := "t-" + strings.ToLower(strings.NewReplacer("_", "x", "-", "y").Replace(queue.NewVisitor()))
	spec := map[string]any{
		"show": id, "title": "A Test", "venue": "Nowhere", "phase": "open", "hold_seconds": 60, "max_seats": 3, "max_waiting": 10000,
		"admission": map[string]any{
			"admit": 50, "interval_ms": 100, "max_active": 100, "claim_seconds": 60, "session_seconds": 600,
			"session_max_seconds": 900, "absence_seconds": 30, "return_seconds": 60,
			"polls_per_ten_seconds": 0, // tests ask again and again until it is so

			"seats_per_visitor_percent": 0, // and let in more people than there are seats
		},
		"sections": []any{section("A", 50_000, 20), section("B", 30_000, 20)},
	}
	for _, c := range change {
		c(spec)
	}
	g.admin("POST", "/v1/admin/shows", spec).want(http.StatusCreated)
	id, _ = spec["show"].(string)
	if spec["phase"] == "open" {
		g.opens(id)
	}
	return id
}

func section(name string, price, seats int) map[string]any {
	row := make([]any, seats)
	for i := range row {
		row[i] = map[string]any{"number": fmt.Sprint(i + 1), "x": float64(i), "y": 1.5}
	}
	return map[string]any{"section": name, "name": "Section " + name, "price": price, "rows": []any{map[string]any{"row": "1", "seats": row}}}
}

// opens waits until the show is on sale on this gateway.
func (g *testGateway) opens(show string) {
	g.t.Helper()
	testenv.Wait(g.t, 15*time.Second, func() bool {
		s, ok := g.catalogue.Lookup(show)
		if !ok || s.Phase != booking.PhaseOpen {
			return false
		}
		_, err := g.store.SeatStates(g.t.Context(), s)
		room, lost := g.queue.Room(show)
		if err != nil || lost != nil {
			return false
		}
		_, ok = room.Figures()
		return ok
	}, "show %s does not open", show)
}

// call is a request of a test.
type call struct {
	method, path string
	body         any    // marshalled, unless it is raw
	raw          string // as it is
	bearer       string
	key          string
	header       map[string]string
	cookies      []*http.Cookie
	bad          bool // the document would refuse the request too
	crowd        bool // one of very many alike: not held against the document
}

// reply is an answer that the document allows.
type reply struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   []byte
	set    []*http.Cookie
}

// want fails the test for another status.
func (r reply) want(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("%s: %d %s, want %d", r.what, r.status, r.body, status)
	}
	return r
}

// problem fails the test for anything but this problem.
func (r reply) problem(status int, code string) reply {
	r.t.Helper()
	r.want(status)
	if got := r.text("code"); got != code {
		r.t.Fatalf("%s: code %q, want %q: %s", r.what, got, code, r.body)
	}
	return r
}

func (r reply) json() map[string]any {
	r.t.Helper()
	var m map[string]any
	if err := json.Unmarshal(r.body, &m); err != nil {
		r.t.Fatalf("%s: %v in %s", r.what, err, r.body)
	}
	return m
}

func (r reply) text(field string) string {
	r.t.Helper()
	text, _ := r.json()[field].(string)
	return text
}

func (r reply) number(field string) int64 {
	r.t.Helper()
	n, ok := r.json()[field].(float64)
	if !ok {
		r.t.Fatalf("%s: no number %s in %s", r.what, field, r.body)
	}
	return int64(n)
}

// openAPI is the document, ready to judge.
var openAPI = sync.OnceValues(func() (routers.Router, error) {
	for _, kind := range []string{"image/png", "image/jpeg"} {
		openapi3filter.RegisterBodyDecoder(kind, openapi3filter.FileBodyDecoder)
	}
	doc, err := openapi3.NewLoader().LoadFromData(docs.OpenAPI)
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// do sends a request; request and answer are held against the document.
func (g *testGateway) do(c call) reply {
	g.t.Helper()
	return send(g.t, g.URL(), c)
}

func send(t *testing.T, url string, c call) reply {
	t.Helper()
	raw := []byte(c.raw)
	if c.body != nil {
		var err error
		raw, err = json.Marshal(c.body)
		must(t, err)
	}
	request, err := http.NewRequestWithContext(t.Context(), c.method, url+c.path, bytes.NewReader(raw))
	must(t, err)
	if len(raw) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.bearer != "" {
		request.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	if c.key != "" {
		request.Header.Set("Idempotency-Key", c.key)
	}
	for name, value := range c.header {
		request.Header.Set(name, value)
	}
	for _, cookie := range c.cookies {
		request.AddCookie(cookie)
	}
	response, err := client.Do(request)
	if errors.Is(err, io.EOF) {
		// A connection that was opened and not used for long: the gateway closed it
		// and has seen nothing of the request.
		request.Body = io.NopCloser(bytes.NewReader(raw))
		response, err = client.Do(request)
	}
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	request.Body = io.NopCloser(bytes.NewReader(raw))
	if !c.crowd {
		judge(t, c, request, response, body)
	}
	return reply{t, c.method + " " + c.path, response.StatusCode, response.Header, body, response.Cookies()}
}

var client = &http.Client{
	Timeout:   30 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 128, MaxConnsPerHost: 128},

	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // it is what is tested
}

var (
	idInPath   = regexp.MustCompile(`/[^/]*[0-9][^/]*`)
	fieldNames = regexp.MustCompile(`"[a-z_]+":(?:"[a-z_]+"|null|true|false)?`)
)

// kindOf is what makes one call unlike another: the path without its ids, the status, and the
// names and states in the answer.
func kindOf(request *http.Request, response *http.Response, body []byte) string {
	return fmt.Sprint(request.Method, idInPath.ReplaceAllString(request.URL.Path, "/*"), response.StatusCode, fieldNames.FindAllString(string(body), 100))
}

// heldAgainst counts what was held against the document, by kind.
var heldAgainst sync.Map

// judge holds a call and its answer against the document; of those that are alike in what they
// ask, and in which fields and state the answer has, the first twenty.
func judge(t *testing.T, c call, request *http.Request, response *http.Response, body []byte) {
	t.Helper()
	count, _ := heldAgainst.LoadOrStore(kindOf(request, response, body), &atomic.Int64{})
	if count.(*atomic.Int64).Add(1) > 20 {
		return
	}
	router, err := openAPI()
	must(t, err)
	route, params, err := router.FindRoute(request)
	if err != nil {
		if c.bad {
			return
		}
		t.Fatalf("%s %s is not in the document: %v", c.method, c.path, err)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	ctx := context.WithoutCancel(t.Context())
	if err := openapi3filter.ValidateRequest(ctx, input); err != nil && !c.bad {
		t.Fatalf("%s %s: the document refuses the request: %v", c.method, c.path, err)
	}
	output := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.StatusCode, Header: response.Header, Options: input.Options,
	}
	output.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(ctx, output); err != nil {
		t.Fatalf("%s %s: the document refuses the answer %d %s: %v", c.method, c.path, response.StatusCode, body, err)
	}
}

func (g *testGateway) admin(method, path string, body any) reply {
	g.t.Helper()
	return g.do(call{method: method, path: path, body: body, bearer: testAdmin})
}

// guest is a visitor of a show, who keeps what they are given.
type guest struct {
	g           *testGateway
	show        string
	token, pass string
	keys        int
}

func (g *testGateway) joins(show string) *guest {
	g.t.Helper()
	r := g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue"}).want(http.StatusCreated)
	return &guest{g: g, show: show, token: r.text("token")}
}

func (v *guest) poll() reply {
	v.g.t.Helper()
	r := v.g.do(call{method: "GET", path: "/v1/shows/" + v.show + "/queue", bearer: v.token})
	if r.status == http.StatusOK {
		if token := r.text("token"); token != "" {
			v.token = token
		}
		if pass := r.text("pass"); pass != "" {
			v.pass = pass
		}
	}
	return r
}

// is waits until the visitor's place has a state.
func (v *guest) is(state string) {
	v.g.t.Helper()
	testenv.Wait(v.g.t, 20*time.Second, func() bool {
		return v.poll().want(http.StatusOK).text("state") == state
	}, "the place does not become %s", state)
}

// enters joins and waits to be let in.
func (g *testGateway) enters(show string) *guest {
	g.t.Helper()
	v := g.joins(show)
	v.is("admitted")
	return v
}

func (v *guest) hold(seats ...string) reply {
	v.g.t.Helper()
	return v.g.do(call{method: "POST", path: "/v1/shows/" + v.show + "/holds", bearer: v.pass, body: map[string]any{"seats": seats}})
}

func (v *guest) charge(amount int) reply {
	v.g.t.Helper()
	v.keys++
	return v.g.do(call{method: "POST", path: "/v1/wallet/charges", bearer: v.token, key: fmt.Sprint("charge-", v.keys), body: map[string]any{"amount": amount}})
}

func (v *guest) pay(hold, key string) reply {
	v.g.t.Helper()
	return v.g.do(call{method: "POST", path: "/v1/orders", bearer: v.pass, key: key, body: payment(hold)})
}

func payment(hold string) map[string]any {
	return map[string]any{"hold": hold, "payment": map[string]any{"method": "wallet"}}
}

// verifies fails the test if anything stored is wrong.
func (g *testGateway) verifies(show string) {
	g.t.Helper()
	found, err := g.verify(g.t.Context(), show)
	must(g.t, err)
	for _, v := range found {
		g.t.Error(v)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serveHTTP serves on a port of its own until the test ends, and returns its URL.
func serveHTTP(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}
