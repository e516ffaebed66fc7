package booking

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// A crowd that wants the same is kept apart by chance, and whoever loses all the
// same tries other places: bestTries times at the door, with a new look at it after
// every few, and content with less each time (bestSlack more half seats).
const (
	bestTries    = 10
	triesPerLook = 3
)

// best has seats chosen for a request until hold has got some. own are seats that
// the visitor has, which may be chosen too. It may return what hold returns,
// ErrSeatsShort or ErrSoldOut.
func (s *Store) best(ctx context.Context, r HoldRequest, layout *Layout, own []int, hold func(seats []string) (Hold, error)) (Hold, error) {
	memory := s.doors.of(r.Show.ID)
	chart := memory.chartOf(r.Show.plan(), layout)
	if _, err := s.SeatStates(ctx, r.Show); err != nil {
		return Hold{}, err
	}
	n, section := *r.Best, layout.sectionOf(r.Section)
	for try := range bestTries {
		if try > 0 && try%triesPerLook == 0 {
			if _, err := s.look(ctx, r.Show); err != nil {
				return Hold{}, err
			}
		}
		offered, err := s.offer(ctx, r.Show, chart, n, section, own, bestSlack*(1+try))
		if err != nil {
			return Hold{}, err
		}
		seats := make([]string, n)
		for i, o := range offered {
			seats[i] = layout.Seat(o)
		}
		h, err := hold(seats)
		var lost *SeatsTakenError
		taken := errors.As(err, &lost)
		chart.settle(offered, func(o int) bool {
			if taken {
				return slices.Contains(lost.Seats, layout.Seat(o))
			}
			return err == nil || errors.Is(err, errOutcomeUnknown)
		}, memory.mark().version)
		if !taken {
			return h, err
		}
	}
	return Hold{}, fmt.Errorf("best: others were faster %d times: %w", bestTries, ErrSeatsShort)
}

// offer chooses seats on the chart. Before it says that there are not enough it
// looks at the door again, if that has changed since the last look.
func (s *Store) offer(ctx context.Context, show Show, chart *chart, n int, section *int, own []int, slack int) ([]int, error) {
	memory := s.doors.of(show.ID)
	for {
		view, _ := memory.last(show.plan())
		if view == nil || len(view.States.States) != len(chart.letters) {
			return nil, fmt.Errorf("best: %w", errUnloaded)
		}
		chart.learn(view)
		if offered := chart.choose(n, section, own, slack); offered != nil {
			return offered, nil
		}
		if memory.mark().version <= view.Version {
			break
		}
		// The next look knows that version, so this ends.
		if _, err := s.look(ctx, show); err != nil {
			return nil, err
		}
		if again, _ := memory.last(show.plan()); again == view {
			break
		}
	}
	if chart.unsold(section) < n {
		return nil, ErrSoldOut
	}
	return nil, ErrSeatsShort
}
