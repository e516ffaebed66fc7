package simulate

import (
	"testing"
	"time"

	"frontrow/internal/invariant"
)

// at is a moment of a test, in seconds.
func at(seconds float64) time.Time {
	return time.Unix(1_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

func visited(asked, told, waited, entered float64, number int64) place {
	return place{asked: at(asked), told: at(told), waitedAt: at(waited), enteredAt: at(entered), number: number, steady: true}
}

func TestJudgePlaces(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		places []place
		breaks string
	}{
		"in order":                        {[]place{visited(0, 1, 2, 3, 1), visited(2, 3, 4, 5, 2)}, ""},
		"joins that overlap":              {[]place{visited(0, 3, 4, 5, 2), visited(1, 2, 3, 4, 1)}, ""},
		"a place lost on the way":         {[]place{visited(0, 1, 2, 30, 9), visited(2, 3, 4, 5, 2)}, invariant.PlaceSurvives},
		"one number for two":              {[]place{visited(0, 3, 4, 5, 1), visited(1, 2, 3, 4, 1)}, invariant.OnePlace},
		"a number that comes from nobody": {[]place{visited(0, 1, 2, 3, 1), visited(2, 3, 4, 5, 0)}, invariant.PlaceSurvives},
	} {
		w := newWitness("s")
		for _, p := range test.places {
			w.admitted(p)
		}
		w.judgePlaces()
		switch {
		case test.breaks == "" && len(w.found) > 0:
			t.Errorf("%s: %v", name, w.found)
		case test.breaks != "" && (len(w.found) != 1 || w.found[0].Invariant != test.breaks):
			t.Errorf("%s: %v, want %s broken", name, w.found, test.breaks)
		}
	}
}

func TestFairness(t *testing.T) {
	t.Parallel()
	absent := visited(0, 1, 20, 30, 1)
	absent.steady = false
	for name, test := range map[string]struct {
		places []place
		want   Fairness
	}{
		"nobody":                        {nil, Fairness{}},
		"in order":                      {[]place{visited(0, 1, 5, 6, 1), visited(2, 3, 8, 9, 2)}, Fairness{2, 0}},
		"overtaken":                     {[]place{visited(0, 1, 20, 30, 1), visited(2, 3, 8, 9, 2)}, Fairness{2, 1}},
		"told of it late":               {[]place{visited(0, 1, 5, 30, 1), visited(2, 3, 8, 9, 2)}, Fairness{2, 0}},
		"as old as a view may be":       {[]place{visited(0, 1, 11, 30, 1), visited(2, 3, 8, 9, 2)}, Fairness{2, 0}},
		"a moment more":                 {[]place{visited(0, 1, 11.1, 30, 1), visited(2, 3, 8, 9, 2)}, Fairness{2, 1}},
		"came together":                 {[]place{visited(0, 3, 20, 30, 1), visited(2, 3, 8, 9, 2)}, Fairness{2, 0}},
		"had been away":                 {[]place{absent, visited(2, 3, 8, 9, 2)}, Fairness{1, 0}},
		"overtaken by one of those two": {[]place{visited(0, 1, 20, 30, 1), visited(2, 3, 28, 29, 2), visited(4, 5, 8, 9, 3)}, Fairness{3, 2}},
	} {
		w := newWitness("s")
		for _, p := range test.places {
			w.admitted(p)
		}
		if got := w.fairness(); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

func TestForecasts(t *testing.T) {
	t.Parallel()
	w := newWitness("s")
	if f := w.forecasts(); f != (Forecasts{}) {
		t.Errorf("of nobody: %+v", f)
	}
	for _, wait := range []float64{4.9, 5, 7, 9, 9.1} { // told 5 to 9
		p := visited(0, 0, 0, wait, 1)
		p.foretold = &foretold{Low: 5, High: 9}
		w.admitted(p)
		p.steady = false
		w.admitted(p)
	}
	w.admitted(visited(0, 0, 0, 7, 1)) // told nothing
	if f := w.forecasts(); f != (Forecasts{Told: 5, Inside: 3, Share: 0.6}) {
		t.Errorf("%+v", f)
	}
	if p50, p90 := w.waitQuantiles(); p50 != 7*time.Second || p90 != 9100*time.Millisecond {
		t.Errorf("waits %s and %s", p50, p90)
	}
}

// What nobody looked at is not said to hold.
func TestVerdictOfAnInvariant(t *testing.T) {
	t.Parallel()
	w := newWitness("s")
	w.sees(invariant.PassNeeded)
	w.paid(paidOrder{id: "a", seats: []string{"1", "2"}})
	w.paid(paidOrder{id: "b", seats: []string{"2", "3"}})
	for _, v := range w.invariants(w.found, []string{invariant.Cap}) {
		want := InvariantVerdict{Name: v.Name, Holds: true}
		switch v.Name {
		case invariant.PassNeeded, invariant.Cap:
			want.Seen = true
		case invariant.SoldOnce:
			want = InvariantVerdict{Name: v.Name, Seen: true, Violations: 1}
		}
		if v != want {
			t.Errorf("%+v, want %+v", v, want)
		}
	}
}
