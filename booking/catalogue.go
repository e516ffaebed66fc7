package booking

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// catalogueInterval is how old a gateway's copy of the shows may be: rules and
// phases are in force everywhere within it.
const catalogueInterval = time.Second

// Catalogue is a gateway's copy of all shows, so that no request asks the
// database which shows there are. It also opens drafts whose time has come (of
// those that open by draw, their lobbies), and closes shows whose time is over.
type Catalogue struct {
	store *Store
	shows atomic.Pointer[map[string]Show]
	bans  atomic.Pointer[map[ban]struct{}]
}

// NewCatalogue makes an empty Catalogue; RunOnce fills it.
func NewCatalogue(s *Store) *Catalogue {
	c := &Catalogue{store: s}
	c.shows.Store(&map[string]Show{})
	return c
}

// Run keeps the copy fresh until ctx ends. It returns nil then; what fails
// meanwhile is logged, and the last copy stays.
func (c *Catalogue) Run(ctx context.Context) error {
	return c.store.every(ctx, "catalogue", catalogueInterval, c.RunOnce)
}

// RunOnce reads all shows, and who is banned from them, and opens and closes those that are due. It may
// return ErrUnavailable.
func (c *Catalogue) RunOnce(ctx context.Context) error {
	var rows []showRow
	if err := c.store.db.WithContext(ctx).Find(&rows).Error; err != nil {
		return failed("read catalogue", err)
	}
	shows := make(map[string]Show, len(rows))
	for _, row := range rows {
		w, err := c.turn(ctx, row.show())
		if err != nil {
			return err
		}
		shows[w.ID] = w
	}
	c.shows.Store(&shows)
	return c.readBans(ctx)
}

// turn opens or closes a show if it is due, by a write that only one gateway's
// can match.
func (c *Catalogue) turn(ctx context.Context, w Show) (Show, error) {
	now, phase := c.store.Now(), w.Phase
	switch {
	case phase != PhaseDraft:
	case w.Draw != nil && w.isLobbyDue(now):
		phase = PhaseLobby
	case w.Draw == nil && w.StartsAt != nil && *w.StartsAt <= now:
		phase = PhaseOpen
	}
	if (phase == PhaseOpen || phase == PhaseLobby) && w.EndsAt != nil && *w.EndsAt <= now {
		phase = PhaseClosed
	}
	if phase == w.Phase {
		return w, nil
	}
	n, err := exec(c.store.db.WithContext(ctx),
		"UPDATE shows SET phase = ?, rules_version = rules_version + 1, updated_at = ? WHERE id = ? AND rules_version = ?",
		phase, now, w.ID, w.RulesVersion)
	if err != nil {
		return w, failed("turn show "+w.ID, err)
	}
	if n == 1 {
		c.store.log.InfoContext(ctx, "show turned", "show", w.ID, "from", w.Phase, "to", phase)
		w.Phase, w.RulesVersion, w.UpdatedAt = phase, w.RulesVersion+1, now
	}
	return w, nil
}

// Lookup finds a show in the copy.
func (c *Catalogue) Lookup(id string) (Show, bool) {
	w, ok := (*c.shows.Load())[id]
	return w, ok
}

// All lists the copy by id.
func (c *Catalogue) All() []Show {
	return slices.SortedFunc(maps.Values(*c.shows.Load()), func(a, b Show) int { return strings.Compare(a.ID, b.ID) })
}

// every calls f at once and then each interval until ctx ends. The errors of f
// are logged, and the next round tries again.
func (s *Store) every(ctx context.Context, name string, interval time.Duration, f func(context.Context) error) error {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		if err := f(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "loop failed", "loop", name, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}
