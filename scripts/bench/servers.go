package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"frontrow/internal/testenv"
)

// benchAdmin is the admin token of every gateway that is measured.
const benchAdmin = "the-operator-of-the-benchmark"

// servers are a Redis, a database, and the gateways that run on them.
type servers struct {
	gateway  string // the program
	settings []string
	url, dsn string
	redis    *redis.Client
	db       *sql.DB
	gateways []*gateway
}

// startServers starts a Redis and a database, or takes a database of its own on the
// server of others, and a gateway, with more settings. It returns one that can be stopped with any error.
func startServers(ctx context.Context, binary string, others *servers, settings ...string) (*servers, error) {
	s := &servers{gateway: binary, settings: settings}
	var err error
	if s.url, err = testenv.RunRedis(); err != nil {
		return s, oneLine("no Redis to measure on (scripts/setup.sh test installs one)", err)
	}
	options, err := redis.ParseURL(s.url)
	if err != nil {
		return s, err
	}
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	options.ReadTimeout = time.Minute // copying a line of a million takes a while
	s.redis = redis.NewClient(options)
	if s.dsn, err = databaseFor(ctx, others); err != nil {
		return s, err
	}
	if s.db, err = sql.Open("mysql", s.dsn); err != nil {
		return s, err
	}
	migrate := exec.Command(binary, "migrate")
	migrate.Env = s.env("", "")
	if text, err := migrate.CombinedOutput(); err != nil {
		return s, oneLine("migrate", fmt.Errorf("%w: %s", err, text))
	}
	_, err = s.addGateway()
	return s, err
}

func databaseFor(ctx context.Context, others *servers) (string, error) {
	if others == nil {
		dsn, err := testenv.RunMySQL()
		if err != nil {
			err = oneLine("no MySQL or MariaDB to measure on (scripts/setup.sh test installs one)", err)
		}
		return dsn, err
	}
	config, err := mysql.ParseDSN(others.dsn)
	if err != nil {
		return "", err
	}
	config.DBName += "_small"
	_, err = others.db.ExecContext(ctx, "CREATE DATABASE "+config.DBName+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	return config.FormatDSN(), err
}

// oneLine says what is wrong, and of a cause of many lines the last: that of the way
// to come by a server that was tried last.
func oneLine(what string, cause error) error {
	lines := strings.Split(strings.TrimSpace(cause.Error()), "\n")
	return fmt.Errorf("%s: %s", what, strings.TrimPrefix(strings.TrimSpace(lines[len(lines)-1]), "installed: "))
}

// env is a gateway's: what this shell has set for another is not meant for it.
func (s *servers) env(listen, ops string) []string {
	env := []string{
		"FRONTROW_REDIS_URL=" + s.url, "FRONTROW_MYSQL_DSN=" + s.dsn, "FRONTROW_LISTEN=" + listen, "FRONTROW_OPS_LISTEN=" + ops,
		"FRONTROW_SECRET=" + strings.Repeat("YmVuY2g9", 8), "FRONTROW_ADMIN_TOKEN=" + benchAdmin,
		"FRONTROW_LOG_LEVEL=error", "FRONTROW_DEMO_CHARGES=true",
	}
	env = append(env, s.settings...)
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "FRONTROW_") {
			env = append(env, setting)
		}
	}
	return env
}

// addGateway starts one more gateway and waits until it is ready.
func (s *servers) addGateway() (*gateway, error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	ops, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := startProcess("gateway", s.env(listen, ops), s.gateway, "serve")
	if err != nil {
		return nil, err
	}
	g := &gateway{process: p, address: listen, ops: ops}
	s.gateways = append(s.gateways, g)
	return g, p.within(30*time.Second, func() error { return g.expect(200, "GET", "http://"+ops+"/readyz", nil, nil) })
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// stop ends what was started, but for what testenv ends.
func (s *servers) stop() {
	for _, g := range s.gateways {
		g.process.stop()
	}
	s.gateways = nil
	if s.db != nil {
		_ = s.db.Close()
	}
	if s.redis != nil {
		_ = s.redis.Close()
	}
}

// startBaseline starts the bare server, with a setting for its environment or none, and
// waits until it answers.
func startBaseline(setting string) (*process, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	p, err := startProcess("baseline", append(os.Environ(), setting), self, "baseline", address)
	if err != nil {
		return nil, "", err
	}
	return p, address, p.within(10*time.Second, func() error {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
}

// within tries until it works, the process has ended, or it has taken too long.
func (p *process) within(d time.Duration, try func() error) error {
	err := errors.New("not tried")
	for until := time.Now().Add(d); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if err = try(); err == nil {
			return p.lives()
		}
		if dead := p.lives(); dead != nil {
			return dead
		}
	}
	return err
}
