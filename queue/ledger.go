package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Ledger is what of the queue must outlive Redis. The functions keep it in MySQL;
// the queue does not know how. Each returns an error only when it could not tell.
type Ledger struct {
	// Load reads what is kept of a show.
	Load func(ctx context.Context, show string) (Kept, error)
	// WinEpoch raises the epoch by one and the ceiling to newCeiling, if epoch and
	// ceiling are still the ones given; only one gateway is told true.
	WinEpoch func(ctx context.Context, show string, epoch, ceiling, newCeiling int64) (bool, error)
	// RaiseCeiling reserves numbers for an epoch, if the ceiling still is `from`.
	RaiseCeiling func(ctx context.Context, show string, epoch, from, to int64) (bool, error)
	// NextGeneration starts the show's queue anew: generation and epoch grow, the
	// head is the ceiling, so that no number is ever handed out twice.
	NextGeneration func(ctx context.Context, show string, generation int64) (Kept, error)
	// Keep stores head, totals and admissions for the generation and epoch they
	// name. It says false when MySQL has a newer one.
	Keep func(ctx context.Context, kept Kept, admissions []Admission) (bool, error)
	// Before is called when a new epoch was won and before its room opens: others
	// make ready what stands on Redis, and say who is known to be inside and which
	// numbers are done.
	Before func(ctx context.Context, show string) (Known, error)
}

// Kept is what the ledger keeps of one show's queue.
type Kept struct {
	Show       string
	Generation int64
	Epoch      int64
	Ceiling    int64 // numbers up to here may have been handed out; 0: nobody ever joined
	Head       int64 // last number called, as last kept
	Floor      int64 // numbers up to here are of older generations
	Totals     Totals
}

// Totals count what happened since the show opened, besides who is inside now.
// admitted = active + finished + left + expired + missed.
type Totals struct {
	Active         int64 `json:"active"`
	Joined         int64 `json:"joined"`
	Admitted       int64 `json:"admitted"`
	Claimed        int64 `json:"claimed"`
	Missed         int64 `json:"missed"`
	Left           int64 `json:"left"`
	LeftWaiting    int64 `json:"left_waiting"`
	Expired        int64 `json:"expired"`
	ExpiredWaiting int64 `json:"expired_waiting"`
	Finished       int64 `json:"finished"`
}

// fields lists the totals as the room holds them. Active is not among them: it is
// counted, not kept.
func (t Totals) fields() []any {
	return []any{
		"joined", t.Joined, "admitted", t.Admitted, "claimed", t.Claimed, "missed", t.Missed,
		"left", t.Left, "left_waiting", t.LeftWaiting, "expired", t.Expired,
		"expired_waiting", t.ExpiredWaiting, "finished", t.Finished,
	}
}

// String writes totals as JSON, for the ledger.
func (t Totals) String() string {
	text, _ := json.Marshal(t) // numbers only: cannot fail
	return string(text)
}

// ParseTotals reads what String wrote; nothing is nothing.
func ParseTotals(text string) (t Totals, err error) {
	if text == "" {
		return t, nil
	}
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return t, fmt.Errorf("totals of the ledger: %w", err)
	}
	return t, nil
}

// Known is what others than the queue know of its visitors.
type Known struct {
	Inside   []Inside
	Finished []int64 // numbers of those who bought
}

// current leaves out whoever is of an older generation (a reset sends everybody
// away), and those inside who have bought; of several holds the latest end counts.
func (k Known) current(floor int64) Known {
	finished := map[int64]bool{}
	var known Known
	for _, number := range k.Finished {
		if finished[number] = true; number > floor {
			known.Finished = append(known.Finished, number)
		}
	}
	at := map[string]int{}
	for _, in := range k.Inside {
		if in.Number <= floor || finished[in.Number] {
			continue
		}
		if i, twice := at[in.Visitor]; twice {
			known.Inside[i].Until = max(known.Inside[i].Until, in.Until)
			continue
		}
		at[in.Visitor] = len(known.Inside)
		known.Inside = append(known.Inside, in)
	}
	return known
}

// Inside is a visitor who holds or pays.
type Inside struct {
	Visitor string
	Number  int64
	Until   int64 // us
}

// Admission is one row of the ledger: who was let in, and under which rules.
// `verify` reads them all.
type Admission struct {
	Show        string
	Generation  int64
	Epoch       int64
	Seq         int64 // one more each time, from 1 on where a room was opened
	At          int64 // us, Redis's clock
	Admit       int64 // the rules in force
	IntervalMS  int64
	MaxActive   int64
	Count       int64 // let in
	First, Last int64 // lowest and highest number of those
	Next        int64 // lowest number still in line afterwards; 0: nobody, or it was not the line's turn
	ActiveAfter int64
	Returned    int64 // how many of those had been called before, or were on the waiting list
	Served      int64 // most that may be inside for the seats left; 0: the rules did not ask
}

// parseAdmission reads a row as lua/admit.lua writes it.
func parseAdmission(show string, generation int64, row string) (Admission, error) {
	a := Admission{Show: show, Generation: generation}
	fields := []*int64{
		&a.Epoch, &a.Seq, &a.At, &a.Admit, &a.IntervalMS, &a.MaxActive,
		&a.Count, &a.First, &a.Last, &a.Next, &a.ActiveAfter, &a.Returned, &a.Served,
	}
	parts := strings.Split(row, ":")
	if len(parts) != len(fields) {
		return a, fmt.Errorf("admission %q has %d fields, not %d", row, len(parts), len(fields))
	}
	for i, part := range parts {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return a, fmt.Errorf("admission %q: %w", row, err)
		}
		*fields[i] = n
	}
	return a, nil
}
