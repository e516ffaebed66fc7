package booking

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// The door is Redis's picture of a show's seats, through which every attempt on
// a seat passes. The keeper looks at it once a second whether anybody asks or
// not; a look is served for a little longer, so that a busy gateway does not
// add looks of its own.
const (
	viewInterval = time.Second
	viewMaxAge   = 1500 * time.Millisecond
)

// freedPerLook bounds the work of one look: 1,000 leases that end together take
// the script about 3 ms, and the rest follow a second later. A hold does not
// wait for that: for it, a lease that has run out is free.
const freedPerLook = 1000

// The letters of seats in the string of states.
const (
	letterFree = 'f'
	letterHeld = 'h'
	letterSold = 's'
	letterKept = 'b'
)

// recordKept is how the door writes down a seat that is not for sale. It does not tell
// why: nobody who buys has to know.
const recordKept = "blocked"

// States are the seats of a show at one moment: a letter a seat (f, h, s, and b for not for sale) in
// the order of the layout. Version grows with every change; AsOf is in µs.
type States struct {
	LayoutVersion int
	Version       int64
	States        string
	AsOf          int64
}

// Count tells how many of the seats that are for sale are free, held and sold.
func (t States) Count() (free, held, sold int) {
	free = strings.Count(t.States, string(letterFree))
	held = strings.Count(t.States, string(letterHeld))
	return free, held, strings.Count(t.States, string(letterSold))
}

// doors is what this gateway remembers of every door.
type doors struct {
	byShow  sync.Map // show → *doorMemory
	looking singleflight.Group
}

func (d *doors) of(show string) *doorMemory {
	m, _ := d.byShow.LoadOrStore(show, &doorMemory{})
	return m.(*doorMemory)
}

// doorMemory is the highest that a gateway has seen of a door, and its last
// look. A door whose version or count of looks is lower than before was put
// back to an earlier time, as by a failover that lagged.
type doorMemory struct {
	mu   sync.Mutex
	best doorMark
	lost string // the incarnation that was put back
	view *view

	chart     *chart
	chartPlan string
}

type doorMark struct {
	incarnation    string
	version, looks int64
}

// view is one look at the door, or at the seats in the database.
type view struct {
	plan, incarnation string
	at                time.Time
	States
}

// mark is what is known now, to be compared with an answer that is asked for
// afterwards: answers may overtake each other.
func (m *doorMemory) mark() doorMark {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.best
}

func (m *doorMemory) heard(before doorMark, incarnation string, version int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if incarnation == before.incarnation && version < before.version {
		m.lost = incarnation
	}
	if incarnation != m.best.incarnation {
		m.best = doorMark{incarnation: incarnation}
	}
	m.best.version = max(m.best.version, version)
}

func (m *doorMemory) looked(before doorMark, looks int64, v *view) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v.incarnation == before.incarnation && looks <= before.looks {
		m.lost = v.incarnation
	}
	if v.incarnation == m.best.incarnation {
		m.best.looks = max(m.best.looks, looks)
	}
	if m.view == nil || m.view.AsOf <= v.AsOf {
		m.view = v
	}
}

// last is the last look at the show in this plan, if there was one, and whether
// Redis has lost something since the door was loaded.
func (m *doorMemory) last(plan string) (v *view, lost bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.view == nil || m.view.plan != plan {
		return nil, false
	}
	return m.view, m.view.incarnation != "" && m.view.incarnation == m.lost
}

// chartOf is the gateway's chart of the free seats in this plan.
func (m *doorMemory) chartOf(plan string, l *Layout) *chart {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.chart == nil || m.chartPlan != plan {
		m.chart, m.chartPlan = newChart(l.seating), plan
	}
	return m.chart
}

// SeatStates tells which seats of the show are free, as of a second or so ago.
// It returns ErrUnavailable while the door of an open show is not loaded or a
// server is away; shows that are not on sale have no door, and are answered
// from the database.
func (s *Store) SeatStates(ctx context.Context, show Show) (States, error) {
	v, _ := s.doors.of(show.ID).last(show.plan())
	if v != nil && s.clock.now().Sub(v.at) < viewMaxAge {
		return v.States, nil
	}
	return s.look(ctx, show)
}

// look looks at the seats now, once for all who ask at the same time.
func (s *Store) look(ctx context.Context, show Show) (States, error) {
	states, err, _ := s.doors.looking.Do(show.ID+" "+show.plan(), func() (any, error) {
		ctx, cancel := detached(ctx)
		defer cancel()
		if show.Phase == PhaseOpen {
			return s.lookAtDoor(ctx, show)
		}
		return s.lookAtSeats(ctx, show)
	})
	if err != nil {
		return States{}, err
	}
	return states.(States), nil
}

func (s *Store) lookAtDoor(ctx context.Context, show Show) (States, error) {
	memory := s.doors.of(show.ID)
	before, at := memory.mark(), s.clock.now()
	had, _ := memory.last(show.plan())
	if had == nil {
		had = &view{}
	}
	a, err := s.atDoor(ctx, viewScript, show, had.incarnation, had.Version, freedPerLook)
	if err != nil {
		return States{}, err
	}
	if len(a.rest) != 4 {
		return States{}, fmt.Errorf("door of %s: view answered %d values", show.ID, len(a.rest))
	}
	v := &view{plan: show.plan(), incarnation: a.rest[0], at: at, States: States{
		LayoutVersion: show.LayoutVersion, Version: number(a.rest[1]), States: a.rest[3], AsOf: a.now,
	}}
	if v.States.States == "" {
		v.States.States = had.States.States
	}
	memory.looked(before, number(a.rest[2]), v)
	return v.States, nil
}

// lookAtSeats reads the states from the database. Its versions are times in ms,
// as those of the door begin, and stay while nothing changes.
func (s *Store) lookAtSeats(ctx context.Context, show Show) (States, error) {
	at, now := s.clock.now(), s.Now()
	seats, err := s.readSeats(ctx, show.ID)
	if err != nil {
		return States{}, failed("states of "+show.ID, err)
	}
	letters := lettersOf(seats, now)
	v := &view{plan: show.plan(), at: at, States: States{
		LayoutVersion: show.LayoutVersion, Version: now / 1000, States: letters, AsOf: now,
	}}
	memory := s.doors.of(show.ID)
	if had, _ := memory.last(show.plan()); had != nil && had.States.States == letters {
		v.Version = had.Version
	}
	memory.looked(doorMark{incarnation: "-"}, 0, v)
	return v.States, nil
}

// markAs tells the door of seats that are sold, or free again, under a fence.
// Nothing depends on its success: the database refuses what the door would let through.
func (s *Store) markAs(ctx context.Context, showID string, seats []string, fence int64, state string) error {
	show, layout, err := s.laidOut(ctx, showID)
	if err != nil {
		return err
	}
	args := []any{""}
	for _, o := range layout.ordinalsOf(seats) {
		args = append(args, o, fence, state)
	}
	_, err = s.atDoor(ctx, markScript, show, args...)
	return err
}

// releaseLeases gives a hold's leases back at the door.
func (s *Store) releaseLeases(ctx context.Context, show Show, layout *Layout, hold string, fence int64, seats []string) error {
	args := []any{hold, fence}
	for _, o := range layout.ordinalsOf(seats) {
		args = append(args, o)
	}
	_, err := s.atDoor(ctx, releaseScript, show, args...)
	return err
}

// laidOut is the show with its layout as this gateway last knew them, read from
// the database only if it knows neither.
func (s *Store) laidOut(ctx context.Context, showID string) (Show, *Layout, error) {
	if c, ok := s.layouts.byShow.Load(showID); ok {
		known := c.(*cachedLayout)
		return known.show, known.layout, nil
	}
	return s.laidOutNow(ctx, showID)
}

// laidOutNow is the show with its layout as the database has them now.
func (s *Store) laidOutNow(ctx context.Context, showID string) (Show, *Layout, error) {
	show, err := s.FindShow(ctx, showID)
	if err != nil {
		return Show{}, nil, err
	}
	layout, err := s.Layout(ctx, show)
	return show, layout, err
}

// forgetDoor removes the door of a show that is deleted or laid out anew. Should Redis be away, the
// plan keeps what stays behind from being taken for a later show's.
func (s *Store) forgetDoor(ctx context.Context, show string) {
	s.doors.byShow.Delete(show)
	s.layouts.byShow.Delete(show)
	if err := s.rdb.Del(ctx, doorKeys(show)...).Err(); err != nil && !errors.Is(err, context.Canceled) {
		s.log.WarnContext(ctx, "door not removed", "show", show, "error", err)
	}
}
