package queue

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestScriptsNamesEveryFile(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("lua/*.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	known, seen := Scripts(), map[string]string{}
	for name, hash := range known {
		if other, ok := seen[hash]; ok {
			t.Errorf("%s and %s are the same script", name, other)
		}
		seen[hash] = name
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".lua")
		if name == "room" || name == "home" || name == "limits" { // they open others
			continue
		}
		if known[name] == "" {
			t.Errorf("%s is not named", file)
		}
	}
	if len(known) != len(files)-3 {
		t.Errorf("%d scripts are named, %d files are there beside those that open others", len(known), len(files)-3)
	}
}
