package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rounds []float64
		want   *target
		is     string
	}{
		"reached":                     {[]float64{0.9, 0.9, 0.9}, atLeast(0.85), met},
		"reached exactly":             {[]float64{0.85}, atLeast(0.85), met},
		"short by less than it moves": {[]float64{0.7, 0.84, 0.9}, atLeast(0.85), uncertain},
		"short by more":               {[]float64{0.80, 0.80, 0.81}, atLeast(0.85), missed},
		"within":                      {[]float64{9, 10, 10}, atMost(10), met},
		"over by less than it moves":  {[]float64{8, 10.5, 12}, atMost(10), uncertain},
		"over by more":                {[]float64{20, 20, 20}, atMost(10), missed},
		"none, and there is one":      {[]float64{1}, atMost(0), missed},
		"to be read":                  {[]float64{1}, nil, ""},
	} {
		var all table
		if r := all.add(name, "", c.rounds, c.want); r.Verdict != c.is {
			t.Errorf("%s: %s, want %s", name, r.Verdict, c.is)
		}
		if all.missed() != (c.is == missed) {
			t.Errorf("%s: the table is missed: %v", name, all.missed())
		}
	}
	var all table
	all.absent("board", atMost(1), "not there")
	if !all.missed() {
		t.Error("what is not there is no miss")
	}
}

func TestRatioIsOfMediansItsSpreadOfRounds(t *testing.T) {
	t.Parallel()
	var all table
	r := all.ratio("x", []float64{8, 9, 30}, []float64{10, 9, 10}, nil)
	if r.Value != 0.9 || len(r.Rounds) != 3 || r.Rounds[2] != 3 || r.Spread != rounded((quantile([]float64{.8, 1, 3}, .75)-quantile([]float64{.8, 1, 3}, .25))/2) {
		t.Errorf("%+v", *r)
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	for q, want := range map[float64]float64{0: 1, 0.25: 1.75, 0.5: 2.5, 1: 4} {
		if got := quantile([]float64{4, 2, 1, 3}, q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestFigure(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 0.8512: "0.851", 3.7: "3.7", 113.4: "113", 4096: "4,096", 12345.6: "12,346", 1_000_000: "1,000,000", -1234: "-1,234", 999.9: "1,000"} {
		if got := figure(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

func TestPictureIsWellFormedAndShowsEveryJudgedRow(t *testing.T) {
	t.Parallel()
	all := table{Form: "short", Machine: machine{CPU: "A & B <x>", Database: "10.11.1-MariaDB"}}
	all.add("polls \"÷\" <baseline>", "", []float64{0.8, 0.9}, atLeast(0.85))
	all.add("lost", "", []float64{0}, atMost(0))
	all.add("far over", "ms", []float64{1e6}, atMost(1))
	all.absent("board", atMost(4096), "not there")
	all.add("only to be read", "", []float64{1}, nil)
	picture := all.picture()
	var words []string
	for d := xml.NewDecoder(bytes.NewReader(picture)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(xml.CharData); ok {
			words = append(words, string(text))
		}
	}
	said := strings.Join(words, "\n")
	for _, want := range []string{"A & B <x>", `polls "÷" <baseline>`, "lost", "far over", "1,000,000 ms", "missed (not there)"} {
		if !strings.Contains(said, want) {
			t.Errorf("the picture does not say %q", want)
		}
	}
	if strings.Contains(said, "only to be read") {
		t.Error("the picture shows a row without a target")
	}
}

func TestTotalTakesTheLatest(t *testing.T) {
	t.Parallel()
	calls := []call{{"queue/admit", 3}, {"queue/view", 9}, {"queue/admit", 2}, {"queue/admit", 0.5}}
	for latest, want := range map[int]float64{1: 3, 2: 5, 3: 5.5} {
		if n, ms := total(calls, "queue/admit", latest); n != latest || ms != want {
			t.Errorf("of %d: %d calls, %v ms", latest, n, ms)
		}
	}
	if n, _ := total(calls, "queue/admit", 4); n != 3 {
		t.Errorf("%d calls of three", n)
	}
}

func TestSlowLogKeepsTheLongestScriptOfEachRound(t *testing.T) {
	t.Parallel()
	l := newSlowLog(nil)
	l.note("joins", []call{{"queue/join", 2}, {"copy", 900}, {"queue/view", 4}})
	l.note("joins", nil)
	l.note("joins", []call{{unknownScript, 12}})
	p := l.phases["joins"]
	if len(p.rounds) != 3 || p.rounds[0] != 4 || p.rounds[1] != 0 || p.rounds[2] != 12 || p.longest != unknownScript {
		t.Errorf("%+v", *p)
	}
	if len(l.names) < 15 {
		t.Errorf("only %d scripts are known", len(l.names))
	}
}
