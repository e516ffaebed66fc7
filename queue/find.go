package queue

import (
	"context"
	"fmt"
	"time"
)

// Found is how it stands with a place, for operators: lua/find.lua lists the states.
type Found struct {
	State      string
	Visitor    string // "" when not known
	Number     int64  // 0: none yet
	Generation int64
	Position   int64 // in line, among those who came back, or on the waiting list; 0 elsewhere
	Present    bool
	// CameBack is how many who had been called stand in line again: ahead of everybody
	// who was not.
	CameBack int64
	Until    time.Time // of what the state gives time for; zero for none
	Missed   int64     // times called, and did not come
	// Preferred tells that an operator has called them before their turn.
	Preferred bool
	AsOf      time.Time
}

// Find says how it stands with a visitor's place, or with that of a number where the
// visitor is ""; number 0 is whichever place they have. Unlike a poll it changes nothing: nobody is taken for
// present because an operator looked. May return an UnavailableError.
func (r *Room) Find(ctx context.Context, visitor string, number int64) (Found, error) {
	v, err := r.refresh(ctx)
	if err != nil {
		return Found{}, err
	}
	a, err := r.run(ctx, "find", findScript, visitor, number)
	if err != nil {
		return Found{}, err
	}
	if len(a.rest) != 8 {
		return Found{}, fmt.Errorf("find answered %v", a.rest)
	}
	f := Found{Generation: v.generation, CameBack: v.returned, AsOf: timeOf(a.now)}
	f.State, _ = a.rest[0].(string)
	f.Visitor, _ = a.rest[1].(string)
	f.Number, _ = a.rest[2].(int64)
	f.Position, _ = a.rest[3].(int64)
	if until, _ := a.rest[4].(int64); until > 0 {
		f.Until = timeOf(until)
	}
	f.Missed, _ = a.rest[5].(int64)
	present, _ := a.rest[6].(int64)
	f.Present = present == 1
	preferred, _ := a.rest[7].(int64)
	f.Preferred = preferred == 1
	if f.State == string(Waiting) {
		f.Position = v.place(f.Number)
	}
	return f, nil
}

// IsInLine tells whether it is somebody who waits in line and is there.
func (f Found) IsInLine() bool {
	return f.Present && (f.State == string(Waiting) || f.State == "returned")
}

// place is the position of a number that waits, there or not.
func (v *view) place(number int64) int64 {
	if position, ok := v.line.position(number); ok {
		return v.ahead() + position
	}
	return v.behind(number)
}
