package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// gateways are the addresses that visitors know, and the connections to them.
type gateways struct {
	urls   []string
	http   *http.Client
	slots  chan struct{} // bounds requests under way, and so open files
	asked  atomic.Int64
	moved  atomic.Int64 // requests that went to another gateway
	waited atomic.Int64 // answers 429 and 503
}

// underWay is how many requests may be under way at a time.
const underWay = 256

func newGateways(urls []string) *gateways {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = underWay
	transport.MaxIdleConns = underWay * len(urls)
	transport.Proxy = nil
	return &gateways{
		urls:  urls,
		http:  &http.Client{Transport: transport, Timeout: 20 * time.Second},
		slots: make(chan struct{}, underWay),
	}
}

// answer is what a gateway said.
type answer struct {
	status int
	body   []byte
	lost   bool // an earlier try of this request may have been heard and not answered
}

// problem is the code of a problem answer; "" for anything else.
func (a answer) problem() string {
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
	key          string // Idempotency-Key
}

// errNobody says that no gateway answered for long.
var errNobody = errors.New("no gateway answers")

// patience is how long a visitor tries when no gateway answers: a restart and a
// recovery of Redis fit in.
const patience = 90 * time.Second

// do asks the home gateway, and the next one when it does not answer, until one does.
// Answers that say "later" are waited for.
func (g *gateways) do(ctx context.Context, home *int, r request) (answer, error) {
	var raw []byte
	if r.body != nil {
		raw, _ = json.Marshal(r.body) // of our own making
	}
	lost := false
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		a, err := g.once(ctx, g.urls[*home%len(g.urls)], r, raw)
		switch {
		case ctx.Err() != nil:
			return answer{}, ctx.Err()
		case err != nil:
			lost = true
			*home++
			g.moved.Add(1)
			if !pause(ctx, 200*time.Millisecond) {
				return answer{}, ctx.Err()
			}
		case a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests:
			lost = true // its work may have been done all the same
			g.waited.Add(1)
			if !pause(ctx, time.Second) {
				return answer{}, ctx.Err()
			}
		default:
			a.lost = lost
			return a, nil
		}
	}
	return answer{}, errNobody
}

func (g *gateways) once(ctx context.Context, url string, r request, raw []byte) (answer, error) {
	select {
	case g.slots <- struct{}{}:
		defer func() { <-g.slots }()
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	g.asked.Add(1)
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
	res, err := g.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, body: body}, err
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
