package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The journey of the README, as written there, ends with a paid order.
func TestReadmeJourney(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../README.md")
	must(t, err)
	_, rest, ok := strings.Cut(string(raw), "<!-- journey: a test runs this -->\n```sh\n")
	script, _, end := strings.Cut(rest, "```")
	if !ok || !end {
		t.Fatal("the README has no journey")
	}
	dir := t.TempDir()
	if code := run(t.Context(), []string{"seed", "--data-dir", dir}, io.Discard, testWriter{t}); code != 0 {
		t.Fatal("seed failed")
	}
	g := backend{}.serve(t, func(c *gatewayConfig) { c.DataDir = dir })
	g.opens("demo")
	script = strings.Replace(script, "http://127.0.0.1:8080", g.URL(), 1)
	cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-c", script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil || !strings.Contains(out.String(), `"state":"paid"`) {
		t.Errorf("%v:\n%s", err, out.String())
	}
	if code := run(t.Context(), []string{"verify", "--data-dir", dir, "--admin-token", testAdmin}, testWriter{t}, testWriter{t}); code != 0 {
		t.Error("verify finds something")
	}
}
