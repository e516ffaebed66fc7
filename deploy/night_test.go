//go:build deploy

package deploy

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/goccy/go-yaml"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"frontrow/internal/testenv"
)

// night is a whole installation: two gateways behind nginx, on Redis and MySQL, watched by
// Prometheus, each with the settings that are shipped.
type night struct {
	t              *testing.T
	binary         string
	redis, dsn     string
	gateways       []*testenv.RunningProgram
	at             []string // where these listen
	front, watcher string
}

func begin(t *testing.T) *night {
	t.Helper()
	n := &night{
		t: t, binary: testenv.Binary(t),
		redis: testenv.OwnRedis(t, absolute(t, "redis/redis.conf")).URL(),
		dsn:   testenv.OwnMySQL(t, "--defaults-file="+absolute(t, "mysql/frontrow.cnf")).DSN(),
	}
	runs(t, n.env(), n.binary, "migrate")
	var ops []string
	for range 2 {
		listen, tell := testenv.FreeAddress(t), testenv.FreeAddress(t)
		n.at, ops = append(n.at, listen), append(ops, tell)
		n.gateways = append(n.gateways, testenv.Start(t, testenv.Program{
			Name: n.binary, Args: []string{"serve"},
			Env:     n.env("FRONTROW_LISTEN="+listen, "FRONTROW_OPS_LISTEN="+tell, "FRONTROW_TRUSTED_PROXIES=127.0.0.1", "FRONTROW_DEMO_CHARGES=true"),
			Answers: func() error { return ok("http://" + tell + "/readyz") },
		}))
	}
	n.behindNginx(n.at)
	n.watched(ops)
	return n
}

func (n *night) env(more ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "FRONTROW_REDIS_URL=" + n.redis, "FRONTROW_MYSQL_DSN=" + n.dsn,
		"FRONTROW_SECRET=" + secret, "FRONTROW_ADMIN_TOKEN=" + admin,
	}, more...)
}

func (n *night) behindNginx(gateways []string) {
	n.t.Helper()
	listen, kept := testenv.FreeAddress(n.t), n.t.TempDir()
	dir := copied(n.t, "nginx",
		"frontrow.conf", "listen 80;", "listen "+listen+";",
		"frontrow.conf", "/var/cache/nginx", kept,
		"nginx.conf", "/run/nginx.pid", kept+"/pid",
		"upstream.conf", "gateway-1:8080", gateways[0],
		"upstream.conf", "gateway-2:8080", gateways[1],
	)
	user := ""
	if os.Geteuid() == 0 {
		user = " user root;" // whose the directories of this test are
	}
	n.front = "http://" + listen
	testenv.Start(n.t, testenv.Program{
		Name: testenv.Find(n.t, "nginx"), Args: []string{"-p", kept, "-c", dir + "/nginx.conf", "-g", "daemon off;" + user},
		Answers: func() error { return ok(n.front + "/v1/shows") },
	})
}

func (n *night) watched(ops []string) {
	n.t.Helper()
	listen := testenv.FreeAddress(n.t)
	dir := copied(n.t, "prometheus", "targets.yml", "gateway-1:9090", ops[0], "targets.yml", "gateway-2:9090", ops[1])
	n.watcher = "http://" + listen
	testenv.Start(n.t, testenv.Program{
		Name:    testenv.Find(n.t, "prometheus"),
		Args:    []string{"--config.file=" + dir + "/prometheus.yml", "--storage.tsdb.path=" + n.t.TempDir(), "--web.listen-address=" + listen},
		Answers: func() error { return ok(n.watcher + "/-/ready") },
	})
}

// sample is what Prometheus has of an expression.
type sample struct {
	Metric map[string]string
	Value  [2]any
}

func (n *night) query(expr string) (found []sample) {
	n.t.Helper()
	var answer struct {
		Status, Error string
		Data          struct{ Result json.RawMessage }
	}
	asks(n.t, n.watcher+"/api/v1/query?query="+url.QueryEscape(expr), &answer)
	if answer.Status != "success" {
		n.t.Errorf("%s: %s", expr, answer.Error)
		return nil
	}
	must(n.t, json.Unmarshal(answer.Data.Result, &found))
	return found
}

// One night: a sale through nginx, seen by Prometheus; a gateway dies, the sale does not
// notice, the alert does; the books are dumped, and restored elsewhere.
func TestTheShippedConfigurationRuns(t *testing.T) {
	t.Parallel()
	n := begin(t)
	t.Run("Redis keeps", func(t *testing.T) { n.redisIsSet(t) })
	t.Run("MySQL keeps", func(t *testing.T) { n.mysqlIsSet(t) })

	runs(t, n.env(), n.binary, "seed")
	for _, at := range n.at {
		testenv.Wait(t, 10*time.Second, func() bool { return ok("http://"+at+"/v1/shows/demo/seats/state") == nil }, "the show does not open at %s", at)
	}
	said := runs(t, n.env(), n.binary, "simulate", "--show", "demo", "--visitors", "120", "--mix", "patient=80,many-tabs=10,changes-seats=10", "--url", n.front, "--admin-token", admin)
	if !strings.Contains(said, "sold-once") {
		t.Errorf("no verdict:\n%s", said)
	}
	n.boardIsCached()
	n.everythingIsAsked()
	n.aGatewayDies()
	n.restoreDrill()
}

func (n *night) redisIsSet(t *testing.T) {
	options, err := redis.ParseURL(n.redis)
	must(t, err)
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	c := redis.NewClient(options)
	defer c.Close()
	for name, want := range map[string]string{
		"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "maxmemory": "2147483648", "save": "",
	} {
		if got, err := c.ConfigGet(t.Context(), name).Result(); err != nil || got[name] != want {
			t.Errorf("%s is %q, %v; want %q", name, got[name], err, want)
		}
	}
}

func (n *night) mysqlIsSet(t *testing.T) {
	db, err := sql.Open("mysql", n.dsn)
	must(t, err)
	defer db.Close()
	for name, want := range map[string]string{
		"innodb_flush_log_at_trx_commit": "1", "sync_binlog": "1", "log_bin": "1", "binlog_format": "ROW", "max_connections": "1000",
		"collation_server": "utf8mb4_bin", "innodb_lock_wait_timeout": "5", "binlog_expire_logs_seconds": "604800", "slow_query_log": "1",
	} {
		var got string
		if err := db.QueryRow("SELECT @@GLOBAL." + name).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", name, got, err, want)
		}
	}
}

func (n *night) boardIsCached() {
	n.t.Helper()
	testenv.Wait(n.t, 10*time.Second, func() bool {
		response, err := client.Get(n.front + "/v1/shows/demo/board")
		must(n.t, err)
		response.Body.Close()
		return response.StatusCode == http.StatusOK && response.Header.Get("X-Cache") == "HIT"
	}, "nginx asks for every board")
}

// everythingIsAsked: all rules are loaded and can be evaluated, all panels show what
// can be asked for, and Prometheus has seen the sale.
func (n *night) everythingIsAsked() {
	t := n.t
	t.Helper()
	raw, err := os.ReadFile("prometheus/alerts.yml")
	must(t, err)
	var shipped struct{ Groups []struct{ Rules []any } }
	must(t, yaml.Unmarshal(raw, &shipped))
	want := 0
	for _, g := range shipped.Groups {
		want += len(g.Rules)
	}
	var loaded struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	testenv.Wait(t, 30*time.Second, func() bool {
		asks(t, n.watcher+"/api/v1/rules", &loaded)
		good := 0
		for _, g := range loaded.Data.Groups {
			for _, r := range g.Rules {
				if r.Health == "ok" {
					good++
				}
			}
		}
		return good == want
	}, "of %d rules not all are well: %+v", want, &loaded)
	testenv.Wait(t, 30*time.Second, func() bool { return len(n.query(`up == 1`)) == 2 }, "Prometheus does not see both gateways")
	testenv.Wait(t, 30*time.Second, func() bool {
		return len(n.query(`max by (outcome) (frontrow_queue_visitors_total{outcome="finished"}) > 0`)) == 1
	}, "Prometheus has not seen the sale")
	raw, err = os.ReadFile("grafana/dashboards/frontrow.json")
	must(t, err)
	exprs := regexp.MustCompile(`"expr": ("(?:[^"\\]|\\.)*")`).FindAllStringSubmatch(string(raw), -1)
	if len(exprs) < 40 {
		t.Errorf("%d panels were found", len(exprs))
	}
	fill := strings.NewReplacer("$__rate_interval", "1m", "$show", ".*")
	for _, e := range exprs {
		var expr string
		must(t, json.Unmarshal([]byte(e[1]), &expr))
		n.query(fill.Replace(expr))
	}
}

func (n *night) aGatewayDies() {
	t := n.t
	t.Helper()
	n.gateways[1].Kill()
	for range 20 {
		if err := ok(n.front + "/v1/shows/demo"); err != nil {
			t.Errorf("a visitor notices that a gateway died: %v", err)
		}
	}
	var seen struct {
		Data struct {
			Alerts []struct {
				Labels map[string]string
				State  string
			}
		}
	}
	testenv.Wait(t, time.Minute, func() bool {
		asks(t, n.watcher+"/api/v1/alerts", &seen)
		for _, a := range seen.Data.Alerts {
			if a.Labels["alertname"] == "FrontrowGatewayDown" && a.State == "firing" {
				return true
			}
		}
		return false
	}, "nobody is told that a gateway is down: %+v", &seen)
	for _, a := range seen.Data.Alerts {
		if name := a.Labels["alertname"]; a.State == "firing" && name != "FrontrowGatewayDown" && name != "FrontrowSoldOut" {
			t.Errorf("%s fires too", name)
		}
	}
}
