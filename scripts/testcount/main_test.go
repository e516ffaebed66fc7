package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// suite is a module whose tests do all that tests can do, one package each.
var suite = map[string]string{
	"good": `func TestSale(t *testing.T) {
	t.Run("miniredis", func(t *testing.T) {})
	t.Run("redis", func(t *testing.T) { t.Run("late", func(t *testing.T) {}); t.Run("early", func(t *testing.T) {}) })
	t.Run("sqlite+miniredis", func(t *testing.T) {})
	t.Run("mysql+redis", func(t *testing.T) {})
	t.Run("mysql+redis", func(t *testing.T) {})
}`,
	"bad":      `func TestBad(t *testing.T) { t.Run("redis", func(t *testing.T) { t.Error("seat sold twice") }); t.Run("mysql", func(t *testing.T) {}) }`,
	"skipping": `func TestLater(t *testing.T) { t.Skip("not today") }`,
	"panics":   `func TestCalm(t *testing.T) {}; func TestPanics(t *testing.T) { panic("out of seats") }`,
	"exits":    `func TestExits(t *testing.T) { os.Exit(3) }`,
	"unbuilt":  `func TestUnbuilt(t *testing.T) { undefinedName() }`,
}

// events runs go test -json over the named packages of the suite.
func events(t *testing.T, packages ...string) string {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module suite\n\ngo 1.24\n")
	for _, name := range packages {
		write(name+"/a_test.go", "package "+name+"\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nvar _ = os.Exit\n\n"+suite[name]+"\n")
	}
	cmd := exec.Command("go", "test", "-json", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOFLAGS=")
	out, _ := cmd.Output() // fails wherever a test does
	if len(out) == 0 {
		t.Fatal("go test said nothing")
	}
	return string(out)
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		packages []string
		args     []string
		ci       bool
		code     int
		says     []string
	}{
		"all well": {
			packages: []string{"good"}, code: 0,
			says: []string{"ok   suite/good", "tests per backend: miniredis 2, redis 4, sqlite 1, mysql 2", "6 passed, 0 failed, 0 skipped"},
		},
		"a test fails": {
			packages: []string{"good", "bad"}, code: 1,
			says: []string{"FAIL suite/bad TestBad/redis", "seat sold twice", "FAIL suite/bad ", "7 passed, 1 failed, 0 skipped"},
		},
		"a skip at the desk": {
			packages: []string{"good", "skipping"}, code: 0,
			says: []string{"skipped: suite/skipping TestLater", "6 passed, 0 failed, 1 skipped"},
		},
		"a skip in CI": {
			packages: []string{"good", "skipping"}, ci: true, code: 1,
			says: []string{"CI is set and tests were skipped"},
		},
		"a panic": {
			packages: []string{"good", "panics"}, code: 1,
			says: []string{"out of seats", "goroutine ", "FAIL suite/panics"},
		},
		"an exit": {
			packages: []string{"good", "exits"}, code: 1,
			says: []string{"unfinished: TestExits", "FAIL: suite/exits failed", "6 passed, 1 failed, 0 skipped"},
		},
		"a build that fails": {
			packages: []string{"good", "unbuilt"}, code: 1,
			says: []string{"undefined: undefinedName", "FAIL: build of suite/unbuilt", "6 passed, 1 failed, 0 skipped"},
		},
		"a backend without tests": {
			packages: []string{"bad"}, args: []string{"-need", "redis,sqlite"}, code: 1,
			says: []string{"FAIL: no test ran on sqlite", "redis 1,"},
		},
		"none needed": {
			packages: []string{"skipping", "panics"}, args: []string{"-need", ""}, code: 1,
			says: []string{"skipped: suite/skipping TestLater"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errOut bytes.Buffer
			code := run(tt.args, strings.NewReader(events(t, tt.packages...)), &out, &errOut, tt.ci)
			if code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			for _, want := range tt.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("does not say %q", want)
				}
			}
			if t.Failed() {
				t.Log(out.String(), errOut.String())
			}
		})
	}
}

func TestNothingRanIsAFailure(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"no events":         "",
		"only words":        "go: updates to go.mod needed\n",
		"cut off":           `{"Action":"start","Package":"suite/good"}` + "\n" + `{"Action":"pass","Package":"suite/good","Test":"TestA"}`,
		"no tests to count": `{"Action":"skip","Package":"suite/none"}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if code := run([]string{"-need", ""}, strings.NewReader(in), &out, &out, false); code != 1 {
				t.Errorf("exit %d, want 1; said\n%s", code, out.String())
			}
			if strings.HasPrefix(in, "go:") && !strings.Contains(out.String(), "updates to go.mod needed") {
				t.Errorf("kept to itself what go said: %s", out.String())
			}
		})
	}
}

func TestBackendsOfATestsName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"TestSale":                         nil,
		"TestSale/redis":                   {"redis"},
		"TestSale/redis#01/late":           {"redis"},
		"TestSale/redis+mysql/late":        {"redis", "mysql"},
		"TestSale/redis/redis+other":       {"redis"},
		"TestRedis/redislike/my_redis":     nil,
		"TestSale/miniredis+sqlite/sqlite": {"miniredis", "sqlite"},
	} {
		if got := backendsOf(name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s runs on %v, want %v", name, got, want)
		}
	}
}

func TestUnknownBackendIsRefused(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if code := run([]string{"-need", "postgres"}, strings.NewReader(""), &out, &out, false); code != 2 {
		t.Errorf("exit %d, want 2", code)
	}
}
