package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hello is a module with a Go file and an embedded one.
func hello(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range map[string]string{
		"go.mod":          "module hello\n\ngo 1.24\n",
		"cmd/main.go":     "package main\n\nimport _ \"embed\"\n\n//go:embed lua/a.lua\nvar script string\n\nfunc main() { println(\"go \" + script) }\n",
		"cmd/lua/a.lua":   "guarded",
		"cmd/lua/ignored": "",
	} {
		path := filepath.Join(root, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return root
}

func TestOverlayChangesGoAndEmbeddedFiles(t *testing.T) {
	t.Parallel()
	root := hello(t)
	overlay, err := writeOverlay(root, map[string]func(string) string{
		"cmd/lua/a.lua": func(s string) string { return "un" + s },
		"cmd/main.go":   func(s string) string { return strings.Replace(s, "go ", "changed ", 1) },
	})
	must(t, err)
	for want, args := range map[string][]string{
		"go guarded":        nil,
		"changed unguarded": {"-overlay=" + overlay},
	} {
		path, err := build(root, "./cmd", args...)
		must(t, err)
		out, err := exec.Command(path).CombinedOutput()
		must(t, err)
		if got := strings.TrimSpace(string(out)); got != want {
			t.Errorf("built with %q it says %q, want %q", args, got, want)
		}
	}
}

func TestOverlayRefusesAChangeThatChangesNothing(t *testing.T) {
	t.Parallel()
	same := map[string]func(string) string{"cmd/lua/a.lua": func(s string) string { return s }}
	if _, err := writeOverlay(hello(t), same); err == nil || !strings.Contains(err.Error(), "changes nothing") {
		t.Fatalf("writeOverlay = %v; want a refusal", err)
	}
}
