package testenv

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/testcontainers/testcontainers-go"
	redismodule "github.com/testcontainers/testcontainers-go/modules/redis"
)

const redisImage = "redis:7.4.1"

const redisHelp = `no Redis for the tests. Any of these will do:
  1. TEST_REDIS_URL=redis://host:6379/0, a server that tests may write to
  2. a Docker engine (image ` + redisImage + `, or the one that TEST_REDIS_IMAGE names)
  3. redis-server installed here; scripts/setup.sh test installs it`

// redisArgs make a Redis that keeps what it is told and writes nothing of itself.
// noeviction is what the gateway insists on.
var redisArgs = []string{"--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"}

// MiniRedis starts the embedded Redis on a port of 127.0.0.1. It closes with the test.
func MiniRedis(t testing.TB) *miniredis.Miniredis {
	t.Helper()
	return miniredis.RunT(t)
}

// Redis returns the URL of the real Redis that the tests of this process share:
// use random shows, never FLUSHALL. The test fails where no server can be had.
func Redis(t testing.TB) string {
	t.Helper()
	url, err := sharedRedis()
	if err != nil {
		t.Fatal(err)
	}
	return url
}

var sharedRedis = sync.OnceValues(func() (string, error) {
	if url := os.Getenv("TEST_REDIS_URL"); url != "" {
		if _, err := redisInfo(context.Background(), url); err != nil {
			return "", fmt.Errorf("TEST_REDIS_URL names a Redis that does not answer: %w", err)
		}
		return url, nil
	}
	server, url, err := newRedis(nil)
	if err != nil {
		return "", err
	}
	atExit(server.discard)
	return url, nil
})

// RedisServer is a real Redis that one test has for itself, to stop, start and
// kill. Its methods fail the test, so call them from the test's own goroutine.
type RedisServer struct {
	t      testing.TB
	server engine
	url    string
}

// OwnRedis starts a Redis for this test, with the further arguments given, as on
// the command line of redis-server ("--appendonly", "yes"). It is gone with the test.
//
// It keeps nothing over a restart, unless the arguments say so or the test sends
// SAVE: the next start loads what was saved then. TEST_REDIS_URL does not name it. A first
// argument without dashes names a file of settings, which it then has alone; a container is
// not given those.
func OwnRedis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	server, url, err := newRedis(args)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.discard)
	return &RedisServer{t: t, server: server, url: url}
}

// URL is the server's address, the same over all its runs.
func (s *RedisServer) URL() string { return s.url }

// Stop ends the server in good order.
func (s *RedisServer) Stop() { s.t.Helper(); must(s.t, s.server.stop()) }

// Start starts the server again and returns once it answers.
func (s *RedisServer) Start() { s.t.Helper(); must(s.t, s.server.start()) }

// Kill ends the server with SIGKILL.
func (s *RedisServer) Kill() { s.t.Helper(); must(s.t, s.server.kill()) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newRedis(args []string) (engine, string, error) {
	if len(args) == 0 || strings.HasPrefix(args[0], "--") {
		args = append(append([]string{""}, redisArgs...), args...)
	}
	return firstOf([]way{
		{"Docker", 1, func() (engine, string, error) { return redisContainer(args) }},
		{"installed", 3, func() (engine, string, error) { return redisProcess(args) }},
	}, redisHelp)
}

func redisContainer(args []string) (engine, string, error) {
	if args[0] != "" {
		return nil, "", fmt.Errorf("the file of settings is here: %w", errAbsent)
	}
	addr, port, err := dockerAddr()
	if err != nil {
		return nil, "", err
	}
	args = args[1:]
	url := "redis://" + addr + "/0"
	return &dockerContainer{
		port: "6379/tcp", host: port,
		run: func(ctx context.Context, opts ...testcontainers.ContainerCustomizer) (testcontainers.Container, error) {
			opts = append(opts, testcontainers.WithCmd(append([]string{"redis-server"}, args...)...))
			c, err := redismodule.Run(ctx, image("TEST_REDIS_IMAGE", redisImage), opts...)
			if c == nil {
				return nil, err
			}
			return c, err
		},
		answers: func(ctx context.Context) error { _, err := redisInfo(ctx, url); return err },
	}, url, nil
}

func redisProcess(args []string) (engine, string, error) {
	path, err := program("redis-server", "valkey-server")
	if err != nil {
		return nil, "", err
	}
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	dir, err := scratchDir("redis")
	if err != nil {
		return nil, "", err
	}
	url := "redis://" + localAddr(port) + "/0"
	var base []string
	if args[0] != "" {
		base = []string{args[0]}
	}
	base = append(base, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir, "--daemonize", "no")
	return &process{
		program: path, dir: dir, args: append(base, args[1:]...),
		answers: func(r *run) error { return redisIs(r, url) },
	}, url, nil
}

// redisIs returns nil if the Redis that answers at url is this run and not
// another that was quicker to take the port.
func redisIs(r *run, url string) error {
	info, err := redisInfo(context.Background(), url)
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("process_id:%d\r\n", r.cmd.Process.Pid); !strings.Contains(info, want) {
		return fmt.Errorf("another Redis answers at %s", url)
	}
	return nil
}

// redisInfo returns what the server at url says of itself once it has loaded its data.
func redisInfo(ctx context.Context, url string) (string, error) {
	c, err := newClient(url)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := c.DBSize(ctx).Err(); err != nil { // refused while it loads, unlike INFO
		return "", fmt.Errorf("ask Redis: %w", err)
	}
	info, err := c.Info(ctx, "server").Result()
	if err != nil {
		return "", fmt.Errorf("ask Redis: %w", err)
	}
	return info, nil
}

// newClient is a client that tries nothing again.
func newClient(url string) (*redis.Client, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	options.MaxRetries = -1
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(options), nil
}

// plainClient is one that is closed with the test.
func plainClient(t testing.TB, url string) *redis.Client {
	t.Helper()
	c, err := newClient(url)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}
