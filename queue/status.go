package queue

import (
	"math/rand/v2"
	"time"
)

// State of a place, as a visitor sees it.
type State string

// The states.
const (
	Gathers  State = "lobby" // waits for the draw
	Waiting  State = "waiting"
	Admitted State = "admitted"
	Finished State = "finished" // bought, or left
	Expired  State = "expired"  // away, or inside, too long
	SoldOut  State = "sold_out" // waited while everything was sold; the line stays as it is
)

// Status answers a poll.
type Status struct {
	Show      string
	State     State
	Visitor   string
	Since     int64 // when the visitor moved to the device that asks (us); Admitted only
	Number    int64
	Position  int64 // 1 is next in; Waiting only
	InLine    int64 // people who keep a place; Waiting only
	ETA       *ETA  // nil while paused, recovering or not yet known
	PollAfter time.Duration
	// Presence is how long a visitor who reads the board may take until the next poll,
	// which then only says that they are there; 0 near the front. Waiting only.
	Presence time.Duration
	// Chance is that of a seat, SeatsLeft how many are free; "" and 0 while not known. Waiting
	// and SoldOut only.
	Chance    Chance
	SeatsLeft int64
	// Listed is the position on the waiting list; 0: not on it. SoldOut only.
	Listed   int64
	AsOf     time.Time // of the figures, by Redis's clock
	AsOfText string    // the same in RFC 3339, where it is written already
	Message  string
	Until    time.Time // the admission's end; Admitted only
	// Prolong is how much longer they may stay once they ask for it; 0: no longer. Admitted only.
	Prolong  time.Duration
	StartsAt time.Time // when the draw is; Gathers only
	Token    string    // set when the client must replace the one it holds
}

// isInLine tells whether the place is one of those in line.
func (s Status) isInLine() bool { return s.State == Waiting || s.State == SoldOut }

// ETA is between how long and how long the wait will most likely be.
type ETA struct{ Low, High time.Duration }

// pollAfter spreads polls by the distance to the front: a tenth of the wait, about
// a second at the front, up to the longest that the rules allow, with a jitter that
// never passes it. While admission is paused nobody moves up, and the front need not know
// of the end at once: pollPaused is soon enough. Who is farther than the board's own interval may
// read that instead, and poll only to be there.
func pollAfter(e *ETA, position int64, rules Rules) (poll, presence time.Duration) {
	wait := time.Duration(position) * 10 * time.Millisecond
	if e != nil {
		wait = (e.Low + e.High) / 20
	}
	longest, front := rules.longestPoll(), pollFront
	if rules.Paused {
		front = pollPaused
	}
	poll = min(max(wait, front), longest)
	if poll > BoardEvery {
		presence = jitter(longest)
	}
	return jitter(poll), presence
}

// insidePoll is the time between polls of somebody inside: often enough that the
// pass never runs out, and that they learn when the session ends.
func insidePoll(rules Rules) time.Duration { return jitter(min(10*time.Second, rules.longestPoll())) }

// lobbyPoll is the time between polls before a draw that is so far away (below 0: under
// way). Near it, everybody's next poll is behind it, and they are spread by how many
// there are: ten thousand a second, as far as the rules allow.
func lobbyPoll(until time.Duration, people int64, rules Rules) time.Duration {
	longest := rules.longestPoll()
	spread := min(max(time.Duration(people)*100*time.Microsecond, pollFront), longest)
	switch {
	case until > longest:
		return jitter(longest)
	case until > 0:
		return until + rand.N(spread)
	default:
		return spread/2 + rand.N(spread/2)
	}
}

func jitter(d time.Duration) time.Duration {
	return d - time.Duration(rand.Int64N(int64(d)/5+1))
}

func timeOf(us int64) time.Time { return time.UnixMicro(us).UTC() }
