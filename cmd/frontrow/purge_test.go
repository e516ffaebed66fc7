package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

func TestPurgeCommand(t *testing.T) {
	t.Parallel()
	b := realBackend(t)
	g := b.serve(t)
	show := g.show()
	v := g.enters(show)
	hold := v.hold("A-1-1").want(http.StatusCreated)
	v.charge(50_000).want(http.StatusCreated)
	v.pay(hold.text("hold"), "k").want(http.StatusCreated)
	purge := func(args ...string) (int, string, string) {
		return runs(t, append([]string{"purge", "--redis-url", b.redis, "--mysql-dsn", b.dsn}, args...)...)
	}
	if code, out, _ := purge("--days", "1"); code != 0 || out != "" {
		t.Errorf("exit code %d, %q while nothing is over", code, out)
	}
	for _, days := range []string{"0", "3651", "-1"} {
		if code, _, told := purge("--days=" + days); code != 1 || !strings.Contains(told, "--days must be from 1 to 3650") {
			t.Errorf("%s days: exit code %d, %q", days, code, told)
		}
	}
	if code, _, told := purge("--days", "3650", "--show", show); code != 1 || !strings.Contains(told, "is not closed, or not over for as long") {
		t.Errorf("exit code %d, %q", code, told)
	}
	g.admin("POST", "/v1/admin/shows/"+show+"/close", nil).want(http.StatusOK)
	g.admin("PATCH", "/v1/admin/shows/"+show, map[string]any{"plays_at": time.Now().Add(-25 * time.Hour).UTC().Format(time.RFC3339)}).want(http.StatusOK)
	var would string
	testenv.Wait(t, 20*time.Second, func() bool {
		code, out, _ := purge("--days", "1", "--dry-run")
		would = out
		return code == 0
	}, "something is not at its end")
	if !strings.Contains(would, show+": would: forgot 1 visitors") {
		t.Errorf("dry: %q", would)
	}
	if code, out, told := purge("--days", "1"); code != 0 || !strings.Contains(out, show+": forgot 1 visitors, kept 0") {
		t.Errorf("exit code %d, %q, %q", code, out, told)
	}
	g.verifies(show)
	if entries := g.admin("GET", "/v1/admin/audit?show="+show+"&limit=1", nil).want(http.StatusOK); !strings.Contains(string(entries.body), `"purge"`) {
		t.Errorf("the audit says %s", entries.body)
	}
}
