package simulate

import (
	"math"
	"slices"
	"sync"
	"time"

	"frontrow/internal/invariant"
)

// witness notes what visitors were told, from which it can be seen that an invariant
// broke: what the gateways store does not show everything.
type witness struct {
	mu         sync.Mutex
	found      []invariant.Violation
	seen       map[string]int // how often an invariant was looked at
	unexpected []string
	surprises  int
	soldTo     map[string]string // seat → order
	orders     []paidOrder
	places     []place
	outcomes   [profileCount]map[string]int
	show       string
}

type paidOrder struct {
	id, token string
	seats     []string
}

// place is one visitor's place: when the join was under way, the number that the
// pass told at last, and between which moments the admission came.
type place struct {
	asked, told         time.Time
	foretold            *foretold
	waitedAt, enteredAt time.Time // the last poll that said waiting was sent, the first that said otherwise answered
	number              int64
	steady              bool // polled as told all along
}

func newWitness(show string) *witness {
	w := &witness{show: show, soldTo: map[string]string{}, seen: map[string]int{}}
	for p := range w.outcomes {
		w.outcomes[p] = map[string]int{}
	}
	return w
}

func (w *witness) broken(name, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = append(w.found, invariant.Violationf(name, w.show, format, args...))
}

// sees notes that an invariant was looked at, and might have been seen broken.
func (w *witness) sees(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[name]++
}

// surprise notes an answer that no visitor should get. Only some are kept in words.
func (w *witness) surprise(doing string, a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.surprises++; w.surprises <= 20 {
		w.unexpected = append(w.unexpected, doing+": "+a.String())
	}
}

func (w *witness) outcome(p Profile, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes[p][name]++
}

func (w *witness) admitted(p place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places = append(w.places, p)
}

// paid notes an order that a visitor was told is paid.
func (w *witness) paid(o paidOrder) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, seat := range o.seats {
		if other, taken := w.soldTo[seat]; taken && other != o.id {
			w.found = append(w.found, invariant.Violationf(invariant.SoldOnce, w.show, "seat %s was sold with orders %s and %s", seat, other, o.id))
		}
		w.soldTo[seat] = o.id
	}
	w.seen[invariant.SoldOnce]++
	w.orders = append(w.orders, o)
}

// judgePlaces checks that whoever had joined before somebody else came has the
// smaller number: a place that was lost on the way came back at the end.
func (w *witness) judgePlaces() {
	w.mu.Lock()
	defer w.mu.Unlock()
	byTold := slices.SortedFunc(slices.Values(w.places), func(a, b place) int { return a.told.Compare(b.told) })
	byAsked := slices.SortedFunc(slices.Values(w.places), func(a, b place) int { return a.asked.Compare(b.asked) })
	highest, next, seen := int64(0), 0, map[int64]bool{}
	for _, p := range byAsked {
		for next < len(byTold) && byTold[next].told.Before(p.asked) {
			highest = max(highest, byTold[next].number)
			next++
		}
		if p.number < highest {
			w.found = append(w.found, invariant.Violationf(invariant.PlaceSurvives, w.show,
				"number %d was given to somebody who came after number %d had been", p.number, highest))
		}
		if seen[p.number] {
			w.found = append(w.found, invariant.Violationf(invariant.OnePlace, w.show, "number %d was given to two visitors", p.number))
		}
		seen[p.number] = true
	}
	w.seen[invariant.PlaceSurvives] += len(w.places)
	w.seen[invariant.OnePlace] += len(w.places)
}

// viewLasts is how old the figures may be by which a gateway says that somebody still
// waits, and a second for the answer's way.
const viewLasts = 2 * time.Second

// fairness counts those who polled as told and were let in for certain after somebody
// who for certain had come later. When somebody was let in is known between two
// polls only, so only what can be told apart counts.
func (w *witness) fairness() Fairness {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := Fairness{}
	byAsked := slices.SortedFunc(slices.Values(w.places), func(a, b place) int { return b.asked.Compare(a.asked) })
	byTold := slices.SortedFunc(slices.Values(w.places), func(a, b place) int { return b.told.Compare(a.told) })
	next, earliest := 0, time.Unix(math.MaxInt32, 0)
	for _, p := range byTold { // the last to come first
		for next < len(byAsked) && byAsked[next].asked.After(p.told) {
			if byAsked[next].enteredAt.Before(earliest) {
				earliest = byAsked[next].enteredAt
			}
			next++
		}
		if !p.steady {
			continue
		}
		f.Compared++
		if earliest.Before(p.waitedAt.Add(-viewLasts)) {
			f.Inversions++
		}
	}
	return f
}

// forecasts judges what those who polled as told were told of their wait when they
// joined.
func (w *witness) forecasts() Forecasts {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := Forecasts{}
	for _, p := range w.places {
		if p.foretold == nil || !p.steady {
			continue
		}
		f.Told++
		wait := p.enteredAt.Sub(p.told).Seconds()
		if wait >= float64(p.foretold.Low) && wait <= float64(p.foretold.High) {
			f.Inside++
		}
	}
	if f.Told > 0 {
		f.Share = float64(f.Inside) / float64(f.Told)
	}
	return f
}

func (w *witness) waitQuantiles() (p50, p90 time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.places) == 0 {
		return 0, 0
	}
	waits := make([]time.Duration, len(w.places))
	for i, p := range w.places {
		waits[i] = p.enteredAt.Sub(p.told)
	}
	slices.Sort(waits)
	return waits[len(waits)/2], waits[len(waits)*9/10]
}
