package queue

import (
	"context"
	"fmt"
	"time"
)

// drawn is the order of one draw, and the number of the first in it.
type drawn struct {
	generation int64
	first      int64
	order      *order
}

// Draw is the show's draw as this gateway last saw it stored, a second ago at most; false
// where there is none, or not yet. The seed is not public before IsDrawn.
func (r *Room) Draw() (Draw, bool) {
	d := r.draw.Load()
	if d == nil || d.State == "" {
		return Draw{}, false
	}
	return *d, true
}

// isCommitted tells whether the seed of a generation's draw is made, and its hash public:
// nobody is in the lobby before.
func (r *Room) isCommitted(generation int64) bool {
	d, ok := r.Draw()
	return ok && d.Generation == generation
}

// Drawn lists at most n visitors in the order drawn, from a rank on; false where
// nobody is drawn, or not known to be on this gateway.
func (r *Room) Drawn(from, n int) ([]string, bool) {
	d, of := r.drawn.Load(), r.draw.Load()
	if d == nil || of == nil || of.Generation != d.generation {
		return nil, false
	}
	return d.order.some(from, n), true
}

// drawFields lists what a room that is opened has to know of its generation's draw.
func (r *Room) drawFields(ctx context.Context, generation int64) ([]any, error) {
	if r.rules.Load().Draw == nil {
		return nil, nil
	}
	d, err := r.queue.draws.Load(ctx, r.show)
	if err != nil || d.Generation != generation {
		return nil, err
	}
	switch d.State {
	case drawFreezing:
		// Somebody may have frozen the lobby that is lost, and others come behind it:
		// it takes those back who were in it, and nobody new.
		return []any{"draw", drawFreezing}, nil
	case drawFrozen, drawDrawn:
		return []any{
			"draw", drawFrozen, "draw_first", d.First, "draw_count", d.LobbyCount, "draw_cursor", 0, "draw_epoch", d.Epoch,
		}, nil
	case drawNumbered:
		return []any{"draw", drawNumbered}, nil
	}
	return nil, nil
}

// gathered makes the status of somebody who waits for the draw.
func (r *Room) gathered(v *view, t Token) Status {
	show := r.rules.Load()
	s := Status{Show: r.show, State: Gathers, Visitor: t.Visitor, StartsAt: timeOf(show.StartsAt), Message: show.Message, AsOf: time.Now().UTC()}
	now, people := s.AsOf.UnixMicro(), int64(0)
	if v != nil {
		// Redis's clock, as of the view and carried on.
		now, people = v.asOf+time.Since(v.taken).Microseconds(), v.lobby
		s.AsOf, s.Message = timeOf(v.asOf), v.message
	}
	s.PollAfter = lobbyPoll(time.Duration(show.StartsAt-now)*time.Microsecond, people, show.Rules)
	return s
}

// numbered puts the number that was drawn for its holder into a token from the lobby,
// where this gateway knows it; other tokens stay as they are.
func (r *Room) numbered(t Token) Token {
	d := r.drawn.Load()
	if t.Number != 0 || d == nil || d.generation != t.Generation {
		return t
	}
	if rank, ok := d.order.rank(t.Visitor); ok {
		t.Number = d.first + int64(rank)
	}
	return t
}

// pollLobby says how the place stands that a token from the lobby proves. Before the draw
// the view says it; afterwards seed and lobby say the number, and that is as good as if the token
// had it: a million who come for theirs at once cost Redis nothing, and no lost
// Redis costs them their place.
func (r *Room) pollLobby(ctx context.Context, v *view, who Who) (Status, error) {
	t := *who.Token
	if v.draw != drawNumbered {
		if v.draw != drawFrozen && t.Epoch < v.epoch {
			return r.resolve(ctx, v, who)
		}
		return r.gathered(v, t), nil
	}
	d := r.drawn.Load()
	if d == nil || d.generation != t.Generation {
		return r.gathered(v, t), nil // the drawer is about to know
	}
	numbered := r.numbered(t)
	if numbered.Number == 0 {
		// They left before the freeze, or slept until after it while Redis was lost.
		return Status{Show: r.show, State: Expired, Visitor: t.Visitor, AsOf: timeOf(v.asOf), Message: v.message}, nil
	}
	who.Token = &numbered
	s, err := r.pollLine(ctx, v, who)
	if err == nil && s.Token == "" && s.isInLine() {
		numbered.Epoch = v.epoch
		s.Token = r.queue.keys.Token(numbered)
	}
	return s, err
}

// readOrder puts the stored lobby of a draw in order, once it is sure to be the one
// whose hash is public.
func (r *Room) readOrder(ctx context.Context, d Draw) (*order, error) {
	parts, err := r.queue.draws.Lobby(ctx, d)
	if err != nil {
		return nil, err
	}
	l, err := readLobby(parts)
	if err != nil {
		return nil, err
	}
	if hash := l.hash(); hash != d.LobbyHash || int64(len(l)) != d.LobbyCount {
		return nil, fmt.Errorf("the stored lobby of %s has %d visitors and the hash %s, not %d and %s", d.Show, len(l), hash, d.LobbyCount, d.LobbyHash)
	}
	return draw(d.Seed, d.Beacon, l), nil
}
