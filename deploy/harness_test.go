//go:build deploy

// Package deploy has tests alone, of what is shipped here: run with the servers that it is
// for, from the packages of the operating system. `make deploy` runs them; deploy/check looks
// over what needs no server.
package deploy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const (
	admin  = "the-operator-of-the-tests"
	secret = "ZGVwbG95ZGVwbG95ZGVwbG95ZGVwbG95ZGVwbG95ZGVwbG95"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// copied is a copy of a directory of this one, in which names that mean something in a
// container or on a machine of its own are replaced by those of this test.
func copied(t *testing.T, dir string, replace ...string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), dir)
	must(t, os.CopyFS(to, os.DirFS(dir)))
	for i := 0; i < len(replace); i += 3 {
		path := filepath.Join(to, replace[i])
		raw, err := os.ReadFile(path)
		must(t, err)
		text := strings.ReplaceAll(string(raw), replace[i+1], replace[i+2])
		if text == string(raw) {
			t.Fatalf("%s does not have %q", path, replace[i+1])
		}
		must(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return to
}

func write(t *testing.T, text string, path ...string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(path...), []byte(text), 0o600))
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	must(t, err)
	return path
}

// runs runs a program and returns what it printed; it fails the test if that fails.
func runs(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

var client = &http.Client{Timeout: 10 * time.Second}

// ok asks and is content with 200 alone.
func ok(url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}

// asks reads JSON.
func asks(t *testing.T, url string, into any) {
	t.Helper()
	response, err := client.Get(url)
	must(t, err)
	defer response.Body.Close()
	must(t, json.NewDecoder(response.Body).Decode(into))
}
