package simulate

import (
	"sort"
	"sync"
	"time"

	"frontrow/internal/invariant"
)

// witness notes what visitors were told, from which it can be seen that an invariant
// broke: what the gateways store does not show everything.
type witness struct {
	mu         sync.Mutex
	found      []invariant.Violation
	unexpected []string
	soldTo     map[string]string // seat → order
	orders     []paidOrder
	places     []place
	outcomes   map[string]int
	waits      []time.Duration
	show       string
}

type paidOrder struct {
	id, visitor, token string
	seats              []string
}

// place is one visitor's place: when the join was under way, and the number that the
// pass told at last.
type place struct {
	asked, told time.Time
	number      int64
}

func newWitness(show string) *witness {
	return &witness{show: show, soldTo: map[string]string{}, outcomes: map[string]int{}}
}

func (w *witness) broken(name, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = append(w.found, invariant.Violationf(name, w.show, format, args...))
}

// surprise notes an answer that no visitor should get. Only some are kept in words.
func (w *witness) surprise(doing string, a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes["surprised"]++
	if len(w.unexpected) < 20 {
		w.unexpected = append(w.unexpected, doing+": "+a.String())
	}
}

func (w *witness) outcome(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes[name]++
}

func (w *witness) admitted(p place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places = append(w.places, p)
	w.waits = append(w.waits, time.Since(p.told))
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
	w.orders = append(w.orders, o)
}

// judgePlaces checks that whoever had joined before somebody else came has the
// smaller number: a place that was lost on the way came back at the end.
func (w *witness) judgePlaces() {
	w.mu.Lock()
	defer w.mu.Unlock()
	byTold := append([]place(nil), w.places...)
	byAsked := append([]place(nil), w.places...)
	sort.Slice(byTold, func(i, j int) bool { return byTold[i].told.Before(byTold[j].told) })
	sort.Slice(byAsked, func(i, j int) bool { return byAsked[i].asked.Before(byAsked[j].asked) })
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
}

func (w *witness) waitQuantiles() (p50, p90 time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waits) == 0 {
		return 0, 0
	}
	sort.Slice(w.waits, func(i, j int) bool { return w.waits[i] < w.waits[j] })
	return w.waits[len(w.waits)/2], w.waits[len(w.waits)*9/10]
}
