package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"frontrow/internal/hall"
	"frontrow/internal/testenv"
)

const (
	benchShow  = "bench"
	benchAdmin = "the-operator-of-the-benchmark"
	benchSeats = 50_000
)

// servers are what is measured.
type servers struct {
	redis    *redis.Client
	gateway  string // host:port
	ops      string
	baseline string
	started  []*exec.Cmd
}

func start(binary string) (s *servers, err error) {
	s = &servers{}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	url, err := testenv.RunRedis()
	if err != nil {
		return nil, err
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	s.redis = redis.NewClient(options)
	dsn, err := testenv.RunMySQL()
	if err != nil {
		return nil, err
	}
	for _, address := range []*string{&s.gateway, &s.ops, &s.baseline} {
		if *address, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	env := append(os.Environ(),
		"FRONTROW_REDIS_URL="+url, "FRONTROW_MYSQL_DSN="+dsn, "FRONTROW_LISTEN="+s.gateway, "FRONTROW_OPS_LISTEN="+s.ops,
		"FRONTROW_SECRET="+strings.Repeat("YmVuY2g9", 8), "FRONTROW_ADMIN_TOKEN="+benchAdmin, "FRONTROW_LOG_LEVEL=warn")
	migrate := exec.Command(binary, "migrate")
	migrate.Env = env
	if text, err := migrate.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("migrate: %w: %s", err, text)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for _, args := range [][]string{{binary, "serve"}, {self, "baseline", s.baseline}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env, cmd.Stderr = env, os.Stderr
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		s.started = append(s.started, cmd)
	}
	return s, s.makeShow()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (s *servers) stop() {
	for _, cmd := range s.started {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}
	s.started = nil
}

// makeShow makes a stadium in which nobody is let in, and waits until it is open.
func (s *servers) makeShow() error {
	sections, err := hall.Arena(benchSeats)
	if err != nil {
		return err
	}
	return within(30*time.Second, func() error {
		status, body, err := s.admin("POST", "/v1/admin/shows", map[string]any{
			"show": benchShow, "title": "Bench", "phase": "open", "sections": sections,
			"admission": map[string]any{
				"admit": 0, "interval_ms": 1000, "max_active": 1_000_000, "claim_seconds": 3600, "session_seconds": 3600,
				"session_max_seconds": 3600, "absence_seconds": 3600, "return_seconds": 3600,
			},
		})
		if err == nil && status != http.StatusCreated && !strings.Contains(string(body), "taken") {
			err = fmt.Errorf("make a show: %d %s", status, body)
		}
		if err != nil {
			return err
		}
		if status, _, err = s.admin("GET", "/v1/admin/shows/"+benchShow+"/stats", nil); err == nil && status != http.StatusOK {
			err = fmt.Errorf("the show does not open: %d", status)
		}
		return err
	})
}

// within tries until it works, or too long.
func within(d time.Duration, try func() error) error {
	var err error
	for until := time.Now().Add(d); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		if err = try(); err == nil {
			return nil
		}
	}
	return err
}

func (s *servers) admin(method, path string, body any) (int, []byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	request, err := http.NewRequest(method, "http://"+s.gateway+path, bytes.NewReader(raw))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+benchAdmin)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, text, err
}

// metric sums the samples of a metric of the gateway.
func (s *servers) metric(name string) (sum float64, err error) {
	response, err := http.Get("http://" + s.ops + "/metrics")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok && (rest[0] == '{' || rest[0] == ' ') {
			fields := strings.Fields(line)
			n, err := strconv.ParseFloat(fields[len(fields)-1], 64)
			if err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return sum, nil
}

// heap is the gateway's live memory in bytes, after a collection.
func (s *servers) heap() (float64, error) {
	for range 2 {
		response, err := http.Get("http://" + s.ops + "/debug/pprof/heap?gc=1")
		if err != nil {
			return 0, err
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	return s.metric("go_memstats_heap_alloc_bytes")
}

// redisMemory is what Redis uses for data, in bytes.
func (s *servers) redisMemory(ctx context.Context) (float64, error) {
	info, err := s.redis.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(info) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory_dataset:"); ok {
			return strconv.ParseFloat(text, 64)
		}
	}
	return 0, fmt.Errorf("INFO memory tells no used_memory_dataset")
}
