package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Every alert has its page in the operator's book, and every page its alert.
func TestEveryAlertIsInTheBook(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../deploy/prometheus/alerts.yml")
	must(t, err)
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert       string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	must(t, yaml.Unmarshal(raw, &rules))
	var alerts []string
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			alerts = append(alerts, r.Alert)
			if !slices.Contains([]string{"page", "warn"}, r.Labels["severity"]) || r.Annotations["summary"] == "" {
				t.Errorf("%s: severity %q, summary %q", r.Alert, r.Labels["severity"], r.Annotations["summary"])
			}
		}
	}
	book, err := os.ReadFile("../../docs/operations.md")
	must(t, err)
	var pages []string
	for _, m := range regexp.MustCompile(`(?m)^### (Frontrow[A-Z]\w+)\n\n(\S.*)`).FindAllStringSubmatch(string(book), -1) {
		pages = append(pages, m[1])
	}
	slices.Sort(alerts)
	slices.Sort(pages)
	if len(alerts) < 15 || !slices.Equal(alerts, pages) {
		t.Errorf("alerts %v\npages  %v", alerts, pages)
	}
}

var notInAnchors = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// anchors are what a document's headings can be linked to by.
func anchors(text string) (all []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		all = append(all, strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}

// Links within the documents lead somewhere.
func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../docs/*.md")
	must(t, err)
	links := 0
	for _, file := range append(files, "../../README.md", "../../CONTRIBUTING.md", "../../CHANGELOG.md") {
		raw, err := os.ReadFile(file)
		must(t, err)
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(string(raw), -1) {
			path, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			links++
			to := file
			if path != "" {
				to = filepath.Join(filepath.Dir(file), path)
			}
			target, err := os.ReadFile(to)
			if info, statErr := os.Stat(to); statErr != nil || err != nil && !info.IsDir() {
				t.Errorf("%s links to %s, which is not there", filepath.Base(file), m[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(string(target)), anchor) {
				t.Errorf("%s links to %s, which has no such heading", filepath.Base(file), m[1])
			}
		}
	}
	if links < 40 {
		t.Errorf("%d links were found", links)
	}
}
