//go:build deploy

package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"frontrow/internal/testenv"
)

// The units are such as systemd takes, and leave a gateway little of the machine.
func TestUnits(t *testing.T) {
	t.Parallel()
	analyze, binary := testenv.Find(t, "systemd-analyze"), testenv.Binary(t)
	dir := t.TempDir()
	units, err := filepath.Glob("systemd/*.service")
	must(t, err)
	if len(units) != 2 {
		t.Fatalf("units %v", units)
	}
	for i, unit := range units {
		raw, err := os.ReadFile(unit)
		must(t, err)
		units[i] = filepath.Join(dir, filepath.Base(unit))
		write(t, strings.ReplaceAll(string(raw), "/usr/local/bin/frontrow", binary), units[i])
	}
	if said := runs(t, nil, analyze, append([]string{"verify"}, units...)...); strings.TrimSpace(said) != "" {
		t.Error(said)
	}
	for _, unit := range units {
		// 0 is everything forbidden, 100 nothing; by default services are at 96.
		runs(t, nil, analyze, "security", "--offline=true", "--threshold=15", unit)
	}
}

// The rules say what they are to say: each case in alerts_test.yml is judged by promtool.
func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool := testenv.Find(t, "promtool")
	runs(t, nil, promtool, "check", "config", "prometheus/prometheus.yml")
	runs(t, nil, promtool, "test", "rules", "prometheus/alerts_test.yml")
	rules, err := os.ReadFile("prometheus/alerts.yml")
	must(t, err)
	cases, err := os.ReadFile("prometheus/alerts_test.yml")
	must(t, err)
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(rules), -1) {
		if !regexp.MustCompile(`alertname: ` + m[1] + `\n\s+exp_alerts:\n`).Match(cases) {
			t.Errorf("%s is never made to fire", m[1])
		}
	}
}
