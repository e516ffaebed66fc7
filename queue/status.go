package queue

import (
	"math/rand/v2"
	"time"
)

// State of a place, as a visitor sees it.
type State string

// The states. A place in a lobby before the draw will be another.
const (
	Waiting  State = "waiting"
	Admitted State = "admitted"
	Finished State = "finished" // bought, or left
	Expired  State = "expired"  // away, or inside, too long
)

// Status answers a poll.
type Status struct {
	Show      string
	State     State
	Visitor   string
	Number    int64
	Position  int64 // 1 is next in; Waiting only
	InLine    int64 // people who keep a place; Waiting only
	ETA       *ETA  // nil while paused, recovering or not yet known
	PollAfter time.Duration
	AsOf      time.Time // of the figures, by Redis's clock
	Message   string
	Until     time.Time // the admission's end; Admitted only
	Token     string    // set when the client must replace the one it holds
}

// ETA is how long the wait will be, most likely.
type ETA struct{ Low, High time.Duration }

// eta foretells the wait at a position. The range allows for those ahead who are
// gone when they are called, which shortens it, and for admissions that max_active
// holds up, which lengthen it; whole intervals are counted. observed is the rate of
// late in visitors a second, 0 when not known.
func eta(position int64, rules Rules, observed float64) *ETA {
	ruled := rules.rate()
	if rules.Paused || ruled == 0 || rules.MaxActive == 0 {
		return nil
	}
	rate := ruled
	if observed > 0 {
		rate = min(observed, ruled)
	}
	interval := rules.Interval()
	wait := time.Duration(float64(position-1) / rate * float64(time.Second))
	return &ETA{
		Low:  (wait * 4 / 5).Truncate(time.Second),
		High: (wait*13/10 + 2*interval + time.Second).Truncate(time.Second),
	}
}

// pollAfter spreads polls by the distance to the front: a tenth of the wait, about
// a second at the front, up to the longest that the rules allow, with a jitter that
// never passes it.
func pollAfter(e *ETA, position int64, rules Rules) time.Duration {
	wait := time.Duration(position) * 10 * time.Millisecond
	if e != nil {
		wait = (e.Low + e.High) / 20
	}
	return jitter(min(max(wait, pollFront), rules.longestPoll()))
}

// insidePoll is the time between polls of somebody inside: often enough that the
// pass never runs out, and that they learn when the session ends.
func insidePoll(rules Rules) time.Duration { return jitter(min(10*time.Second, rules.longestPoll())) }

func jitter(d time.Duration) time.Duration {
	return d - time.Duration(rand.Int64N(int64(d)/5+1))
}

func timeOf(us int64) time.Time { return time.UnixMicro(us).UTC() }
