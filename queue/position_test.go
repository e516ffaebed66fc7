package queue

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A line counts as a plain loop over the bits would.
func TestLineCountsLikeALoop(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "bits")
		first := rapid.Int64Range(0, 100).Draw(t, "word") * 64
		head := first + rapid.Int64Range(0, 63).Draw(t, "head")
		l := newLine(first, head, raw)
		set := func(n int64) bool {
			place := n - first
			return n > head && place < int64(len(raw))*8 && raw[place/8]&(0x80>>(place%8)) != 0
		}
		var count int64
		for n := first; n < first+int64(len(raw))*8+130; n++ {
			if set(n) {
				count++
			}
			position, ok := l.position(n)
			if ok != set(n) || ok && position != count {
				t.Fatalf("number %d: position %d %v, want %d %v", n, position, ok, count, set(n))
			}
			if got := l.upTo(n); got != count {
				t.Fatalf("up to number %d: %d, want %d", n, got, count)
			}
		}
		if l.total != count {
			t.Fatalf("total %d, want %d", l.total, count)
		}
	})
}

func TestMarksRememberWhatWasMarked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var m marks
		want := map[int64]bool{}
		for _, n := range rapid.SliceOfN(rapid.Int64Range(1, 5000), 0, 50).Draw(t, "numbers") {
			m.mark(n)
			want[n] = true
		}
		first, raw := m.take(0)
		var next marks
		next.putBack(first, raw)
		first, raw = next.take(0)
		got := map[int64]bool{}
		for i, octet := range raw {
			for bit := range 8 {
				if octet&(0x80>>bit) != 0 {
					got[first+int64(i*8+bit)] = true
				}
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d numbers, want %d", len(got), len(want))
		}
		for n := range want {
			if !got[n] {
				t.Fatalf("number %d was forgotten", n)
			}
		}
	})
}

// Whoever polls as told is never taken for absent, and never misses the claim.
func TestPollsAreOftenEnough(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := Rules{
			Admit: rapid.IntRange(0, 100_000).Draw(t, "admit"), IntervalMS: rapid.IntRange(100, 60_000).Draw(t, "interval"),
			MaxActive: 1000, ClaimSeconds: rapid.IntRange(5, 86_400).Draw(t, "claim"),
			AbsenceSeconds: rapid.IntRange(5, 86_400).Draw(t, "absence"),
		}
		position := rapid.Int64Range(1, 5_000_000).Draw(t, "position")
		poll := pollAfter(eta(position, rules, 0), position, rules)
		claim, absence := time.Duration(rules.ClaimSeconds)*time.Second, time.Duration(rules.AbsenceSeconds)*time.Second
		if poll > absence/3 || poll > claim/2 || poll > 30*time.Second || poll < 800*time.Millisecond {
			t.Fatalf("poll after %s with absence %s, claim %s", poll, absence, claim)
		}
	})
}

func TestPollsSpreadByDistance(t *testing.T) {
	t.Parallel()
	rules := DefaultRules()
	for position, want := range map[int64][2]time.Duration{
		1:         {800 * time.Millisecond, time.Second},
		1_000_000: {24 * time.Second, 30 * time.Second},
	} {
		poll := pollAfter(eta(position, rules, 0), position, rules)
		if poll < want[0] || poll > want[1] {
			t.Errorf("at position %d: %s, want %s to %s", position, poll, want[0], want[1])
		}
	}
}

func TestETA(t *testing.T) {
	t.Parallel()
	rules := Rules{Admit: 100, IntervalMS: 1000, MaxActive: 500, ClaimSeconds: 60, AbsenceSeconds: 120}
	stopped, full := rules, rules
	stopped.Paused, full.MaxActive = true, 0
	for name, test := range map[string]struct {
		position int64
		rules    Rules
		observed float64
		want     *ETA
	}{
		"next in":             {1, rules, 0, &ETA{0, 3 * time.Second}},
		"by the rules":        {10_001, rules, 0, &ETA{80 * time.Second, 133 * time.Second}},
		"slower than ruled":   {10_001, rules, 50, &ETA{160 * time.Second, 263 * time.Second}},
		"no faster than that": {10_001, rules, 500, &ETA{80 * time.Second, 133 * time.Second}},
		"paused":              {10, stopped, 0, nil},
		"nobody may be in":    {10, full, 0, nil},
	} {
		got := eta(test.position, test.rules, test.observed)
		if (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*Rules)
		field  string // "" is fine
	}{
		"default":               {func(*Rules) {}, ""},
		"admit 0":               {func(r *Rules) { r.Admit = 0 }, ""},
		"admit below":           {func(r *Rules) { r.Admit = -1 }, "admit"},
		"admit most":            {func(r *Rules) { r.Admit = 100_000 }, ""},
		"admit above":           {func(r *Rules) { r.Admit = 100_001 }, "admit"},
		"interval least":        {func(r *Rules) { r.IntervalMS = 100 }, ""},
		"interval below":        {func(r *Rules) { r.IntervalMS = 99 }, "interval_ms"},
		"interval most":         {func(r *Rules) { r.IntervalMS = 60_000 }, ""},
		"interval above":        {func(r *Rules) { r.IntervalMS = 60_001 }, "interval_ms"},
		"max_active 0":          {func(r *Rules) { r.MaxActive = 0 }, ""},
		"max_active most":       {func(r *Rules) { r.MaxActive = 1_000_000 }, ""},
		"max_active above":      {func(r *Rules) { r.MaxActive = 1_000_001 }, "max_active"},
		"max_active below":      {func(r *Rules) { r.MaxActive = -1 }, "max_active"},
		"claim least":           {func(r *Rules) { r.ClaimSeconds = 5 }, ""},
		"claim below":           {func(r *Rules) { r.ClaimSeconds = 4 }, "claim_seconds"},
		"claim above":           {func(r *Rules) { r.ClaimSeconds = 86_401 }, "claim_seconds"},
		"session below":         {func(r *Rules) { r.SessionSeconds = 4 }, "session_seconds"},
		"session most":          {func(r *Rules) { r.SessionSeconds, r.SessionMaxSeconds = 86_400, 86_400 }, ""},
		"session max above":     {func(r *Rules) { r.SessionMaxSeconds = 86_401 }, "session_max_seconds"},
		"absence least":         {func(r *Rules) { r.AbsenceSeconds = 5 }, ""},
		"absence below":         {func(r *Rules) { r.AbsenceSeconds = 4 }, "absence_seconds"},
		"return below":          {func(r *Rules) { r.ReturnSeconds = 4 }, "return_seconds"},
		"return above":          {func(r *Rules) { r.ReturnSeconds = 86_401 }, "return_seconds"},
		"session over its max":  {func(r *Rules) { r.SessionSeconds = r.SessionMaxSeconds + 1 }, "session_max_seconds"},
		"session at its max":    {func(r *Rules) { r.SessionSeconds = r.SessionMaxSeconds }, ""},
		"interval over claim":   {func(r *Rules) { r.IntervalMS, r.ClaimSeconds = 6000, 5 }, "interval_ms"},
		"interval as the claim": {func(r *Rules) { r.IntervalMS, r.ClaimSeconds = 5000, 5 }, ""},
	} {
		rules := DefaultRules()
		test.change(&rules)
		err := rules.Validate()
		var errs RulesError
		errors.As(err, &errs)
		switch {
		case test.field == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.field != "" && (len(errs) != 1 || errs[0].Field != test.field):
			t.Errorf("%s: %v, want one about %s", name, err, test.field)
		}
	}
}
