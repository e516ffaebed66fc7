package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is one line of `go test -json` (see `go doc test2json`).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build-output and build-fail
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string
}

// report follows the events of one run.
type report struct {
	out      io.Writer
	packages map[string]*pkg
	builds   map[string]*bytes.Buffer // what the compiler said, by import path
	passed   int
	failed   int
	skipped  []string
	ran      map[string]int // tests that passed or failed, by backend
	broken   []string       // packages that failed apart from their tests
}

// pkg is what is known of a package's tests.
type pkg struct {
	tests  map[string]*test
	output bytes.Buffer // outside of any test
	ended  bool
	cached bool
}

// test is one test or subtest.
type test struct {
	output bytes.Buffer
	result string // pass, fail, skip, or empty while it runs
}

func newReport(out io.Writer) *report {
	return &report{out: out, packages: map[string]*pkg{}, builds: map[string]*bytes.Buffer{}, ran: map[string]int{}}
}

// read takes events until in ends. Lines that are no events are what the go
// command has to say, and shown as they are.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Action != "" {
				r.take(e)
			} else {
				r.say("%s\n", bytes.TrimRight(line, "\n"))
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the tests' events: %w", err)
		}
	}
}

func (r *report) take(e event) {
	switch {
	case e.Action == "build-output":
		if r.builds[e.ImportPath] == nil {
			r.builds[e.ImportPath] = &bytes.Buffer{}
		}
		r.builds[e.ImportPath].WriteString(e.Output)
	case e.Action == "build-fail":
		r.say("FAIL build of %s\n", e.ImportPath)
		r.show(r.builds[e.ImportPath])
		r.broken = append(r.broken, "build of "+e.ImportPath)
	case e.Package == "":
	case e.Test == "":
		r.takePackage(r.pkg(e.Package), e)
	default:
		r.takeTest(r.pkg(e.Package), e)
	}
}

func (r *report) pkg(name string) *pkg {
	if r.packages[name] == nil {
		r.packages[name] = &pkg{tests: map[string]*test{}}
	}
	return r.packages[name]
}

func (r *report) takePackage(p *pkg, e event) {
	switch e.Action {
	case "output":
		p.cached = p.cached || strings.HasPrefix(e.Output, "ok ") && strings.Contains(e.Output, "(cached)")
		p.output.WriteString(e.Output)
	case "pass", "fail", "skip": // skip: no test files
		p.ended = true
		r.closePackage(p, e)
	}
}

func (r *report) takeTest(p *pkg, e event) {
	t := p.tests[e.Test]
	if t == nil {
		t = &test{}
		p.tests[e.Test] = t
	}
	switch e.Action {
	case "output":
		if !isNoise(e.Output) {
			t.output.WriteString(e.Output)
		}
	case "pass", "skip":
		t.result = e.Action
		if e.Action == "pass" {
			t.output.Reset()
		}
	case "fail":
		t.result = e.Action
		r.say("FAIL %s %s (%.2fs)\n", e.Package, e.Test, e.Elapsed)
		r.show(&t.output)
	}
}

// isNoise says whether a line only tells how go test schedules the tests.
func isNoise(line string) bool {
	for _, mark := range []string{"=== RUN ", "=== PAUSE ", "=== CONT ", "=== NAME "} {
		if strings.HasPrefix(line, mark) {
			return true
		}
	}
	return false
}

// closePackage counts the package's tests and says how it ended. A package that
// failed although none of its tests did (a panic, a race at its end, TestMain, a
// build) shows all that it said, and counts as one failure.
func (r *report) closePackage(p *pkg, e event) {
	passed, failed, unfinished := r.count(e.Package, p)
	switch e.Action {
	case "pass":
		note := ""
		if p.cached {
			note = ", cached"
		}
		r.say("ok   %s %.1fs (%d tests%s)\n", e.Package, e.Elapsed, passed, note)
	case "fail":
		r.say("FAIL %s %.1fs (%d of %d tests failed)\n", e.Package, e.Elapsed, failed, passed+failed)
		r.show(&p.output)
		for _, name := range unfinished {
			r.say("unfinished: %s\n", name)
			r.show(&p.tests[name].output)
		}
		if failed == 0 && e.FailedBuild == "" {
			r.broken = append(r.broken, e.Package)
		}
	}
}

// count adds the tests that have no subtests to the totals; the rest only stand
// for theirs. One that failed by itself, while its subtests did not, counts too.
func (r *report) count(name string, p *pkg) (passed, failed int, unfinished []string) {
	parents, blamed := map[string]bool{}, map[string]bool{}
	for name, t := range p.tests {
		for i, c := range name {
			if c == '/' {
				parents[name[:i]] = true
				blamed[name[:i]] = blamed[name[:i]] || t.result == "fail"
			}
		}
	}
	for test, t := range p.tests {
		switch {
		case t.result == "":
			unfinished = append(unfinished, test)
		case t.result == "fail" && !blamed[test]:
			failed++
			r.countBackends(test)
		case parents[test]:
		case t.result == "pass":
			passed++
			r.countBackends(test)
		case t.result == "skip":
			r.skipped = append(r.skipped, name+" "+test)
		}
	}
	r.passed, r.failed = r.passed+passed, r.failed+failed
	slices.Sort(unfinished)
	return passed, failed, unfinished
}

func (r *report) countBackends(test string) {
	for _, backend := range backendsOf(test) {
		r.ran[backend]++
	}
}

// say prints a formatted text. Where nobody can read it any more, the exit code
// still tells.
func (r *report) say(format string, args ...any) {
	_, _ = fmt.Fprintf(r.out, format, args...)
}

// show prints what was said, set off from the report's own lines.
func (r *report) show(said *bytes.Buffer) {
	if said == nil {
		return
	}
	for _, line := range strings.Split(strings.TrimRight(said.String(), "\n"), "\n") {
		if line != "" && line != "FAIL" {
			r.say("    %s\n", line)
		}
	}
}
