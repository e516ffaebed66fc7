package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// flagsByVariable are what all commands take from the environment.
func flagsByVariable(t *testing.T) map[string]*kong.Flag {
	t.Helper()
	parser, err := kong.New(&commands{})
	must(t, err)
	flags := map[string]*kong.Flag{}
	for _, command := range parser.Model.Children {
		for _, flag := range command.Flags {
			for _, name := range flag.Envs {
				if strings.HasPrefix(name, "FRONTROW_") {
					flags[name] = flag
				}
			}
		}
	}
	return flags
}

var documented = regexp.MustCompile("(?m)^\\| `(FRONTROW_[A-Z_]+)` \\| ([^|]*) \\|")

// Every variable is documented, once, with the default that it has.
func TestEveryVariableIsDocumentedOnce(t *testing.T) {
	t.Parallel()
	flags := flagsByVariable(t)
	if len(flags) < 20 {
		t.Fatalf("%d variables were found", len(flags))
	}
	files, err := filepath.Glob("../../docs/*.md")
	must(t, err)
	where := map[string]string{}
	for _, file := range append(files, "../../README.md") {
		raw, err := os.ReadFile(file)
		must(t, err)
		for _, row := range documented.FindAllStringSubmatch(string(raw), -1) {
			name, told := row[1], row[2]
			flag, known := flags[name]
			if !known {
				t.Errorf("%s has %s, which nothing reads", file, name)
				continue
			}
			if other, again := where[name]; again {
				t.Errorf("%s is in %s and in %s", name, other, file)
			}
			where[name] = file
			if flag.Default != "" && told != fmt.Sprintf("`%s`", flag.Default) {
				t.Errorf("%s: told is the default %s, it is %q", name, told, flag.Default)
			}
			if flag.Default == "" && strings.HasPrefix(told, "`") {
				t.Errorf("%s: told is the default %s, it has none", name, told)
			}
		}
	}
	for name := range flags {
		if filepath.Base(where[name]) != "configuration.md" {
			t.Errorf("%s is not in docs/configuration.md", name)
		}
	}
}

// What is shipped sets nothing that nothing reads.
func TestShippedFilesSetWhatIsRead(t *testing.T) {
	t.Parallel()
	flags, named := flagsByVariable(t), 0
	must(t, filepath.WalkDir("../../deploy", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		must(t, err)
		for _, name := range regexp.MustCompile(`FRONTROW_[A-Z_]*[A-Z]`).FindAllString(string(raw), -1) {
			if _, known := flags[name]; !known && !slices.Contains([]string{"FRONTROW_VERSION"}, name) { // of compose alone
				t.Errorf("%s has %s, which nothing reads", path, name)
			}
			named++
		}
		return nil
	}))
	if named == 0 {
		t.Error("nothing was found")
	}
}
