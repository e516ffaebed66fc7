package queue

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// sale is a simulated sale, a quarter of a second at a time: what people do is drawn, and
// the pace hears once a second what views would tell it.
type sale struct {
	rules  Rules
	crowd  int                      // people who come
	wall   float64                  // most of them within so many seconds
	tail   float64                  // the others within so many
	stay   func(*rand.Rand) float64 // seconds inside
	noShow float64                  // share of those called who never claim
	fade   float64                  // share of those in line who give up a second
	limit  float64                  // seconds after which the sale ends
}

// person is somebody in a simulated sale.
type person struct {
	joined, low, high, entered float64
	told, gone                 bool
	leaves                     float64 // gives up, and is noticed at the next window
}

// outcome is how the forecasts of a sale fared: the share of those let in who waited as
// foretold, how many had been told anything, of how many, and how wide the ranges were
// beside the wait.
type outcome struct {
	right, width  float64
	told, entered int
}

func (s sale) play(seed uint64) (o outcome) {
	random := rand.New(rand.NewPCG(seed, 7))
	const step = 0.25
	people := make([]*person, s.crowd)
	for i := range people {
		at := random.Float64() * s.wall
		if random.Float64() < 0.3 {
			at = random.Float64() * s.tail
		}
		people[i] = &person{joined: at, leaves: math.Inf(1)}
		if s.fade > 0 {
			people[i].leaves = at + random.ExpFloat64()/s.fade
		}
	}
	slices.SortFunc(people, func(a, b *person) int { return cmp.Compare(a.joined, b.joined) })

	var p pace
	var line []*person
	var exits []float64
	arrived, admitted, active, untold := 0, 0, 0, 0
	nextAdmission, nextWindow := 0.0, 0.0
	rules := s.rules
	window := rules.window().Seconds()
	present := 0
	for now := 0.0; now < s.limit && (arrived < len(people) || len(line) > 0); now += step {
		joined := arrived
		for arrived < len(people) && people[arrived].joined <= now {
			line = append(line, people[arrived])
			arrived++
			present++
		}
		onTheSecond := math.Mod(now+step/2, 1) < step
		if onTheSecond {
			untold += arrived - joined
		}
		if now >= nextWindow { // who gave up a window ago is absent
			nextWindow = now + window
			for _, one := range line {
				if !one.gone && one.leaves < now-window {
					one.gone = true
					present--
				}
			}
		}
		stays := exits[:0]
		for _, at := range exits {
			if at > now {
				stays = append(stays, at)
			} else {
				active--
			}
		}
		exits = stays
		if now >= nextAdmission {
			nextAdmission += rules.Interval().Seconds()
			quota := min(rules.Admit, rules.MaxActive-active)
			for quota > 0 && len(line) > 0 {
				one := line[0]
				line = line[1:]
				if one.gone {
					continue
				}
				present--
				quota--
				admitted++
				active++
				if one.leaves < now || random.Float64() < s.noShow {
					exits = append(exits, now+float64(rules.ClaimSeconds))
					continue
				}
				one.entered = now + random.Float64()*2 // their next poll
				exits = append(exits, one.entered+s.stay(random))
			}
		}
		// A forecast is told at the join, or once there is one.
		if onTheSecond {
			p.take(sample{
				at: int64(now*1e6) + 1, epoch: 1, joined: int64(arrived), admitted: int64(admitted),
				active: int64(active), present: int64(present), crowded: present > 0 && !rules.Paused,
			}, rules)
			position, f := int64(0), p.forecast.Load()
			for _, one := range line {
				if untold == 0 {
					break
				}
				if one.gone {
					continue
				}
				position++
				untold -= one.tell(now, f.ETA(position))
			}
		} else if arrived > joined {
			for i, one := range people[joined:arrived] {
				untold += 1 - one.tell(now, p.forecast.Load().ETA(int64(present-(arrived-joined)+i+1)))
			}
		}
	}
	for _, one := range people {
		if one.entered == 0 {
			continue
		}
		o.entered++
		if one.told {
			o.told++
			wait := one.entered - one.joined
			o.width += (one.high - one.low) / math.Max(wait, 10)
			if wait >= one.low && wait <= one.high {
				o.right++
			}
		}
	}
	o.right /= math.Max(1, float64(o.told))
	o.width /= math.Max(1, float64(o.told))
	return o
}

// tell notes the first forecast that somebody is given; it returns how many those were.
func (p *person) tell(now float64, eta *ETA) int {
	if eta == nil || p.told {
		return 0
	}
	p.told = true
	p.low, p.high = now-p.joined+eta.Low.Seconds(), now-p.joined+eta.High.Seconds()
	return 1
}

// The true wait lies in the range for at least 80 % of those who were told one.
func TestWaitsAreAsForetold(t *testing.T) {
	t.Parallel()
	exponential := func(mean float64) func(*rand.Rand) float64 {
		return func(r *rand.Rand) float64 { return 5 + r.ExpFloat64()*(mean-5) }
	}
	likePeople := func(median float64) func(*rand.Rand) float64 { // long-tailed
		return func(r *rand.Rand) float64 { return median * math.Exp(0.6*r.NormFloat64()) }
	}
	alike := func(seconds float64) func(*rand.Rand) float64 {
		return func(r *rand.Rand) float64 { return seconds * (0.9 + 0.2*r.Float64()) }
	}
	rules := Rules{
		Admit: 50, IntervalMS: 1000, MaxActive: 100_000, ClaimSeconds: 60,
		SessionSeconds: 600, SessionMaxSeconds: 900, AbsenceSeconds: 60, ReturnSeconds: 600,
	}
	capped := rules
	capped.Admit, capped.MaxActive = 20, 300
	slow := capped
	slow.Admit, slow.IntervalMS, slow.MaxActive = 5, 5000, 1000
	for name, s := range map[string]sale{
		"the rules decide":                 {rules: rules, crowd: 6000, wall: 10, tail: 100, stay: likePeople(120)},
		"the rules decide, many give up":   {rules: rules, crowd: 9000, wall: 10, tail: 60, stay: likePeople(120), fade: 1.0 / 400, noShow: 0.05},
		"one every second":                 {rules: slow, crowd: 600, wall: 10, tail: 300, stay: likePeople(120), fade: 1.0 / 2000},
		"the cap decides, long-tailed":     {rules: capped, crowd: 4000, wall: 10, tail: 900, stay: likePeople(150), noShow: 0.03},
		"the cap decides, memoryless":      {rules: capped, crowd: 4000, wall: 10, tail: 900, stay: exponential(150)},
		"the cap decides, all alike":       {rules: capped, crowd: 4000, wall: 10, tail: 900, stay: alike(150)},
		"the cap decides, many give up":    {rules: capped, crowd: 5000, wall: 10, tail: 900, stay: likePeople(150), fade: 1.0 / 1500, noShow: 0.1},
		"the cap decides, people are slow": {rules: capped, crowd: 2000, wall: 10, tail: 900, stay: likePeople(400)},
	} {
		s.limit = 7200
		o := s.play(1)
		t.Logf("%-32s %.2f of %d as foretold, width %.2f; %d were let in", name, o.right, o.told, o.width, o.entered)
		if o.right < 0.8 {
			t.Errorf("%s: only %.2f waited as foretold", name, o.right)
		}
		if o.told < o.entered*9/10 {
			t.Errorf("%s: only %d of %d were told anything", name, o.told, o.entered)
		}
		if o.width > 1 { // a range as wide as the wait says nothing
			t.Errorf("%s: the ranges are %.1f times as wide as the wait", name, o.width)
		}
	}
}

func TestForecasts(t *testing.T) {
	t.Parallel()
	rules := Rules{Admit: 100, IntervalMS: 1000, MaxActive: 500, ClaimSeconds: 60, AbsenceSeconds: 120}
	// steady is a room that has been full for five minutes, and lets ten in a second.
	steady := make([]sample, 301)
	for i := range steady {
		n := int64(i * 10)
		steady[i] = sample{at: int64(i) * 1e6, epoch: 1, joined: 50_000, admitted: 500 + n, active: 500, present: 49_500 - n, crowded: true}
	}
	empty := []sample{{at: 1, epoch: 1, joined: 1000, present: 1000, crowded: true}}
	stopped, nobody := rules, rules
	stopped.Paused, nobody.MaxActive = true, 0
	seconds := func(low, high float64) *ETA {
		return &ETA{time.Duration(low) * time.Second, time.Duration(high) * time.Second}
	}
	for name, test := range map[string]struct {
		samples  []sample
		rules    Rules
		position int64
		want     *ETA
	}{
		"next in, with room inside":         {empty, rules, 1, seconds(0, 4)},
		"the last for whom there is room":   {empty, rules, 500, seconds(1, 9)},
		"beyond that nobody can say yet":    {empty, rules, 501, nil},
		"a full room goes at its own pace":  {steady, rules, 3000, seconds(248, 359)},
		"at ten times the distance as well": {steady, rules, 30_000, seconds(2510, 3562)},
		"paused":                            {steady, stopped, 1, nil},
		"nobody may be in":                  {steady, nobody, 1, nil},
	} {
		got := foretell(test.samples, test.rules).ETA(test.position)
		if (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
