package testenv

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

const mysqlImage = "mysql:8.4.3"

const mysqlHelp = `no MySQL-compatible server for the tests. Any of these will do:
  1. TEST_MYSQL_DSN=user:password@tcp(host:3306)/, whose user may CREATE and DROP DATABASE
  2. a Docker engine (image ` + mysqlImage + `, or the one that TEST_MYSQL_IMAGE names)
  3. mariadbd or mysqld installed here; scripts/setup.sh test installs it`

// relaxed settings of the shared server save flushes to the disk: what a test
// wrote need not outlive a power cut. Commits keep their order and isolation.
var relaxed = []string{"--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=0"}

// MySQL returns the DSN (go-sql-driver form) of a fresh, empty database, utf8mb4
// with binary collation, on the server that the tests of this process share. It
// is dropped when the test ends; a transaction that the test left open then shows
// as an error. The test fails where no server can be had.
func MySQL(t testing.TB) string {
	t.Helper()
	server, err := sharedMySQL()
	must(t, err)
	name, err := newDatabase(server)
	must(t, err)
	t.Cleanup(func() {
		if err := execute(server, "DROP DATABASE "+name); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return inDatabase(server, name)
}

// sharedMySQL returns the DSN, without a database, of the shared server.
var sharedMySQL = sync.OnceValues(func() (string, error) {
	if dsn := os.Getenv("TEST_MYSQL_DSN"); dsn != "" {
		if _, err := mysql.ParseDSN(dsn); err != nil {
			return "", fmt.Errorf("TEST_MYSQL_DSN: %w", err)
		}
		if err := execute(inDatabase(dsn, ""), "DO 1"); err != nil {
			return "", fmt.Errorf("TEST_MYSQL_DSN names a server that does not answer: %w", err)
		}
		return inDatabase(dsn, ""), nil
	}
	server, dsn, err := newMySQL(relaxed)
	if err != nil {
		return "", err
	}
	atExit(server.discard)
	return dsn, nil
})

// MySQLServer is a MySQL-compatible server that one test has for itself, to
// stop, start and kill. Its methods fail the test, so call them from the test's
// own goroutine.
type MySQLServer struct {
	t      testing.TB
	server engine
	dsn    string
}

// OwnMySQL starts a server for this test, with the further arguments given, as
// on the command line of mysqld. Unlike the shared one it flushes every commit to
// the disk. It is gone with the test. TEST_MYSQL_DSN does not name it. A first argument
// --defaults-file= names settings that it then has alone; a container is not given those.
func OwnMySQL(t testing.TB, args ...string) *MySQLServer {
	t.Helper()
	server, dsn, err := newMySQL(args)
	must(t, err)
	t.Cleanup(server.discard)
	must(t, execute(dsn, createDatabase("frontrow")))
	return &MySQLServer{t: t, server: server, dsn: inDatabase(dsn, "frontrow")}
}

// DSN names the server's one database, empty at first, and is the same over all
// its runs.
func (s *MySQLServer) DSN() string { return s.dsn }

// Stop ends the server in good order.
func (s *MySQLServer) Stop() { s.t.Helper(); must(s.t, s.server.stop()) }

// Start starts the server again and returns once it answers.
func (s *MySQLServer) Start() { s.t.Helper(); must(s.t, s.server.start()) }

// Kill ends the server with SIGKILL.
func (s *MySQLServer) Kill() { s.t.Helper(); must(s.t, s.server.kill()) }

// newDatabase makes an empty database on a server and returns its name.
func newDatabase(server string) (string, error) {
	name := "test_" + strings.ToLower(rand.Text())[:16]
	return name, execute(server, createDatabase(name))
}

func createDatabase(name string) string {
	return "CREATE DATABASE " + name + " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
}

// inDatabase returns dsn with another database. The DSN must be well formed.
func inDatabase(dsn, name string) string {
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		panic("testenv: " + err.Error())
	}
	config.DBName = name
	return config.FormatDSN()
}

// execute runs one statement on a connection of its own.
func execute(dsn, statement string) error {
	return withConn(dsn, func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, statement)
		return err
	})
}

// withConn calls f with a database that logs nothing (a server that is about to
// answer is no news) and gives up on rows and tables that others hold after 15 s.
func withConn(dsn string, f func(context.Context, *sql.DB) error) error {
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		return fmt.Errorf("data source name: %w", err)
	}
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return fmt.Errorf("data source name: %w", err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if err := f(ctx, db); err != nil {
		return fmt.Errorf("ask the database server: %w", err)
	}
	return nil
}
