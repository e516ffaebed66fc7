package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"frontrow/internal/hall"
)

// How the wait is played for the comparison: so many people, of whom so many a second are
// let in meanwhile, each way for a minute.
const (
	waiters    = 1000
	letInEvery = 250 * time.Millisecond
	playFor    = time.Minute
)

// measureCache shows what a cache before the gateway saves it: requests that reach it
// while a thousand people wait for a minute, with nginx as deploy/nginx has it.
func (s *servers) measureCache(ctx context.Context) error {
	nginx, cached, err := startNginx(s.gateways[0].address)
	if err != nil {
		return err
	}
	defer nginx.stop()
	machine, err := s.describe(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n\nrequests that reach the gateway a minute while %d people wait, a minute each\n\n", machine, waiters)
	for i, way := range []struct {
		what string
		play func(*waiter, context.Context)
	}{
		{"polls as told: the position is as old as poll_after_ms", (*waiter).pollAsTold},
		{"polls every 5 s: the position is 5 s old", (*waiter).pollOften},
		{"the board every 5 s through nginx, polls to be present", (*waiter).readBoard},
	} {
		reached, seen, err := s.playWaiters(ctx, "cache-"+strconv.Itoa(i), cached, way.play)
		if err != nil {
			return fmt.Errorf("%s: %w", way.what, err)
		}
		fmt.Printf("%-58s  %6d  (%d positions seen)\n", way.what, reached, seen)
	}
	return nil
}

// waiter is one person who waits. The page is read through the cache in either way.
type waiter struct {
	base, path, token string
	status            waiterStatus
	asked             *counter
}

type waiterStatus struct {
	State       string `json:"state"`
	Token       string `json:"token"`
	PollAfterMS int64  `json:"poll_after_ms"`
	Board       *struct {
		PollAfterMS     int64 `json:"poll_after_ms"`
		PresenceAfterMS int64 `json:"presence_after_ms"`
	} `json:"board"`
}

// counter counts positions that were seen, and keeps the first error.
type counter struct {
	mu   sync.Mutex
	seen int
	err  error
}

func (c *counter) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.seen++
	} else if c.err == nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		c.err = err
	}
}

// playWaiters has everybody join a show of their own, and then wait in one way.
func (s *servers) playWaiters(ctx context.Context, show, base string, play func(*waiter, context.Context)) (reached, seen int, err error) {
	g := s.gateways[0]
	seats, err := hall.Arena(500)
	if err != nil {
		return 0, 0, err
	}
	if err := g.makeShow(show, seats); err != nil {
		return 0, 0, err
	}
	c := &counter{}
	people := make([]*waiter, waiters)
	for i := range people {
		people[i] = &waiter{base: base, path: "/v1/shows/" + show, asked: c}
		if err := people[i].ask(ctx, http.MethodPost); err != nil {
			return 0, 0, err
		}
	}
	if err := g.changeRules(show, map[string]any{
		"admit": 1, "interval_ms": letInEvery.Milliseconds(), "claim_seconds": 60, "absence_seconds": 120,
	}); err != nil {
		return 0, 0, err
	}
	time.Sleep(3 * time.Second) // the view knows everybody, and what is foretold
	before, err := g.requests()
	if err != nil {
		return 0, 0, err
	}
	minute, cancel := context.WithTimeout(ctx, playFor)
	defer cancel()
	var wait sync.WaitGroup
	for i, p := range people {
		wait.Go(func() {
			// They have not come in the same moment.
			if pauseFor(minute, time.Duration(i)*5*time.Second/waiters) {
				play(p, minute)
			}
		})
	}
	wait.Wait()
	after, err := g.requests()
	if err == nil {
		err = c.err
	}
	return int(after - before), c.seen, err
}

// requests is how many the gateway has answered, but for the operator's.
func (g *gateway) requests() (sum float64, err error) {
	var text strings.Builder
	if err := g.fetch("/metrics", &text); err != nil {
		return 0, err
	}
	for line := range strings.Lines(text.String()) {
		rest, ok := strings.CutPrefix(line, "frontrow_http_request_duration_seconds_count{")
		if !ok || strings.Contains(rest, "/admin/") {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:]), 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

var visitors = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 200}}

// ask joins or polls.
func (w *waiter) ask(ctx context.Context, method string) error {
	request, err := http.NewRequestWithContext(ctx, method, w.base+w.path+"/queue", nil)
	if err != nil {
		return err
	}
	if w.token != "" {
		request.Header.Set("Authorization", "Bearer "+w.token)
	}
	w.status = waiterStatus{}
	if err := answerTo(request, &w.status); err != nil {
		return err
	}
	if w.status.Token != "" {
		w.token = w.status.Token
	}
	return nil
}

func answerTo(request *http.Request, into any) error {
	response, err := visitors.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %d %.200s", request.Method, request.URL.Path, response.StatusCode, body)
	}
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	return err
}

func (w *waiter) pollAsTold(ctx context.Context) {
	w.pollEvery(ctx, func() int64 { return w.status.PollAfterMS })
}

func (w *waiter) pollOften(ctx context.Context) {
	w.pollEvery(ctx, func() int64 { return min(5000, w.status.PollAfterMS) })
}

// pollEvery polls until somebody is let in: then they are out of the comparison.
func (w *waiter) pollEvery(ctx context.Context, next func() int64) {
	for ctx.Err() == nil {
		err := w.ask(ctx, http.MethodGet)
		w.asked.note(err)
		if err != nil || w.status.State != "waiting" || !pauseFor(ctx, time.Duration(next())*time.Millisecond) {
			return
		}
	}
}

// readBoard polls when near, and when it is time to be heard of; else it reads the board.
func (w *waiter) readBoard(ctx context.Context) {
	for ctx.Err() == nil {
		err := w.ask(ctx, http.MethodGet)
		w.asked.note(err)
		if err != nil || w.status.State != "waiting" {
			return
		}
		far := w.status.Board
		if far == nil {
			if !pauseFor(ctx, time.Duration(w.status.PollAfterMS)*time.Millisecond) {
				return
			}
			continue
		}
		for due := time.Now().Add(time.Duration(far.PresenceAfterMS) * time.Millisecond); time.Now().Before(due); {
			if !pauseFor(ctx, time.Duration(far.PollAfterMS)*time.Millisecond) {
				return
			}
			var board struct {
				Head int64 `json:"head"`
			}
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+w.path+"/board", nil)
			if err == nil {
				err = answerTo(request, &board)
			}
			w.asked.note(err)
			if err != nil {
				return
			}
		}
	}
}

func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// startNginx runs nginx with the configuration that is shipped, on a free address before the
// gateway, in a directory of its own.
func startNginx(gateway string) (*process, string, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return nil, "", errors.New("no nginx to measure with (scripts/setup.sh cache installs one)")
	}
	shipped, err := os.ReadFile("deploy/nginx/frontrow.conf")
	if err != nil {
		return nil, "", err
	}
	dir, err := os.MkdirTemp("", "frontrow-nginx-")
	if err != nil {
		return nil, "", err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	here := strings.NewReplacer("listen 80;", "listen "+address+";", "/var/cache/nginx", dir).Replace(string(shipped))
	if err := os.WriteFile(filepath.Join(dir, "upstream.conf"), []byte("upstream frontrow { server "+gateway+"; keepalive 64; }\n"), 0o600); err != nil {
		return nil, "", err
	}
	text := "daemon off; master_process off; pid " + dir + "/pid; error_log stderr;\nevents { worker_connections 4096; }\nhttp {\n" +
		"access_log off; client_body_temp_path " + dir + "/body; proxy_temp_path " + dir + "/proxy;\n" +
		"fastcgi_temp_path " + dir + "/f; uwsgi_temp_path " + dir + "/u; scgi_temp_path " + dir + "/s;\n" + here + "}\n"
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, "", err
	}
	p, err := startProcess("nginx", os.Environ(), program, "-p", dir, "-c", path)
	if err != nil {
		return nil, "", err
	}
	base := "http://" + address
	return p, base, p.within(10*time.Second, func() error {
		response, err := http.Get(base + "/healthz")
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	})
}
