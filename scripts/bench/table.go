package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// row is one line of the table. Spread is half the distance between the quartiles of
// the rounds, in the value's unit; 0 where there was one round.
type row struct {
	What    string  `json:"what"`
	Value   float64 `json:"value"`
	Spread  float64 `json:"spread"`
	Unit    string  `json:"unit"`
	Target  float64 `json:"target"`
	AtLeast bool    `json:"at_least"` // else at most
	Verdict string  `json:"verdict"`
}

type table struct {
	Rows []row `json:"rows"`
}

// add judges a row: a miss that lies inside the spread is uncertain.
func (t *table) add(what, unit string, rounds []float64, atLeast bool, target float64) {
	r := row{What: what, Unit: unit, Target: target, AtLeast: atLeast, Value: quantile(rounds, 0.5)}
	r.Spread = (quantile(rounds, 0.75) - quantile(rounds, 0.25)) / 2
	short := target - r.Value
	if !atLeast {
		short = -short
	}
	switch {
	case short <= 0:
		r.Verdict = "met"
	case short <= r.Spread:
		r.Verdict = "uncertain"
	default:
		r.Verdict = "missed"
	}
	t.Rows = append(t.Rows, r)
}

// quantile of values that need not be sorted.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// print writes the table and tells whether a row missed its target.
func (t *table) print(to io.Writer) (missed bool) {
	wide := 0
	for _, r := range t.Rows {
		wide = max(wide, len(r.What))
	}
	for _, r := range t.Rows {
		sign := "≤"
		if r.AtLeast {
			sign = "≥"
		}
		fmt.Fprintf(to, "%-*s  %8.3g ±%-7.2g %s %-6g %-10s %s\n", wide, r.What, r.Value, r.Spread, sign, r.Target, r.Unit, r.Verdict)
		missed = missed || r.Verdict == "missed"
	}
	fmt.Fprintln(to, strings.Repeat("-", wide))
	return missed
}
