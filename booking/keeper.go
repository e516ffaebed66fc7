package booking

import (
	"context"
	"errors"
)

// Keeper keeps the doors of all open shows: loads those that are not loaded or
// have lost something, looks at each once a second for everybody who asks this
// gateway, and tidies up after holds that have run out.
type Keeper struct {
	store     *Store
	catalogue *Catalogue
}

// NewKeeper makes a Keeper for the shows of the catalogue.
func NewKeeper(s *Store, c *Catalogue) *Keeper {
	return &Keeper{store: s, catalogue: c}
}

// Run does its rounds once a second until ctx ends, and returns nil then.
func (k *Keeper) Run(ctx context.Context) error {
	return k.store.every(ctx, "keeper", viewInterval, k.RunOnce)
}

// RunOnce does one round: one Redis command for each open show whose door is
// loaded, and one query. It goes on to the next show when one fails, and
// returns all errors.
func (k *Keeper) RunOnce(ctx context.Context) error {
	var errs []error
	var now int64 // the earliest of the times that the doors tell
	for _, show := range k.catalogue.All() {
		if show.Phase != PhaseOpen {
			continue
		}
		states, err := k.keep(ctx, show)
		if err != nil {
			errs = append(errs, err)
		} else if now == 0 || states.AsOf < now {
			now = states.AsOf
		}
	}
	if now == 0 { // no door to ask, but holds of closed shows run out too
		var err error
		if now, err = k.store.RedisTime(ctx); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	_, err := k.store.ExpireHolds(ctx, now)
	return errors.Join(append(errs, err)...)
}

// keep looks at one door, and loads it first if need be.
func (k *Keeper) keep(ctx context.Context, show Show) (States, error) {
	states, err := k.store.look(ctx, show)
	unloaded := errors.Is(err, errUnloaded)
	if err != nil && !unloaded {
		return States{}, err
	}
	_, lost := k.store.doors.of(show.ID).last(show.plan())
	if !unloaded && !lost {
		return states, nil
	}
	if lost {
		k.store.log.WarnContext(ctx, "redis lost a part of the door", "show", show.ID)
	}
	if err := k.store.LoadDoor(ctx, show.ID, lost); err != nil {
		return States{}, err
	}
	return k.store.look(ctx, show)
}
