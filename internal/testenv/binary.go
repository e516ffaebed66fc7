package testenv

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// mainPackage is what Binary builds, relative to the module's root.
const mainPackage = "./cmd/frontrow"

// builds keeps what Binary built, by its arguments, and lets one build run at a
// time: each would take all cores.
var builds = struct {
	sync.Mutex
	done map[string]string
}{done: map[string]string{}}

// Binary returns the path of the frontrow binary, built from this source without
// the race detector (timing is part of what tests of whole processes look at).
// Further arguments go to go build. It is built once per process and arguments.
func Binary(t testing.TB, args ...string) string {
	t.Helper()
	root, err := moduleRoot()
	must(t, err)
	builds.Lock()
	defer builds.Unlock()
	key := strings.Join(args, "\x00")
	if path, ok := builds.done[key]; ok {
		return path
	}
	path, err := build(root, mainPackage, args...)
	must(t, err)
	builds.done[key] = path
	return path
}

// BinaryWith returns the path of a frontrow binary built with some files changed:
// replace maps a path relative to the module's root, of Go or embedded text, to
// what makes the new text of the old. A change that changes nothing fails the
// test, since the binary would then prove nothing.
func BinaryWith(t testing.TB, replace map[string]func(src string) string) string {
	t.Helper()
	root, err := moduleRoot()
	must(t, err)
	overlay, err := writeOverlay(root, replace)
	must(t, err)
	builds.Lock()
	defer builds.Unlock()
	path, err := build(root, mainPackage, "-overlay="+overlay)
	must(t, err)
	return path
}

// build compiles pkg of the module at root into a new directory.
func build(root, pkg string, args ...string) (string, error) {
	dir, err := scratchDir("bin")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, filepath.Base(pkg))
	all := append([]string{"build", "-tags=nomsgpack", "-race=false", "-buildvcs=false", "-o", out}, args...)
	cmd := exec.Command("go", append(all, pkg)...)
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, text)
	}
	return out, nil
}

// writeOverlay writes the changed files and the list of them that go build
// -overlay reads, and returns the list's path.
func writeOverlay(root string, replace map[string]func(string) string) (string, error) {
	dir, err := scratchDir("overlay")
	if err != nil {
		return "", err
	}
	changed := map[string]string{}
	for name, change := range replace {
		path := filepath.Join(root, name)
		text, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("change %s: %w", name, err)
		}
		mutant := change(string(text))
		if mutant == string(text) {
			return "", fmt.Errorf("change %s: the change changes nothing", name)
		}
		copied := filepath.Join(dir, fmt.Sprintf("%d-%s", len(changed), filepath.Base(name)))
		if err := os.WriteFile(copied, []byte(mutant), 0o600); err != nil {
			return "", fmt.Errorf("change %s: %w", name, err)
		}
		changed[path] = copied
	}
	list, err := json.Marshal(map[string]any{"Replace": changed})
	if err != nil {
		return "", fmt.Errorf("write overlay: %w", err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, list, 0o600); err != nil {
		return "", fmt.Errorf("write overlay: %w", err)
	}
	return path, nil
}

// moduleRoot returns the directory of go.mod: tests run in that of their package.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module's root: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find the module's root: no go.mod above the test's package")
		}
		dir = parent
	}
}
