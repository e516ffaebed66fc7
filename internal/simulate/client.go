package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// gateways are the addresses that visitors know, and the connections to them.
type gateways struct {
	urls    []string
	http    *http.Client
	line    chan struct{} // bounds requests under way, and so open files
	inside  chan struct{} // the same for those of people inside
	asked   atomic.Int64
	moved   atomic.Int64 // requests that went to another gateway
	waited  atomic.Int64 // answers 429 and 503
	tooMany atomic.Int64 // answers 429
}

// underWay is how many requests may be under way at a time, insideUnderWay how many
// more of people inside, and of the operator: else each step of a purchase would wait
// behind the polls of everybody in line, when these are more than this machine can send.
const (
	underWay       = 192
	insideUnderWay = 64
)

// newGateways returns an error for an address that cannot be a gateway's.
func newGateways(addresses []string) (*gateways, error) {
	if len(addresses) == 0 {
		return nil, errors.New("no gateway to simulate against")
	}
	urls := make([]string, len(addresses))
	for i, address := range addresses {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("%q is no address of a gateway: want http://host:port", address)
		}
		urls[i] = strings.TrimRight(address, "/")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = underWay + insideUnderWay
	transport.MaxIdleConns = transport.MaxIdleConnsPerHost * len(urls)
	transport.Proxy = nil
	return &gateways{
		urls: urls, http: &http.Client{Transport: transport},
		line: make(chan struct{}, underWay), inside: make(chan struct{}, insideUnderWay),
	}, nil
}

// answer is what a gateway said.
type answer struct {
	status int
	body   []byte
	sent   time.Time     // when the try that got it went out
	after  time.Duration // Retry-After; a second where there is none
	lost   bool          // an earlier try of this request may have been heard and not answered
}

// later tells whether the answer is to ask again, some other time.
func (a answer) later() bool {
	return a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests
}

// problem is the code of a problem answer; "" for anything else.
func (a answer) problem() string {
	if a.status < 400 {
		return ""
	}
	var p struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(a.body, &p)
	return p.Code
}

func (a answer) into(v any) error {
	if err := json.Unmarshal(a.body, v); err != nil {
		return fmt.Errorf("answer %d cannot be read: %w", a.status, err)
	}
	return nil
}

func (a answer) String() string { return fmt.Sprintf("%d %.200s", a.status, a.body) }

// request is one call of the interface.
type request struct {
	method, path string
	body         any
	bearer       string
	cookies      *cookies
	key          string        // Idempotency-Key
	timeout      time.Duration // 0: usual
	waits        bool          // of somebody in line
}

// usualTimeout is how long an answer may take.
const usualTimeout = 20 * time.Second

// errNobody says that no gateway answered for long.
var errNobody = errors.New("no gateway answers")

// patience is how long a visitor tries when no gateway answers: a restart and a
// recovery of Redis fit in.
const patience = 90 * time.Second

// longestLater bounds the wait for a gateway that says "later".
const longestLater = 30 * time.Second

// do asks the home gateway, and the next one when it does not answer, until one does.
// That a proxy's gateway does not answer is no answer either.
// Answers that say "later" are waited for, for as long as they ask; that the queue is full is an answer.
// May return errNobody, or an error of ctx; both say what the last try came to.
func (g *gateways) do(ctx context.Context, home *int, r request) (answer, error) {
	var raw []byte
	if r.body != nil {
		raw, _ = json.Marshal(r.body) // of our own making
	}
	lost, last := false, error(nil)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		wait := 200 * time.Millisecond
		a, err := g.once(ctx, g.urls[*home%len(g.urls)], r, raw)
		if err == nil && (a.status == http.StatusBadGateway || a.status == http.StatusGatewayTimeout) {
			err = errors.New(a.String())
		}
		switch {
		case ctx.Err() != nil:
			return answer{}, because(ctx.Err(), last)
		case err != nil:
			lost, last = true, err
			*home++
			g.moved.Add(1)
		case a.later() && a.problem() != "queue_full":
			lost = lost || a.status == http.StatusServiceUnavailable // its work may have been done all the same
			last = errors.New(a.String())
			wait = min(a.after, longestLater)
		default:
			a.lost = lost
			return a, nil
		}
		if !pause(ctx, wait) {
			return answer{}, because(ctx.Err(), last)
		}
	}
	return answer{}, because(errNobody, last)
}

func because(err, last error) error {
	if last == nil {
		return err
	}
	return fmt.Errorf("%w (%w)", err, last)
}

// once asks one gateway one time.
func (g *gateways) once(ctx context.Context, url string, r request, raw []byte) (answer, error) {
	slots := g.inside
	if r.waits {
		slots = g.line
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	g.asked.Add(1)
	sent := time.Now()
	timeout := usualTimeout
	if r.timeout > 0 {
		timeout = r.timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, url+r.path, bytes.NewReader(raw))
	if err != nil {
		return answer{}, err
	}
	if raw != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.bearer)
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	r.cookies.attach(req)
	res, err := g.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	r.cookies.keep(res)
	body, err := io.ReadAll(res.Body)
	a := answer{status: res.StatusCode, body: body, sent: sent, after: time.Second}
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
		a.after = time.Duration(seconds) * time.Second
	}
	if err == nil && a.later() {
		g.waited.Add(1)
		if a.status == http.StatusTooManyRequests {
			g.tooMany.Add(1)
		}
	}
	return a, err
}

// cookies are what one browser keeps of gateways, whatever their addresses: behind
// one name they are one origin. All tabs share them. Nil keeps none.
type cookies struct {
	mu   sync.Mutex
	kept map[string]string
}

func (c *cookies) attach(req *http.Request) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	req.Header.Set("X-Frontrow", "1") // else a cookie alone writes nothing
	for name, value := range c.kept {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
}

func (c *cookies) keep(res *http.Response) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cookie := range res.Cookies() {
		if c.kept == nil {
			c.kept = map[string]string{}
		}
		c.kept[cookie.Name] = cookie.Value
	}
}

// pause waits, and says false if the run was over first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
