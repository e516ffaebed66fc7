package queue

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// haste counts polls by number, to tell who asks far more often than told. A window
// costs one byte a number, which a poll adds to without a lock.
type haste struct {
	hasty, slowed atomic.Int64 // since the gateway started
	tally         atomic.Pointer[tally]

	mu    sync.Mutex
	asked map[placeID]asking // of those whose polls cost Redis a script
}

// tally are the counts of one window.
type tally struct {
	first int64 // number of the first byte; a multiple of 8
	words []atomic.Uint64
	ends  time.Time
}

type asking struct {
	polls uint8
	at    time.Time // when Redis was last asked
}

const (
	// hasteOver is how long polls are counted before the count starts anew.
	hasteOver = 10 * time.Second
	// hastyPolls in a window are twice what the shortest poll_after_ms allows: a
	// second, less the jitter of a fifth.
	hastyPolls = 2 * 10 * 5 / 4
	// mostCounted polls fit into a byte, with some to spare.
	mostCounted = 250
	// mostAsking bounds the memory of those who cost Redis a script.
	mostAsking = 65_536
)

// note counts a poll that the view answers. May return a TooManyError.
func (h *haste) note(number int64, v *view) error {
	t := h.tally.Load()
	polls, counted := t.add(number)
	if !counted {
		t = h.grow(number, v.head)
		polls, _ = t.add(number)
	}
	if polls <= hastyPolls {
		return nil
	}
	h.hasty.Add(1)
	if int(polls) <= slowedFrom(v.rules) {
		return nil
	}
	return h.slow(t, v.rules)
}

// noteAsking counts a poll that costs Redis a script. Who asks far too often is let
// through once a second all the same: the script is what keeps them present. The count is
// another than note's, so that who was slowed in the line can claim at once. May
// return a TooManyError.
func (h *haste) noteAsking(id placeID, rules Rules) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asked == nil {
		h.asked = map[placeID]asking{}
	}
	a, known := h.asked[id]
	if !known && len(h.asked) >= mostAsking {
		return nil
	}
	if a.polls < math.MaxUint8 {
		a.polls++
	}
	if a.polls > hastyPolls {
		h.hasty.Add(1)
	}
	now := time.Now()
	slow := int(a.polls) > slowedFrom(rules) && now.Sub(a.at) < time.Second
	if !slow {
		a.at = now
	}
	h.asked[id] = a
	if slow {
		return h.slow(h.tally.Load(), rules)
	}
	return nil
}

// slowedFrom is the number of polls in a window that are not refused.
func slowedFrom(rules Rules) int {
	if rules.PollsPerTenSeconds == 0 {
		return math.MaxInt
	}
	return rules.PollsPerTenSeconds
}

// slow refuses a poll until the window's end, but never for longer than poll_after_ms
// may tell anybody: who is called meanwhile shall not miss it.
func (h *haste) slow(t *tally, rules Rules) error {
	h.slowed.Add(1)
	wait := time.Second
	if t != nil {
		wait = max(wait, time.Until(t.ends))
	}
	return &TooManyError{RetryAfter: min(wait, rules.longestPoll())}
}

// add counts a poll, and says how many there were, up to 255. It says false for a
// number beyond the last byte. Numbers before the first are not counted: their holders
// were called, and cost a script.
func (t *tally) add(number int64) (polls uint8, counted bool) {
	if t == nil {
		return 0, false
	}
	offset := number - t.first
	if offset < 0 {
		return 0, true
	}
	if offset>>3 >= int64(len(t.words)) {
		return 0, false
	}
	word, shift := &t.words[offset>>3], uint(offset&7)*8
	for {
		old := word.Load()
		if polls = uint8(old >> shift); polls == math.MaxUint8 || word.CompareAndSwap(old, old+1<<shift) {
			return min(polls, math.MaxUint8-1) + 1, true
		}
	}
}

// grow makes room for a number. Polls that are counted meanwhile may be forgotten.
func (h *haste) grow(number, head int64) *tally {
	h.mu.Lock()
	defer h.mu.Unlock()
	old := h.tally.Load()
	if old == nil {
		old = &tally{first: head &^ 7, ends: time.Now().Add(hasteOver)}
	}
	offset := (number - old.first) >> 3
	if offset < int64(len(old.words)) {
		return old
	}
	grown := &tally{first: old.first, ends: old.ends, words: make([]atomic.Uint64, max(offset+1, int64(len(old.words))*9/8))}
	for i := range old.words {
		grown.words[i].Store(old.words[i].Load())
	}
	h.tally.Store(grown)
	return grown
}

// countAnew starts the next window when this one is over; the watcher calls it.
func (r *Room) countAnew(now time.Time) {
	h := &r.haste
	h.mu.Lock()
	defer h.mu.Unlock()
	old := h.tally.Load()
	if old == nil || now.Before(old.ends) {
		return
	}
	h.asked = nil
	next := &tally{first: old.first, ends: now.Add(hasteOver), words: old.words}
	if v := r.view.Load(); v != nil {
		// The bytes of those who were called are given back when they are an eighth.
		if gone := (v.head - old.first) >> 3; gone > int64(len(old.words)/8) {
			next.first = old.first + gone<<3
			next.words = make([]atomic.Uint64, max(int64(len(old.words))-gone, 0))
		}
	}
	for i := range next.words {
		next.words[i].Store(0)
	}
	h.tally.Store(next)
}
