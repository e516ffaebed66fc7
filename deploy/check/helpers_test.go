package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is the directory of the product's go.mod.
const root = "../.."

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	must(t, err)
	return string(raw)
}

// runs runs a program in a directory and returns what it printed.
func runs(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// deployed is a copy of deploy, with the env files that secrets.sh makes.
func deployed(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "deploy")
	must(t, os.CopyFS(dir, os.DirFS("..")))
	for _, env := range []string{"frontrow.env", "mysql.env", "grafana.env"} {
		_ = os.Remove(filepath.Join(dir, env)) // those of whoever runs this
	}
	runs(t, dir, nil, "bash", "secrets.sh", dir)
	return dir
}
