package queue

import (
	"math"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// pace is how a room has been moving, from the figures of its views, and what that
// foretells.
type pace struct {
	mu       sync.Mutex
	samples  []sample // oldest first, of one epoch
	forecast atomic.Pointer[Forecast]
}

// sample is one view's figures.
type sample struct {
	at, epoch        int64 // us
	joined, admitted int64
	active, present  int64
	crowded          bool // people waited, and might be let in
}

// out is how many have gone again of those who were let in.
func (s sample) out() int64 { return s.admitted - s.active }

func (s sample) since(o sample) float64 { return float64(s.at-o.at) / 1e6 }

// mostSamples bounds the memory of a room's pace; older samples are thinned out, so
// that hours fit in.
const mostSamples = 1024

// note takes a view's figures in.
func (p *pace) note(v *view) {
	rules := v.rules
	if v.served >= 0 { // the seats bound who may be inside, as the cap does
		rules.MaxActive = min(rules.MaxActive, int(v.served))
	}
	crowded := v.present() > 0 && v.phase == Open && !rules.Paused && !v.isRecovering() && !v.isSoldOut()
	p.take(sample{
		at: v.asOf, epoch: v.epoch, joined: v.totals.Joined, admitted: v.totals.Admitted,
		active: v.totals.Active, present: v.present(), crowded: crowded,
	}, rules)
}

func (p *pace) take(s sample, rules Rules) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.samples); n > 0 {
		last := p.samples[n-1]
		if last.epoch != s.epoch || s.admitted < last.admitted {
			p.samples = p.samples[:0] // lost, or reset: what it counts is not what was counted
		} else if s.at <= last.at {
			return
		}
	}
	if len(p.samples) >= mostSamples {
		kept := p.samples[:0]
		for i, old := range p.samples {
			if i%2 == 0 || i >= mostSamples*3/4 {
				kept = append(kept, old)
			}
		}
		p.samples = kept
	}
	p.samples = append(p.samples, s)
	if !s.crowded {
		p.forecast.Store(nil)
		return
	}
	p.forecast.Store(foretell(p.samples, rules))
}

// rateOver is how far back the rate that operators see looks.
const rateOver = 30 * time.Second

// rate returns visitors let in per second of late, while others waited on; 0 when not
// known: fewer than five seconds of that were seen.
func (p *pace) rate() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.samples)
	first := n
	for first > 0 && p.samples[first-1].crowded && p.samples[n-1].since(p.samples[first-1]) <= rateOver.Seconds() {
		first--
	}
	if n-first < 2 {
		return 0
	}
	span := p.samples[n-1].since(p.samples[first])
	if span < 5 {
		return 0
	}
	return float64(p.samples[n-1].admitted-p.samples[first].admitted) / span
}

// stay returns how long people stay inside; 0 when that is not known well enough to
// foretell anything from it.
func (p *pace) stay() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.samples) == 0 {
		return 0
	}
	short, long := stay(p.samples)
	if short <= 0 || long/short > mostUnsure {
		return 0
	}
	return time.Duration((short + long) / 2 * float64(time.Second))
}

// Forecast is what a wait is foretold from. While there is room inside, people enter by
// the rules alone; then as many as go. All rates are visitors a second.
type Forecast struct {
	Free     float64 `json:"free"`            // how many enter before others must go
	FreeRate float64 `json:"free_per_second"` // as fast as that
	Low      float64 `json:"low_per_second"`  // then no faster than between this
	High     float64 `json:"high_per_second"` // and this; 0: not known
	Fade     float64 `json:"fade_per_second"` // share of those in line who give up a second
	Slack    float64 `json:"slack_seconds"`   // what a wait is longer or shorter by, whatever its length
	Unsure   float64 `json:"unsure"`          // and by which share of it
}

// How sure a forecast is. Chosen on the simulated sales of eta_test.go.
const (
	unsure     = 0.08 // share by which a settled rate may be wrong
	mostUnsure = 2    // high ÷ low beyond which nothing is foretold
	fadeOver   = 180  // seconds over which people who give up are counted
)

// foretell makes a forecast from the last sample and those before it; nil when nobody
// is let in.
//
// Once the cap is reached, max_active people inside, each for D seconds, let
// max_active/D in a second (Little's law). D is the time between the moment when as many
// had been let in as have gone by now, and now: exact as soon as a whole room has
// gone once. Before that, D lies between that time, which is too short (who stays long has not
// gone yet), and all the time spent inside over all who have gone, which is too long.
func foretell(samples []sample, rules Rules) *Forecast {
	last := samples[len(samples)-1]
	ruled := rules.rate()
	if rules.Paused || ruled == 0 || rules.MaxActive == 0 {
		return nil
	}
	f := &Forecast{Free: math.Max(0, float64(int64(rules.MaxActive)-last.active)), FreeRate: ruled}
	f.Unsure = unsure
	f.Slack = 2*rules.Interval().Seconds() + 1
	if short, long := stay(samples); short > 0 && long/short <= mostUnsure {
		least := unsure + 1/math.Sqrt(math.Max(1, float64(last.out())))
		f.Low = math.Min(ruled, float64(rules.MaxActive)/long/(1+least))
		f.High = math.Min(ruled, float64(rules.MaxActive)/short*(1+least))
		// What frees up meanwhile lets more in before the cap is felt.
		if middle := (f.Low + f.High) / 2; middle < ruled {
			f.Free *= ruled / (ruled - middle)
		} else {
			f.Free = math.MaxInt32
		}
	}
	f.Fade = fade(samples)
	return f
}

// stay is between how long and how long people stay inside, in seconds; 0 when not
// known.
func stay(samples []sample) (short, long float64) {
	first, last := samples[0], samples[len(samples)-1]
	gone := last.out()
	if gone < 5 {
		return 0, 0
	}
	// The last sample at which no more had been let in than have gone by now.
	i := sort.Search(len(samples), func(i int) bool { return samples[i].admitted > gone }) - 1
	if i < 0 {
		// The room is older than what was seen of it: who goes now says how long they stay.
		span, went := last.since(first), gone-first.out()
		if span < rateOver.Seconds() || went < 20 {
			return 0, 0
		}
		mean := inside(samples) / float64(went)
		return mean, mean
	}
	short = last.since(samples[i])
	if i+1 < len(samples) { // between two samples
		more := samples[i+1].admitted - samples[i].admitted
		short -= samples[i+1].since(samples[i]) * float64(gone-samples[i].admitted) / float64(max(more, 1))
	}
	if gone >= last.active {
		return short, short
	}
	return short, math.Max(short, inside(samples)/float64(gone-first.out()))
}

// inside is the time that all people together spent inside, in seconds.
func inside(samples []sample) (sum float64) {
	for i := 1; i < len(samples); i++ {
		sum += samples[i].since(samples[i-1]) * float64(samples[i].active+samples[i-1].active) / 2
	}
	return sum
}

// fade is the share of those in line who give up a second: whoever was there and is
// neither let in nor there any more.
func fade(samples []sample) float64 {
	last := samples[len(samples)-1]
	first := len(samples) - 1
	exposed := 0.0
	for first > 0 && last.since(samples[first-1]) <= fadeOver && samples[first-1].crowded {
		exposed += samples[first].since(samples[first-1]) * float64(samples[first].present+samples[first-1].present) / 2
		first--
	}
	from := samples[first]
	gone := (last.joined - from.joined) - (last.admitted - from.admitted) - (last.present - from.present)
	if exposed == 0 || gone <= 0 {
		return 0
	}
	return float64(gone) / exposed
}

// ETA is the wait at a position; nil when it cannot be foretold. web/board.js works the
// same out.
func (f *Forecast) ETA(position int64) *ETA {
	if f == nil || float64(position) > f.Free && f.Low == 0 {
		return nil
	}
	wait := func(rate, fade float64) float64 {
		t := float64(position) / f.FreeRate
		if float64(position) > f.Free {
			t = f.Free/f.FreeRate + (float64(position)-f.Free)/rate
		}
		if fade > 0 { // of those ahead, who give up shortens the wait
			t = math.Log1p(fade*t) / fade
		}
		return t
	}
	return &ETA{
		Low:  time.Duration(math.Floor(math.Max(0, wait(f.High, 1.5*f.Fade)*(1-f.Unsure)-f.Slack))) * time.Second,
		High: time.Duration(math.Ceil(wait(f.Low, f.Fade/2)*(1+f.Unsure)+f.Slack)) * time.Second,
	}
}
