package main

import (
	"bytes"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// runs runs a command with an empty environment of Frontrow's variables.
func runs(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

// Everything that is wrong with the configuration is said at once, before anything starts.
func TestConfigurationErrorsAtOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "never-made")
	code, _, errOut := runs(t, "serve", "--data-dir", dir, "--listen", "nowhere", "--redis-url", "redis-cluster://a:1,b",
		"--secret", "c2hvcnQ=", "--trusted-proxies", "10.0.0.0/33", "--public-url", "ftp://x", "--log-level", "loud", "--admin-token", "short",
		"--embed-origins", "https://shop.example,https://x; script-src *")
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{
		"FRONTROW_LISTEN", "go together", `redis-cluster://: "b" is no host:port`, "FRONTROW_SECRET: secret 1: has 5 bytes",
		"FRONTROW_TRUSTED_PROXIES", "FRONTROW_PUBLIC_URL", "FRONTROW_ADMIN_TOKEN must have 16",
		`FRONTROW_EMBED_ORIGINS: "https://x; script-src *" is no origin`,
	} {
		if !strings.Contains(errOut, want) {
			t.Errorf("not said: %s", want)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("something was started all the same")
	}
	if !strings.Contains(errOut, "FRONTROW_LOG_LEVEL") {
		t.Error("not said: FRONTROW_LOG_LEVEL")
	}
}

func TestServersAreRefusedByName(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--redis-url redis-sentinel://a:1 --mysql-dsn u:p@tcp(h:1)/d":      "the path must be the master's name",
		"--redis-url redis-sentinel://a:1,:2/m --mysql-dsn u:p@tcp(h:1)/d": `":2" is no host:port`,
		"--redis-url redis-cluster://a:1/1 --mysql-dsn u:p@tcp(h:1)/d":     "a cluster has one database",
		"--redis-url redis-cluster://a:1?x=y --mysql-dsn u:p@tcp(h:1)/d":   "is not a cluster's",
		"--redis-url redis-flock://a:1 --mysql-dsn u:p@tcp(h:1)/d":         "must be redis://",
		"--redis-url http://a --mysql-dsn u:p@tcp(h:1)/d":                  "must be redis://",
		"--redis-url redis://a --mysql-dsn nonsense":                       "FRONTROW_MYSQL_DSN must be",
		"--redis-url redis://a --mysql-dsn u:p@tcp(h:1)/":                  "FRONTROW_MYSQL_DSN must be",
		"--redis-url redis://a --mysql-dsn file:x":                         "FRONTROW_MYSQL_DSN is no file",
		"--redis-url redis://a:6379":                                       "go together",
		"--redis-url redis://a --mysql-dsn u:p@tcp(h:1)/d":                 "FRONTROW_SECRET is required",
		"--payment-url pay.example":                                        "FRONTROW_PAYMENT_URL must be http(s)://host",
		"--payment-timeout 99ms":                                           "FRONTROW_PAYMENT_TIMEOUT must be from 100ms to 1m0s",
		"--payment-timeout 61s":                                            "FRONTROW_PAYMENT_TIMEOUT must be from 100ms to 1m0s",
		"--payment-slot 999ms":                                             "FRONTROW_PAYMENT_SLOT must be from 1s",
		"--payment-slot 11m":                                               "FRONTROW_PAYMENT_SLOT must be from 1s to FRONTROW_PAYMENT_SEATS",
		"--payment-seats 25h":                                              "FRONTROW_PAYMENT_SEATS must be at most 24h",
		"--payment-webhook-secret fifteen-chars--":                         "FRONTROW_PAYMENT_WEBHOOK_SECRET must have 16 characters",
		"--drain=-1s":  "FRONTROW_DRAIN must be from 0s to 5m",
		"--drain 5m1s": "FRONTROW_DRAIN must be from 0s to 5m",
	} {
		code, _, errOut := runs(t, append([]string{"serve"}, strings.Fields(args)...)...)
		if code != 1 || !strings.Contains(errOut, want) {
			t.Errorf("%s: exit code %d, %s; want %q", args, code, errOut, want)
		}
	}
}

func TestWhatServeRefuses(t *testing.T) {
	t.Parallel()
	refuses := func(b backend, want string) {
		t.Helper()
		config := gatewayConfig{
			servers: servers{RedisURL: b.redis, MySQLDSN: b.dsn}, Listen: "127.0.0.1:0", Secret: testSecret, AdminToken: testAdmin, LogLevel: "info",
			cardConfig: testCards,
		}
		g, err := newGateway(t.Context(), config, slog.New(slog.DiscardHandler))
		if err == nil {
			g.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	behind := backend{redis: testenv.Redis(t), dsn: testenv.MySQL(t)}
	refuses(behind, "run `frontrow migrate` first")
	behind.migrate(t)
	evicts := testenv.OwnRedis(t, "--maxmemory-policy", "allkeys-lru")
	refuses(backend{redis: evicts.URL(), dsn: behind.dsn}, "maxmemory-policy is allkeys-lru")
	refuses(backend{redis: "redis://127.0.0.1:1", dsn: behind.dsn}, "redis")
}

func TestMigrateFromManyMachines(t *testing.T) {
	t.Parallel()
	dsn := testenv.MySQL(t)
	codes := make(chan int, 4)
	for range cap(codes) {
		go func() { codes <- run(t.Context(), []string{"migrate", "--mysql-dsn", dsn}, io.Discard, testWriter{t}) }()
	}
	for range cap(codes) {
		if code := <-codes; code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
	if code, _, errOut := runs(t, "migrate"); code != 1 || !strings.Contains(errOut, "migrates by itself") {
		t.Errorf("without a DSN: exit code %d, %s", code, errOut)
	}
}

func TestSeed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	seed := func(text string) (int, string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "show.yaml")
		must(t, os.WriteFile(path, []byte(text), 0o600))
		code, out, errOut := runs(t, "seed", "--data-dir", dir, "--file", path)
		return code, out + errOut
	}
	const show = "show: small\ntitle: Small\nsections:\n  - section: A\n    name: A\n    price: 100\n    rows:\n      - row: \"1\"\n        seats: [{number: \"1\", x: 1, y: 1}, {number: \"2\", x: 2, y: 1}]\n"
	for text, want := range map[string]string{
		show:                                  "created show small: 2 seats, draft",
		strings.Replace(show, "100", "-1", 1): "price",
		show + "colour: red\n":                "colour",
		strings.Replace(show, "price:", "price", 1): "not",
		show[:len(show)-20]:                         "not",
		"":                                          "sections",
		show + "admission: {admit: -1}\n":           "admit",
		show + "hold_seconds: soon\n":               "hold_seconds",
	} {
		code, out := seed(text)
		if (code == 0) != strings.HasPrefix(want, "created") || !strings.Contains(out, want) {
			t.Errorf("%q: exit code %d, %s; want %q", text, code, out, want)
		}
	}
	if code, out := seed(strings.Replace(show, "Small", "Large", 1)); code != 0 || !strings.Contains(out, "updated show small") {
		t.Errorf("again: exit code %d, %s", code, out)
	}
	if code, _, errOut := runs(t, "seed", "--file", "/nowhere.yaml"); code != 2 || !strings.Contains(errOut, "nowhere.yaml") {
		t.Errorf("a file that is not there: exit code %d, %s", code, errOut)
	}
}

func TestSmallCommands(t *testing.T) {
	t.Parallel()
	if code, out, _ := runs(t, "version"); code != 0 || !strings.HasPrefix(out, "frontrow dev, commit ") || !strings.Contains(out, "go1.") {
		t.Errorf("version: %d %s", code, out)
	}
	code, out, _ := runs(t, "serve", "--help")
	for _, variable := range []string{
		"FRONTROW_LISTEN", "FRONTROW_REDIS_URL", "FRONTROW_MYSQL_DSN", "FRONTROW_DATA_DIR", "FRONTROW_SECRET", "FRONTROW_ADMIN_TOKEN",
		"FRONTROW_TRUSTED_PROXIES", "FRONTROW_PUBLIC_URL", "FRONTROW_OPS_LISTEN", "FRONTROW_LOG_LEVEL", "FRONTROW_DEMO_CHARGES",
	} {
		if code != 0 || !strings.Contains(out, variable) {
			t.Errorf("serve --help: %d, lacks %s", code, variable)
		}
	}
	for _, args := range [][]string{{}, {"dance"}, {"serve", "--speed", "9"}, {"simulate"}, {"simulate", "--visitors", "many"}} {
		if code, _, errOut := runs(t, args...); code != 2 || errOut == "" {
			t.Errorf("%v: exit code %d, %q", args, code, errOut)
		}
	}
	for _, args := range [][]string{
		{"simulate", "--visitors", "0"}, {"simulate", "--visitors", "200001"},
		{"verify", "--data-dir", t.TempDir()}, {"verify", "--redis-url", "redis://127.0.0.1:1", "--mysql-dsn", "u:p@tcp(127.0.0.1:1)/d"},
	} {
		if code, _, errOut := runs(t, args...); code != 1 || errOut == "" {
			t.Errorf("%v: exit code %d, %q", args, code, errOut)
		}
	}
}

// The embedded default keeps its secrets, its sales, and the line by its tokens.
func TestEmbeddedRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own := func(c *gatewayConfig) { c.DataDir, c.Secret = dir, "" }
	g := backend{}.serve(t, own)
	show := g.show(func(s map[string]any) {
		a := s["admission"].(map[string]any)
		a["max_active"], a["absence_seconds"], a["claim_seconds"] = 1, 12, 10
	})
	buyer := g.enters(show)
	held := buyer.hold("A-1-1").want(http.StatusCreated)
	buyer.charge(50_000).want(http.StatusCreated)
	paid := buyer.pay(held.text("hold"), "k").want(http.StatusCreated)
	buyer.is("finished")
	inside, waiting, behind := g.enters(show), g.joins(show), g.joins(show)
	kept := inside.hold("A-1-2").want(http.StatusCreated)

	second := gatewayConfig{servers: servers{DataDir: dir}, Listen: "127.0.0.1:0", LogLevel: "info", cardConfig: testCards}
	if _, err := newGateway(t.Context(), second, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "running on the data directory") {
		t.Errorf("a second gateway on the data directory: %v", err)
	}
	g.stop()

	again := backend{}.serve(t, own)
	again.opens(show)
	for _, v := range []*guest{buyer, inside, waiting, behind} {
		v.g = again
	}
	inside.is("admitted")
	inside.charge(50_000).want(http.StatusCreated)
	inside.pay(kept.text("hold"), "k").want(http.StatusCreated)
	again.do(call{method: "GET", path: "/v1/orders/" + paid.text("order"), bearer: buyer.token}).want(http.StatusOK)
	buyer.is("finished")
	behind.is("waiting")
	waiting.is("waiting")
	testenv.Wait(t, 30*time.Second, func() bool {
		behind.poll()
		return waiting.poll().text("state") == "admitted"
	}, "the next one is not let in after the recovery")
	if s := behind.poll(); s.text("state") != "waiting" {
		t.Errorf("the one behind is %s", s.text("state"))
	}
	again.verifies(show)

	for _, name := range []string{secretFile, adminFile, addressFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s is readable by others: %s", name, info.Mode())
		}
	}
	secret := servers{DataDir: dir}.stored(secretFile)
	if raw, err := base64.RawURLEncoding.DecodeString(secret); err != nil || len(raw) != 32 {
		t.Errorf("the secret is %q", secret)
	}
}

// Operations move to an address of their own.
func TestSeparateOps(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t, func(c *gatewayConfig) { c.OpsListen = "127.0.0.1:0" })
	ops := "http://" + g.opsAt.Addr().String()
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if r := send(t, ops, call{method: "GET", path: path}); r.status != http.StatusOK {
			t.Errorf("%s there: %d", path, r.status)
		}
		if status := get(t, g.URL()+path); status != http.StatusNotFound {
			t.Errorf("%s here: %d", path, status)
		}
	}
	if status := get(t, ops+"/debug/pprof/"); status != http.StatusOK {
		t.Errorf("profiles: %d", status)
	}
	if status := get(t, g.URL()+"/debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("profiles are shown to everybody: %d", status)
	}
}

func get(t *testing.T, url string) int {
	t.Helper()
	r, err := client.Get(url)
	must(t, err)
	defer r.Body.Close()
	return r.StatusCode
}
