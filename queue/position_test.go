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
			AbsenceSeconds: rapid.IntRange(5, 86_400).Draw(t, "absence"), Paused: rapid.Bool().Draw(t, "paused"),
		}
		position := rapid.Int64Range(1, 5_000_000).Draw(t, "position")
		poll, presence := pollAfter(foretell([]sample{{crowded: true}}, rules).ETA(position), position, rules)
		claim, absence := time.Duration(rules.ClaimSeconds)*time.Second, time.Duration(rules.AbsenceSeconds)*time.Second
		if poll > absence/3 || poll > claim/2 || poll > 30*time.Second || poll < 800*time.Millisecond {
			t.Fatalf("poll after %s with absence %s, claim %s", poll, absence, claim)
		}
		if presence > absence/3 || presence > claim/2 || presence > 30*time.Second || presence > 0 && presence < 3*time.Second {
			t.Fatalf("with the board poll after %s with absence %s, claim %s", presence, absence, claim)
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
		poll, presence := pollAfter(foretell([]sample{{crowded: true}}, rules).ETA(position), position, rules)
		if poll < want[0] || poll > want[1] {
			t.Errorf("at position %d: %s, want %s to %s", position, poll, want[0], want[1])
		}
		if far := position > 1; far != (presence > 0) {
			t.Errorf("at position %d: %s with the board", position, presence)
		}
	}
}

// While admission is paused the front polls every five seconds, less a jitter, and nobody more often; once it goes
// on, as ever. The answer to a poll is the first to say so: it comes within those five seconds.
func TestPollsSlowDownWhilePaused(t *testing.T) {
	t.Parallel()
	paused, hasty := DefaultRules(), DefaultRules()
	paused.Paused, hasty.Paused, hasty.ClaimSeconds = true, true, 5
	for name, c := range map[string]struct {
		rules       Rules
		position    int64
		least, most time.Duration
	}{
		"the first, paused":           {paused, 1, 4 * time.Second, 5 * time.Second},
		"the 500th, paused":           {paused, 500, 4 * time.Second, 5 * time.Second},
		"the 501st, paused":           {paused, 501, 4 * time.Second, 5010 * time.Millisecond},
		"the 2000th, paused":          {paused, 2000, 16 * time.Second, 20 * time.Second},
		"the first, let in again":     {DefaultRules(), 1, 800 * time.Millisecond, time.Second},
		"with little time to turn up": {hasty, 1, 2 * time.Second, 2500 * time.Millisecond},
	} {
		spread := map[time.Duration]bool{}
		for range 100 {
			poll, presence := pollAfter(nil, c.position, c.rules)
			if spread[poll] = true; poll < c.least || poll > c.most {
				t.Fatalf("%s: after %s, want %s to %s", name, poll, c.least, c.most)
			}
			if board := c.position > 500; board != (presence > 0) {
				t.Fatalf("%s: %s with the board", name, presence)
			}
		}
		if len(spread) < 50 {
			t.Errorf("%s: all poll after one of %d times", name, len(spread))
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	type test struct {
		change func(*Rules)
		field  string // "" is fine
	}
	tests := map[string]test{
		"default":               {func(*Rules) {}, ""},
		"session over its max":  {func(r *Rules) { r.SessionSeconds = r.SessionMaxSeconds + 1 }, "session_max_seconds"},
		"session at its max":    {func(r *Rules) { r.SessionSeconds = r.SessionMaxSeconds }, ""},
		"interval over claim":   {func(r *Rules) { r.IntervalMS, r.ClaimSeconds = 6000, 5 }, "interval_ms"},
		"no limit to polls":     {func(r *Rules) { r.PollsPerTenSeconds = 0 }, ""},
		"fewer polls than told": {func(r *Rules) { r.PollsPerTenSeconds = 24 }, "polls_per_ten_seconds"},
		"few polls":             {func(r *Rules) { r.PollsPerTenSeconds = 25 }, ""},
		"many polls":            {func(r *Rules) { r.PollsPerTenSeconds = 250 }, ""},
		"more than are counted": {func(r *Rules) { r.PollsPerTenSeconds = 251 }, "polls_per_ten_seconds"},
		"seats do not matter":   {func(r *Rules) { r.SeatsPerVisitorPercent = 0 }, ""},
		"seats below the least": {func(r *Rules) { r.SeatsPerVisitorPercent = 9 }, "seats_per_visitor_percent"},
		"least seats":           {func(r *Rules) { r.SeatsPerVisitorPercent = 10 }, ""},
		"most seats":            {func(r *Rules) { r.SeatsPerVisitorPercent = 5000 }, ""},
		"seats above the most":  {func(r *Rules) { r.SeatsPerVisitorPercent = 5001 }, "seats_per_visitor_percent"},
		"seats below nothing":   {func(r *Rules) { r.SeatsPerVisitorPercent = -1 }, "seats_per_visitor_percent"},
		"interval as the claim": {func(r *Rules) { r.IntervalMS, r.ClaimSeconds = 5000, 5 }, ""},
	}
	for _, bound := range []struct {
		field      string
		low, high  int
		of         func(*Rules) *int
		fitsBeside func(*Rules) // what else must be so that only the bound is judged
	}{
		{"admit", 0, 100_000, func(r *Rules) *int { return &r.Admit }, nil},
		{"interval_ms", 100, 60_000, func(r *Rules) *int { return &r.IntervalMS }, nil},
		{"max_active", 0, 1_000_000, func(r *Rules) *int { return &r.MaxActive }, nil},
		{"claim_seconds", 5, 86_400, func(r *Rules) *int { return &r.ClaimSeconds }, nil},
		{"session_seconds", 5, 86_400, func(r *Rules) *int { return &r.SessionSeconds }, func(r *Rules) { r.SessionMaxSeconds = 86_400 }},
		{"session_max_seconds", 5, 86_400, func(r *Rules) *int { return &r.SessionMaxSeconds }, func(r *Rules) { r.SessionSeconds = 5 }},
		{"absence_seconds", 5, 86_400, func(r *Rules) *int { return &r.AbsenceSeconds }, nil},
		{"return_seconds", 5, 86_400, func(r *Rules) *int { return &r.ReturnSeconds }, nil},
		{"waiting_list_claim_seconds", 60, 86_400, func(r *Rules) *int { return &r.WaitingListClaimSeconds }, nil},
		{"prolong_seconds", 0, 86_400, func(r *Rules) *int { return &r.ProlongSeconds }, nil},
	} {
		at := func(value int) func(*Rules) {
			return func(r *Rules) {
				if bound.fitsBeside != nil {
					bound.fitsBeside(r)
				}
				*bound.of(r) = value
			}
		}
		tests[bound.field+" below"] = test{at(bound.low - 1), bound.field}
		tests[bound.field+" least"] = test{at(bound.low), ""}
		tests[bound.field+" most"] = test{at(bound.high), ""}
		tests[bound.field+" above"] = test{at(bound.high + 1), bound.field}
	}
	for name, test := range tests {
		rules := DefaultRules()
		test.change(&rules)
		err := rules.Validate()
		var errs RulesError
		errors.As(err, &errs)
		named := false
		for _, e := range errs {
			named = named || e.Field == test.field
		}
		switch {
		case test.field == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.field != "" && !named:
			t.Errorf("%s: %v, want one about %s", name, err, test.field)
		}
	}
}
