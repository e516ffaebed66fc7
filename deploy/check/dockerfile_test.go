package check

import (
	"crypto/sha256"
	"debug/elf"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// stages reads the Dockerfile as BuildKit does, with its linter.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	file, err := os.Open("../Dockerfile")
	must(t, err)
	defer file.Close()
	parsed, err := parser.Parse(file)
	must(t, err)
	stages, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{
		Warn: func(rule, _, _, message string, _ []parser.Range) { t.Errorf("%s: %s", rule, message) },
	}))
	must(t, err)
	for _, w := range parsed.Warnings {
		t.Error(w.Short)
	}
	return stages
}

func TestImageIsNobodysAndBare(t *testing.T) {
	t.Parallel()
	all := stages(t)
	last := all[len(all)-1]
	if last.BaseName != "scratch" {
		t.Errorf("the image is made from %s", last.BaseName)
	}
	user, health, entry := "", "", ""
	for _, c := range last.Commands {
		switch c := c.(type) {
		case *instructions.UserCommand:
			user = c.User
		case *instructions.HealthCheckCommand:
			health = strings.Join(c.Health.Test, " ")
		case *instructions.EntrypointCommand:
			entry = strings.Join(c.CmdLine, " ")
			if c.PrependShell {
				t.Error("there is no shell to run the entry point")
			}
		}
	}
	if !regexp.MustCompile(`^[1-9]\d+:[1-9]\d+$`).MatchString(user) {
		t.Errorf("user %q: Kubernetes knows by a number alone that it is not root", user)
	}
	if entry != "/frontrow" || health != "CMD /frontrow ready" {
		t.Errorf("entry point %q, health check %q", entry, health)
	}
	wants := regexp.MustCompile(`(?m)^go (1\.\d+)`).FindStringSubmatch(read(t, root+"/go.mod"))[1]
	if base := all[0].BaseName; !strings.HasPrefix(base, "golang:"+wants) {
		t.Errorf("built with %s, and go.mod wants %s", base, wants)
	}
}

// The command of the Dockerfile builds what .dockerignore lets through, in any
// directory, to the same static binary.
func TestImageIsBuiltAlike(t *testing.T) {
	t.Parallel()
	command := ""
	for _, c := range stages(t)[0].Commands {
		if run, ok := c.(*instructions.RunCommand); ok && strings.Contains(strings.Join(run.CmdLine, " "), "go build") {
			command = strings.Join(run.CmdLine, " ")
		}
	}
	if command == "" {
		t.Fatal("nothing is built")
	}
	var sums [2][32]byte
	for i := range sums {
		src, out := t.TempDir(), t.TempDir()
		sendContext(t, src)
		runs(t, src, []string{"VERSION=1.2.3", "GOFLAGS=", "GOWORK=off"}, "bash", "-euc", strings.ReplaceAll(command, "/out/", out+"/"))
		raw, err := os.ReadFile(out + "/frontrow")
		must(t, err)
		sums[i] = sha256.Sum256(raw)
		binary, err := elf.Open(out + "/frontrow")
		must(t, err)
		for _, p := range binary.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Error("the binary is not static")
			}
		}
		binary.Close()
		if said := runs(t, src, nil, out+"/frontrow", "version"); !strings.Contains(said, "frontrow 1.2.3,") {
			t.Errorf("it says %q", said)
		}
		t.Logf("%.1f MiB", float64(len(raw))/(1<<20))
	}
	if sums[0] != sums[1] {
		t.Error("built twice, it is two binaries")
	}
}

// sendContext copies what a build is sent.
func sendContext(t *testing.T, to string) {
	t.Helper()
	file, err := os.Open(root + "/.dockerignore")
	must(t, err)
	defer file.Close()
	patterns, err := ignorefile.ReadAll(file)
	must(t, err)
	ignored, err := patternmatcher.New(patterns)
	must(t, err)
	var files []string
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		out, err := ignored.MatchesOrParentMatches(name)
		if err == nil && !out {
			files = append(files, name)
		}
		return err
	}))
	for _, name := range files {
		if regexp.MustCompile(`_test\.go$|\.env$|\.db$`).MatchString(name) {
			t.Errorf("%s is sent to be built", name)
		}
		raw, err := os.ReadFile(filepath.Join(root, name))
		must(t, err)
		must(t, os.MkdirAll(filepath.Join(to, filepath.Dir(name)), 0o755))
		must(t, os.WriteFile(filepath.Join(to, name), raw, 0o644))
	}
}
