// Package testenv gives tests real servers: Redis and a MySQL-compatible
// database, found in this order:
//
//  1. TEST_REDIS_URL and TEST_MYSQL_DSN, servers that the tests may write to
//     (the user of the DSN may CREATE and DROP DATABASE);
//  2. containers, where a Docker engine answers (images by TEST_REDIS_IMAGE
//     and TEST_MYSQL_IMAGE);
//  3. programs of the operating system's packages, started on free ports of
//     127.0.0.1 with throw-away data.
//
// With none of them a test fails and says which three ways there are. Nothing
// is skipped: a test that did not run must not look like one that passed.
//
// Servers start when the first test asks, once per test process, and are shared
// by its parallel tests, which keep apart by random shows and databases of their
// own. A test that stops or kills a server takes one of its own.
package testenv

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Main runs the tests, stops the servers that they started, removes what those
// wrote, and exits. What this shell may have set for a real gateway (FRONTROW_…) is kept out of
// them. Every package that uses this one says
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
func Main(m *testing.M) {
	for _, setting := range os.Environ() {
		if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "FRONTROW_") {
			_ = os.Unsetenv(name)
		}
	}
	code := m.Run()
	closeAll()
	os.Exit(code)
}

// EachRedis runs f on the embedded Redis and on a real one, as parallel subtests
// "miniredis" and "redis", with the URL of the server.
func EachRedis(t *testing.T, f func(t *testing.T, url string)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		f(t, "redis://"+MiniRedis(t).Addr()+"/0")
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		f(t, Redis(t))
	})
}

// EachDatabase runs f on the embedded database and on a real one, as parallel
// subtests "sqlite" and "mysql", each with an empty database of its own.
func EachDatabase(t *testing.T, f func(t *testing.T, dsn string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, SQLite(t))
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		f(t, MySQL(t))
	})
}

// EachBackend runs f on the two pairs that are run in earnest, as parallel
// subtests "miniredis+sqlite" (the embedded default) and "redis+mysql".
func EachBackend(t *testing.T, f func(t *testing.T, redisURL, dsn string)) {
	t.Helper()
	t.Run("miniredis+sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, "redis://"+MiniRedis(t).Addr()+"/0", SQLite(t))
	})
	t.Run("redis+mysql", func(t *testing.T) {
		t.Parallel()
		f(t, Redis(t), MySQL(t))
	})
}

// SQLite returns the DSN of a database file that does not exist yet, in a
// directory that goes with the test. It is not t.TempDir, whose path has the
// test's name in it, and a "#" or "%" there means something else in a DSN.
func SQLite(t testing.TB) string {
	t.Helper()
	dir, err := scratchDir("sqlite")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return "file:" + filepath.Join(dir, "frontrow.db")
}

// closers holds what closeAll does, in the order in which things were started.
var closers struct {
	sync.Mutex
	list []func()
}

func atExit(f func()) {
	closers.Lock()
	defer closers.Unlock()
	closers.list = append(closers.list, f)
}

func closeAll() {
	closers.Lock()
	defer closers.Unlock()
	for i := len(closers.list) - 1; i >= 0; i-- {
		closers.list[i]()
	}
	closers.list = nil
}
