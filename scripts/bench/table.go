package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// row is one line of the table. Spread is half the distance between the quartiles of
// the rounds, in the value's unit; 0 where there was one round. A row without a
// target is there to be read.
type row struct {
	What    string    `json:"what"`
	Value   float64   `json:"value"`
	Spread  float64   `json:"spread"`
	Unit    string    `json:"unit,omitempty"`
	Target  *target   `json:"target,omitempty"`
	Verdict string    `json:"verdict,omitempty"`
	Note    string    `json:"note,omitempty"`
	Rounds  []float64 `json:"rounds"`
}

// target is what a value is judged by.
type target struct {
	Value   float64 `json:"value"`
	AtLeast bool    `json:"at_least"` // else at most
}

func atLeast(value float64) *target { return &target{value, true} }
func atMost(value float64) *target  { return &target{value, false} }

func (t *target) String() string {
	switch {
	case t == nil:
		return ""
	case t.AtLeast:
		return "≥ " + figure(t.Value)
	default:
		return "≤ " + figure(t.Value)
	}
}

// The verdicts.
const (
	met       = "met"
	uncertain = "uncertain"
	missed    = "missed"
)

// judge says whether a value is as wanted; a miss that lies inside the spread is
// uncertain.
func (t *target) judge(value, spread float64) string {
	if t == nil {
		return ""
	}
	short := t.Value - value
	if !t.AtLeast {
		short = -short
	}
	switch {
	case short <= 0:
		return met
	case short <= spread:
		return uncertain
	default:
		return missed
	}
}

// table is what a run found out, and where.
type table struct {
	Machine machine `json:"machine"`
	Form    string  `json:"form"` // full or short
	Rows    []row   `json:"rows"`
}

// add appends the median of rounds.
func (t *table) add(what, unit string, rounds []float64, want *target) *row {
	return t.append(row{What: what, Unit: unit, Target: want, Rounds: rounds, Value: quantile(rounds, 0.5)})
}

// ratio appends the ratio of two medians, whose rounds were taken in turns; its
// spread is that of the ratios of the rounds.
func (t *table) ratio(what string, over, under []float64, want *target) *row {
	ratios := make([]float64, len(over))
	for i := range over {
		ratios[i] = over[i] / under[i]
	}
	return t.append(row{What: what, Target: want, Rounds: ratios, Value: quantile(over, 0.5) / quantile(under, 0.5)})
}

// absent appends a row for what is not there to be measured: a miss.
func (t *table) absent(what string, want *target, why string) {
	t.Rows = append(t.Rows, row{What: what, Target: want, Verdict: missed, Note: why, Rounds: []float64{}})
}

func (t *table) append(r row) *row {
	r.Spread = spread(r.Rounds)
	r.Verdict = r.Target.judge(r.Value, r.Spread)
	r.Value, r.Spread = rounded(r.Value), rounded(r.Spread)
	for i := range r.Rounds {
		r.Rounds[i] = rounded(r.Rounds[i])
	}
	t.Rows = append(t.Rows, r)
	return &t.Rows[len(t.Rows)-1]
}

// missed tells whether a row missed its target.
func (t *table) missed() bool {
	return slices.ContainsFunc(t.Rows, func(r row) bool { return r.Verdict == missed })
}

// quantile of values that need not be sorted, between neighbours where it lies there.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

func spread(values []float64) float64 { return (quantile(values, 0.75) - quantile(values, 0.25)) / 2 }

// rounded keeps five digits: more were not measured.
func rounded(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 5, 64), 64)
	if err != nil || math.IsInf(r, 0) || math.IsNaN(r) {
		return 0
	}
	return r
}

// figure writes a value in three digits, or as many as it has before the point.
func figure(v float64) string {
	text := strconv.FormatFloat(v, 'g', 3, 64)
	if math.Abs(v) >= 1000 || strings.Contains(text, "e") {
		text = strconv.FormatFloat(v, 'f', 0, 64)
	}
	digits := strings.TrimPrefix(text, "-")
	if whole, _, _ := strings.Cut(digits, "."); len(whole) > 3 {
		for i := len(whole) - 3; i > 0; i -= 3 {
			digits = digits[:i] + "," + digits[i:]
		}
	}
	if strings.HasPrefix(text, "-") {
		return "-" + digits
	}
	return digits
}

// value is the row's value as people read it.
func (r row) value() string {
	if len(r.Rounds) == 0 {
		return "-"
	}
	return strings.TrimSpace(figure(r.Value) + " " + r.Unit)
}

// print writes the table: what is judged first, then what is there to be read.
func (t *table) print(to io.Writer) {
	fmt.Fprintf(to, "%s\n%s form; a hall of %s seats, an arena's 15,000 change nothing shown\n", t.Machine, t.Form, figure(benchSeats))
	for _, judged := range []bool{true, false} {
		fmt.Fprintln(to)
		wide := 0
		for _, r := range t.Rows {
			wide = max(wide, utf8.RuneCountInString(r.What))
		}
		for _, r := range t.Rows {
			if (r.Target != nil) != judged {
				continue
			}
			spread := ""
			if len(r.Rounds) > 1 {
				spread = "± " + figure(r.Spread)
			}
			line := fmt.Sprintf("%-*s  %12s  %-10s %-8s %-9s  %s", wide, r.What, r.value(), spread, r.Target, r.Verdict, r.Note)
			fmt.Fprintln(to, strings.TrimRight(line, " "))
		}
	}
}
