package main

import (
	"fmt"
	"slices"
	"strings"
)

// finish prints the table and the closing line, and says whether the run can be
// trusted and passed. needed are backends that must have run at least one test;
// in CI nothing may have been skipped.
func (r *report) finish(needed []string, ci bool) bool {
	complaints := r.complaints(needed, ci)
	slices.Sort(r.skipped)
	r.say("\ntests per backend: %s\n", r.table())
	for _, name := range r.skipped {
		r.say("skipped: %s\n", name)
	}
	for _, complaint := range complaints {
		r.say("FAIL: %s\n", complaint)
	}
	r.say("%d passed, %d failed, %d skipped\n", r.passed, r.failed+len(r.broken), len(r.skipped))
	return len(complaints) == 0 && r.failed == 0
}

func (r *report) table() string {
	counts := make([]string, len(backends))
	for i, backend := range backends {
		counts[i] = fmt.Sprintf("%s %d", backend, r.ran[backend])
	}
	return strings.Join(counts, ", ")
}

// complaints returns what is wrong apart from failed tests.
func (r *report) complaints(needed []string, ci bool) []string {
	var list []string
	for _, name := range r.broken {
		list = append(list, name+" failed")
	}
	for name, p := range r.packages {
		if !p.ended {
			list = append(list, name+" did not end")
			r.broken = append(r.broken, name)
		}
	}
	slices.Sort(list)
	if r.passed+r.failed == 0 {
		list = append(list, "no test ran")
	}
	for _, backend := range needed {
		if r.ran[backend] == 0 {
			list = append(list, "no test ran on "+backend)
		}
	}
	if ci && len(r.skipped) > 0 {
		list = append(list, "CI is set and tests were skipped")
	}
	return list
}
