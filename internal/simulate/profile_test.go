package simulate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"frontrow/internal/hall"
	"frontrow/queue"
)

// Whoever plays with the same seed plays the same people, who come at the same time.
func TestSameSeedSamePeople(t *testing.T) {
	t.Parallel()
	people := crowd(7, 3000, DefaultMix)
	if !slices.Equal(people, crowd(7, 3000, DefaultMix)) {
		t.Error("the same seed gives other people")
	}
	if slices.Equal(people, crowd(8, 3000, DefaultMix)) {
		t.Error("another seed gives the same people")
	}
	// A larger crowd begins with the same people; as long as the wall of arrivals is
	// as long, they come at the same time.
	if !slices.Equal(people, crowd(7, 10_000, DefaultMix)[:3000]) {
		t.Error("the first three thousand of ten thousand are others")
	}
	if source(7, 5, 1).Uint64() != source(7, 5, 1).Uint64() || source(7, 5, 1).Uint64() == source(7, 5, 0).Uint64() || source(7, 5, 1).Uint64() == source(7, 6, 1).Uint64() {
		t.Error("the chances of a visit are not its own")
	}
}

func TestPeopleAreAsTheMixSays(t *testing.T) {
	t.Parallel()
	const visitors = 20_000
	var counts [profileCount]int
	for _, p := range crowd(1, visitors, DefaultMix) {
		counts[p.profile]++
		if p.arrives < 0 || p.arrives >= arriveWithin(visitors) || p.wants < 1 || p.wants > 2 || p.stays < 1 || p.stays > 4 || p.tabs < 2 || p.tabs > 4 {
			t.Fatalf("%+v", p)
		}
	}
	for p, n := range counts {
		want := visitors * DefaultMix[p] / 100
		if n < want*8/10 || n > want*12/10 {
			t.Errorf("%d are %s, want about %d", n, Profile(p), want)
		}
	}
	for p := range profileCount {
		var only Mix
		only[p] = 100
		for _, person := range crowd(1, 200, only) {
			if person.profile != p {
				t.Errorf("among nobody but %s there is %s", p, person.profile)
			}
		}
	}
}

func TestParseMix(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"patient=100":                        "",
		"patient=0,bot=100":                  "",
		"patient=60, impatient=40":           "",
		DefaultMix.String():                  "",
		"patient=99":                         "add up to 99, not to 100",
		"patient=100,bot=1":                  "add up to 101",
		"patient=0":                          "add up to 0",
		"patient=101":                        "from 0 to 100",
		"patient=101,bot=-1":                 "from 0 to 100",
		"bot=-1,patient=101":                 "share of bot must be a whole number",
		"patient=1e2":                        "whole number",
		"patient=":                           "whole number",
		"patient=99999999999999999999":       "whole number",
		"patient":                            "form profile=share",
		"":                                   "form profile=share",
		"Patient=100":                        `no profile "Patient"; there are patient, impatient`,
		"=100":                               `no profile ""`,
		"patient=50,patient=50":              "patient comes twice",
		"patient=0,patient=100":              "patient comes twice",
		"patient=50,bot=25,bot=25,no-show=0": "bot comes twice",
	} {
		mix, err := ParseMix(strings.Split(text, ","))
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", text, err, want)
		case want == "":
			if again, err := ParseMix(strings.Split(mix.String(), ",")); err != nil || again != mix {
				t.Errorf("%q is told as %q", text, mix)
			}
		}
	}
	if mix, err := ParseMix(nil); err != nil || mix != DefaultMix {
		t.Errorf("nothing said: %v, %v", mix, err)
	}
}

// Bots join a thousand times at the most, and together no more than others do and a
// thousand times; few of that are places.
func TestBotsAreBounded(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ visitors, bots, again, asNew int }{
		{1, 0, 0, 0}, {1, 1, 1000, 20}, {2, 2, 501, 10}, {2000, 20, 150, 6}, {2000, 2, 1000, 60}, {100_000, 1000, 101, 5}, {200_000, 200_000, 1, 0},
	} {
		again, asNew := joins(test.visitors, test.bots)
		if again != test.again || asNew != test.asNew {
			t.Errorf("%d bots of %d join %d times, %d as new; want %d and %d", test.bots, test.visitors, again, asNew, test.again, test.asNew)
		}
	}
}

// The show that a run makes is one that gateways accept, at any size, and whose polls
// two cores can bear.
func TestPlans(t *testing.T) {
	t.Parallel()
	for _, visitors := range []int{1, 2, 20, 79, 2000, 9999, 20_000, 74_999, 100_000, MostVisitors} {
		t.Run(fmt.Sprint(visitors), func(t *testing.T) {
			t.Parallel()
			p := planFor(visitors)
			rules := queue.DefaultRules()
			rules.Admit, rules.IntervalMS, rules.MaxActive, rules.ClaimSeconds = p.admit, 500, p.maxActive, p.claim
			rules.SessionSeconds, rules.SessionMaxSeconds, rules.AbsenceSeconds, rules.ReturnSeconds = 120, 300, p.absent, p.returns
			if err := rules.Validate(); err != nil {
				t.Error(err)
			}
			if _, err := hall.Arena(p.seats); err != nil {
				t.Error(err)
			}
			longest := min(30, float64(p.absent)/3, float64(p.claim)/2)
			if polls := float64(visitors) / longest; polls > 7000 {
				t.Errorf("%.0f polls a second", polls)
			}
			if sleep := p.absent * 3 / 2; sleep >= p.returns || time.Duration(sleep)*time.Second > longestSleep {
				t.Errorf("a phone sleeps for %d s and may come back within %d s", sleep, p.returns)
			}
			if p.maxActive < p.admit {
				t.Errorf("%d fit in, %d come at once", p.maxActive, p.admit)
			}
		})
	}
}
