package testenv

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/glebarez/go-sqlite"
	"github.com/redis/go-redis/v9"
)

func TestMain(m *testing.M) { Main(m) }

func redisClient(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	must(t, err)
	options.MaxRetries = -1
	c := redis.NewClient(options)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func exec1(t *testing.T, driver, dsn, statement string) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	must(t, err)
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestEachRedisRunsScripts(t *testing.T) {
	t.Parallel()
	EachRedis(t, func(t *testing.T, url string) {
		got, err := redisClient(t, url).Eval(t.Context(), "return redis.call('TIME')[1]", nil).Int64()
		if err != nil || time.Since(time.Unix(got, 0)).Abs() > time.Minute {
			t.Fatalf("TIME = %d, %v", got, err)
		}
	})
}

func TestEachDatabaseStartsEmpty(t *testing.T) {
	t.Parallel()
	for range 2 { // the second finds nothing of the first
		EachDatabase(t, func(t *testing.T, dsn string) {
			driver := "mysql"
			if strings.HasPrefix(dsn, "file:") {
				driver = "sqlite"
			}
			exec1(t, driver, dsn, "CREATE TABLE seats (id VARCHAR(40) PRIMARY KEY)")
		})
	}
}

func TestEachBackendPairsThem(t *testing.T) {
	t.Parallel()
	EachBackend(t, func(t *testing.T, redisURL, dsn string) {
		must(t, redisClient(t, redisURL).Ping(t.Context()).Err())
		if embedded := strings.HasPrefix(dsn, "file:"); embedded != strings.HasSuffix(t.Name(), "miniredis+sqlite") {
			t.Fatalf("%s was given %s", t.Name(), dsn)
		}
	})
}

func TestMySQLComparesBytes(t *testing.T) {
	t.Parallel()
	dsn := MySQL(t)
	exec1(t, "mysql", dsn, "CREATE TABLE ids (id VARCHAR(14) PRIMARY KEY)")
	exec1(t, "mysql", dsn, "INSERT INTO ids VALUES ('a'), ('A')")
}

func TestOwnRedisComesBackWithWhatWasSaved(t *testing.T) {
	t.Parallel()
	server := OwnRedis(t)
	c, ctx := redisClient(t, server.URL()), t.Context()
	must(t, c.Set(ctx, "kept", 1, 0).Err())
	must(t, c.Save(ctx).Err())
	must(t, c.Set(ctx, "lost", 1, 0).Err())
	server.Kill()
	if err := c.Ping(ctx).Err(); err == nil {
		t.Fatal("a killed Redis answers")
	}
	server.Start()
	if n, err := c.Exists(ctx, "kept", "lost").Result(); err != nil || n != 1 {
		t.Fatalf("after the restart %d of the two keys, %v; want the saved one", n, err)
	}
	server.Stop()
	server.Start()
	must(t, c.Ping(ctx).Err())
}

func TestOwnRedisTakesArguments(t *testing.T) {
	t.Parallel()
	server := OwnRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	c, ctx := redisClient(t, server.URL()), t.Context()
	must(t, c.Set(ctx, "kept", 1, 0).Err())
	server.Kill()
	server.Start()
	if n, err := c.Exists(ctx, "kept").Result(); err != nil || n != 1 {
		t.Fatalf("the append-only file kept %d keys, %v; want 1", n, err)
	}
}

func TestOwnMySQLKeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	server := OwnMySQL(t)
	exec1(t, "mysql", server.DSN(), "CREATE TABLE paid (id INT PRIMARY KEY)")
	exec1(t, "mysql", server.DSN(), "INSERT INTO paid VALUES (1)")
	server.Kill()
	if err := execute(server.DSN(), "DO 1"); err == nil {
		t.Fatal("a killed server answers")
	}
	server.Start()
	exec1(t, "mysql", server.DSN(), "INSERT INTO paid VALUES (2)")
	server.Stop()
	server.Start()
	var n int
	must(t, withConn(server.DSN(), func(ctx context.Context, db *sql.DB) error {
		return db.QueryRowContext(ctx, "SELECT COUNT(*) FROM paid").Scan(&n)
	}))
	if n != 2 {
		t.Fatalf("%d rows after a kill and a stop, want 2", n)
	}
}

func TestNoServerNamesEveryWay(t *testing.T) {
	t.Parallel()
	absent := way{name: "installed", open: func() (engine, string, error) { return nil, "", errAbsent }}
	_, _, err := firstOf([]way{absent}, mysqlHelp)
	for _, want := range []string{"TEST_MYSQL_DSN", "Docker", "scripts/setup.sh test", "installed: not here"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
}

func TestProcessThatEndsSaysWhy(t *testing.T) {
	t.Parallel()
	path, err := program("go")
	must(t, err)
	p := &process{program: path, args: []string{"no-such-command"}, dir: t.TempDir(),
		answers: func(*run) error { return errAbsent }}
	if err := p.start(); err == nil || !strings.Contains(err.Error(), "unknown command") {
		t.Fatalf("start = %v; want what the program said", err)
	}
}

func TestPollGivesUp(t *testing.T) {
	t.Parallel()
	if poll(5*time.Millisecond, func() bool { return false }) {
		t.Fatal("a condition that never holds held")
	}
	looks := 0
	if !poll(time.Minute, func() bool { looks++; return looks == 3 }) {
		t.Fatal("a condition that holds at the third look did not")
	}
}

func TestSweepLeavesWhatIsHeld(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dirs := map[string]string{}
	for _, name := range []string{"held", "left"} {
		dirs[name] = filepath.Join(parent, "frontrow-test-"+name)
		must(t, os.Mkdir(dirs[name], 0o700))
		release, err := holdDir(dirs[name])
		must(t, err)
		if name == "left" {
			release()
		} else {
			t.Cleanup(release)
		}
	}
	sweepScratch(parent, time.Hour)
	if left, _ := os.ReadDir(parent); len(left) != 2 {
		t.Fatalf("%d directories after sweeping old ones, want the 2 young ones", len(left))
	}
	sweepScratch(parent, 0)
	if left, _ := os.ReadDir(parent); len(left) != 1 || left[0].Name() != filepath.Base(dirs["held"]) {
		t.Fatalf("after sweeping: %v, want the held one", left)
	}
}
