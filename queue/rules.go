package queue

import (
	"fmt"
	"time"
)

// Rules say how fast and how many people a show lets in, and how long it waits
// for somebody. MySQL keeps them; the room in Redis carries the copy in force.
type Rules struct {
	Admit             int  `json:"admit"`               // most visitors let in per interval
	IntervalMS        int  `json:"interval_ms"`         // length of the interval
	MaxActive         int  `json:"max_active"`          // most visitors inside at a time
	ClaimSeconds      int  `json:"claim_seconds"`       // an admitted visitor shows up within
	SessionSeconds    int  `json:"session_seconds"`     // time inside, from showing up
	SessionMaxSeconds int  `json:"session_max_seconds"` // as far as holds and payments may prolong it
	AbsenceSeconds    int  `json:"absence_seconds"`     // not heard of for so long: absent
	ReturnSeconds     int  `json:"return_seconds"`      // an away visitor may come back within
	Paused            bool `json:"paused"`              // nobody is let in
	JoinsPerAddress   int  `json:"joins_per_address"`   // most new places a minute; 0: no limit
	JoinsPerNetwork   int  `json:"joins_per_network"`   // most new places a minute; 0: no limit
	ProofOfWork       bool `json:"proof_of_work"`       // a new place costs a proof of work
	// PollsPerTenSeconds is how often one place may poll a gateway; 0: no limit.
	PollsPerTenSeconds int `json:"polls_per_ten_seconds"`
	// SeatsPerVisitorPercent is how many seats somebody inside is reckoned with, in
	// hundredths: no more are let in than the seats left can serve so; 0: whatever is left.
	SeatsPerVisitorPercent int `json:"seats_per_visitor_percent"`
	// WaitingListClaimSeconds is the time to show up of who is called from the waiting list.
	WaitingListClaimSeconds int `json:"waiting_list_claim_seconds"`
	// ProlongSeconds is how much longer somebody inside may stay who asks for it, once, but
	// never beyond SessionMaxSeconds; 0: nobody may.
	ProlongSeconds int `json:"prolong_seconds"`
	// Identity says whether a new place is for a shop's own customers: IdentityOff (nobody is
	// asked), IdentityOptional or IdentityRequired.
	Identity string `json:"identity"`
}

// What a show wants to know of who joins.
const (
	IdentityOff      = "off"
	IdentityOptional = "optional"
	IdentityRequired = "required"
)

// DefaultRules are those of a show that names none. A seat for everybody inside is the
// least that keeps people from being called for nothing, and slows no sale that has more seats than
// that; to reckon with more is a bet on the crowd, which is the operator's.
func DefaultRules() Rules {
	return Rules{
		Admit: 10, IntervalMS: 1000, MaxActive: 100,
		ClaimSeconds: 60, SessionSeconds: 600, SessionMaxSeconds: 1800,
		AbsenceSeconds: 120, ReturnSeconds: 600, PollsPerTenSeconds: 100,
		SeatsPerVisitorPercent: 100, WaitingListClaimSeconds: 600, ProlongSeconds: 300, Identity: IdentityOff,
	}
}

// Validate returns a RulesError that names every rule out of its range, or two
// that contradict each other.
func (r Rules) Validate() error {
	var errs RulesError
	within := func(field string, value, low, high int) {
		if value < low || value > high {
			errs = append(errs, RuleError{field, fmt.Sprintf("must be from %d to %d", low, high)})
		}
	}
	within("admit", r.Admit, 0, 100_000)
	within("interval_ms", r.IntervalMS, 100, 60_000)
	within("max_active", r.MaxActive, 0, 1_000_000)
	within("claim_seconds", r.ClaimSeconds, 5, 86_400)
	within("session_seconds", r.SessionSeconds, 5, 86_400)
	within("session_max_seconds", r.SessionMaxSeconds, 5, 86_400)
	within("absence_seconds", r.AbsenceSeconds, 5, 86_400)
	within("return_seconds", r.ReturnSeconds, 5, 86_400)
	within("waiting_list_claim_seconds", r.WaitingListClaimSeconds, 2*int(pollBack/time.Second), 86_400)
	within("prolong_seconds", r.ProlongSeconds, 0, 86_400)
	within("joins_per_address", r.JoinsPerAddress, 0, 1_000_000)
	within("joins_per_network", r.JoinsPerNetwork, 0, 1_000_000)
	if n := r.PollsPerTenSeconds; n != 0 && (n < hastyPolls || n > mostCounted) {
		errs = append(errs, RuleError{"polls_per_ten_seconds", fmt.Sprintf("must be 0, or from %d to %d", hastyPolls, mostCounted)})
	}
	if n := r.SeatsPerVisitorPercent; n != 0 && (n < leastPercent || n > mostPercent) {
		errs = append(errs, RuleError{"seats_per_visitor_percent", fmt.Sprintf("must be 0, or from %d to %d", leastPercent, mostPercent)})
	}
	if r.Identity != IdentityOff && r.Identity != IdentityOptional && r.Identity != IdentityRequired {
		errs = append(errs, RuleError{"identity", "must be off, optional or required"})
	}
	if r.JoinsPerNetwork > 0 && r.JoinsPerNetwork < r.JoinsPerAddress {
		errs = append(errs, RuleError{"joins_per_network", "must not be below joins_per_address: a network has many addresses"})
	}
	if r.SessionMaxSeconds < r.SessionSeconds {
		errs = append(errs, RuleError{"session_max_seconds", "must not be below session_seconds"})
	}
	if r.IntervalMS <= 60_000 && r.ClaimSeconds >= 5 && r.Interval() > r.claim() {
		errs = append(errs, RuleError{"interval_ms", "must not be longer than claim_seconds: somebody who is called could miss it between two intervals"})
	}
	if errs != nil {
		return errs
	}
	return nil
}

// The bounds of SeatsPerVisitorPercent: ten people for a seat, and fifty seats each,
// which is the most that a show sells to anybody.
const (
	leastPercent = 10
	mostPercent  = 5000
)

// Interval is the time between two admissions.
func (r Rules) Interval() time.Duration { return time.Duration(r.IntervalMS) * time.Millisecond }

func (r Rules) claim() time.Duration { return time.Duration(r.ClaimSeconds) * time.Second }

func (r Rules) prolong() time.Duration { return time.Duration(r.ProlongSeconds) * time.Second }

func (r Rules) absence() time.Duration { return time.Duration(r.AbsenceSeconds) * time.Second }

// rate is how many visitors a second the rules let in at most.
func (r Rules) rate() float64 { return float64(r.Admit) / r.Interval().Seconds() }

// guarded tells whether a new place depends on more than room in the line: without, a
// join reads none of these rules.
func (r Rules) guarded() bool {
	return r.JoinsPerAddress > 0 || r.JoinsPerNetwork > 0 || r.ProofOfWork
}

// window is how long one of the two `seen` windows lasts: who was heard of in
// neither of two is absent.
func (r Rules) window() time.Duration { return r.absence() / 2 }

// flushEvery is how often a gateway tells Redis whom it heard of: often enough
// that a window is told in many parts.
func (r Rules) flushEvery() time.Duration { return min(2*time.Second, r.window()/8) }

// The shortest and the longest time between two polls of a visitor, and the shortest
// while admission is paused.
const (
	pollFront  = time.Second
	pollBack   = 30 * time.Second
	pollPaused = 5 * time.Second
)

// longestPoll bounds every poll_after_ms: nobody who polls as told is taken for
// absent, or misses the claim window.
func (r Rules) longestPoll() time.Duration { return min(pollBack, r.absence()/3, r.claim()/2) }

// recovery is how long nobody is admitted after Redis was lost: everybody who
// polls as told has been heard of by then, and a window has passed.
func (r Rules) recovery() time.Duration { return r.longestPoll() + r.window() }
