package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"frontrow/internal/hall"

	"github.com/goccy/go-yaml"
)

// document is the show file as its reader sees it.
type document struct {
	Show        string         `json:"show"`
	Title       string         `json:"title"`
	Venue       string         `json:"venue"`
	Currency    string         `json:"currency"`
	Phase       string         `json:"phase"`
	HoldSeconds int            `json:"hold_seconds"`
	MaxSeats    int            `json:"max_seats"`
	MaxWaiting  int            `json:"max_waiting"`
	Admission   map[string]any `json:"admission"`
	Sections    []hall.Section `json:"sections"`
}

// read converts YAML to JSON and reads that, refusing fields that it does not know.
func read(t *testing.T, text []byte) (d document) {
	t.Helper()
	converted, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(converted))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestShowFileReadsBack(t *testing.T) {
	t.Parallel()
	var out, errOut bytes.Buffer
	title := `The "Second" Night: no`
	args := []string{"-seats", "1600", "-show", "007", "-title", title, "-admit", "7", "-max-active", "70", "-max-seats", "2", "-phase", "draft"}
	if code := run(args, &out, &errOut); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut.String())
	}
	got := read(t, out.Bytes())
	sections, err := hall.Arena(1600)
	if err != nil {
		t.Fatal(err)
	}
	want := document{
		Show: "007", Title: title, Venue: "The Arena", Currency: "KRW", Phase: "draft",
		HoldSeconds: 300, MaxSeats: 2, MaxWaiting: 1_000_000,
		Admission: map[string]any{
			"admit": 7.0, "interval_ms": 1000.0, "max_active": 70.0, "claim_seconds": 60.0, "session_seconds": 600.0,
			"session_max_seconds": 1800.0, "absence_seconds": 120.0, "return_seconds": 600.0, "paused": false,
		},
		Sections: sections,
	}
	if !reflect.DeepEqual(got, want) {
		got.Sections, want.Sections = nil, nil
		t.Fatalf("the file says, sections apart,\n%+v, want\n%+v", got, want)
	}
}

func TestShowFileHasOneLineARow(t *testing.T) {
	t.Parallel()
	var out, errOut bytes.Buffer
	if code := run([]string{"-seats", "500"}, &out, &errOut); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut.String())
	}
	rows := 0
	for _, section := range read(t, out.Bytes()).Sections {
		rows += len(section.Rows)
	}
	if lines := strings.Count(out.String(), "- {row:"); lines != rows {
		t.Fatalf("%d lines for %d rows", lines, rows)
	}
}

func TestBadFlagsAreTold(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-seats", "0"}, {"-seats", "many"}, {"-unknown"}, {"arena.yaml"}} {
		var out, errOut bytes.Buffer
		if code := run(args, &out, &errOut); code != 2 || errOut.Len() == 0 || out.Len() != 0 {
			t.Errorf("%v: exit %d, said %q, wrote %d bytes", args, code, errOut.String(), out.Len())
		}
	}
}
