package main

import (
	"context"
	"strings"
	"testing"

	"frontrow/internal/testenv"
)

func TestReady(t *testing.T) {
	t.Parallel()
	server := testenv.OwnRedis(t)
	b := backend{redis: server.URL(), dsn: testenv.MySQL(t)}
	b.migrate(t)
	listen, ops := testenv.FreeAddress(t), testenv.FreeAddress(t)
	b.serve(t, func(c *gatewayConfig) { c.Listen, c.OpsListen = listen, ops })
	if code, out, _ := runs(t, "ready", "--listen", listen, "--ops-listen", ops); code != 0 || out != "ready\n" {
		t.Errorf("exit code %d, %q", code, out)
	}
	if code, _, told := runs(t, "ready", "--listen", listen); code != 1 || !strings.Contains(told, "not ready") {
		t.Errorf("exit code %d, %q where /readyz is not", code, told)
	}
	server.Kill()
	if code, _, told := runs(t, "ready", "--ops-listen", ops); code != 1 || !strings.Contains(told, `"redis":"unavailable"`) {
		t.Errorf("exit code %d, %q without Redis", code, told)
	}
	if code, _, told := runs(t, "ready", "--ops-listen", testenv.FreeAddress(t)); code != 1 || !strings.Contains(told, "not ready") {
		t.Errorf("exit code %d, %q of no gateway", code, told)
	}
}

func TestWhereToAskWhetherReady(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		":8080": "127.0.0.1:8080", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "[::1]:80", "10.0.0.7:80": "10.0.0.7:80", "box:1": "box:1",
	} {
		if got, err := dialable(listen); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", listen, got, err, want)
		}
	}
	if err := (&readyCommand{Listen: "nowhere"}).Run(context.Background(), console{}); err == nil {
		t.Error("an address without a port was asked")
	}
}
