package queue

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/invariant"
)

// AuditDrawn checks a list in the order drawn against what was made public of the
// draw: the seed is the one committed to, the list is the lobby that was frozen, and
// the order is the one that seed and beacon give.
func AuditDrawn(d Draw, list []string) []invariant.Violation {
	a := roomAudit{show: d.Show}
	report := func(format string, args ...any) { a.report(invariant.AsDrawn, format, args...) }
	if Commitment(d.Seed) != d.Commitment {
		report("the hash of the seed is %s, and %s was committed to", Commitment(d.Seed), d.Commitment)
	}
	ids := make([]visitorID, len(list))
	for i, text := range list {
		id, ok := visitorBits(text)
		if !ok {
			report("%q is no visitor", text)
			return a.found
		}
		ids[i] = id
	}
	l := newLobby(slices.Clone(ids))
	if hash := l.hash(); hash != d.LobbyHash || int64(len(l)) != d.LobbyCount || len(l) != len(list) {
		report("%d visitors with the hash %s are listed, and %d with %s were frozen", len(list), hash, d.LobbyCount, d.LobbyHash)
		return a.found
	}
	for rank, id := range draw(d.Seed, d.Beacon, l).ids {
		if ids[rank] != id {
			report("%s is listed at rank %d, where %s was drawn", ids[rank], rank, id)
			return a.found // all that follow may be one off
		}
	}
	return a.found
}

// AuditDraw checks the stored draw of the room's show, and that whoever has a place in
// Redis has the number that was drawn for them, and nobody else has. Where Redis
// never lost the room since the freeze, nobody whose turn is to come may be
// missing. A show without a draw has nothing to check. May return an UnavailableError.
func (r *Room) AuditDraw(ctx context.Context) ([]invariant.Violation, error) {
	if r.rules.Load().Draw == nil {
		return nil, nil
	}
	d, err := r.queue.draws.Load(ctx, r.show)
	if err != nil || d.State == "" {
		return nil, err
	}
	a := roomAudit{show: r.show, of: map[string]string{}, holder: map[int64]string{}}
	if Commitment(d.Seed) != d.Commitment {
		a.report(invariant.AsDrawn, "the hash of the seed is %s, and %s was committed to", Commitment(d.Seed), d.Commitment)
	}
	if !d.IsFrozen() {
		return a.found, nil
	}
	parts, err := r.queue.draws.Lobby(ctx, d)
	if err != nil {
		return nil, err
	}
	l, err := readLobby(parts)
	if err != nil {
		a.report(invariant.AsDrawn, "%v", err)
		return a.found, nil
	}
	if hash := l.hash(); hash != d.LobbyHash || int64(len(l)) != d.LobbyCount {
		a.report(invariant.AsDrawn, "%d visitors with the hash %s are stored, and %d with %s were frozen", len(l), hash, d.LobbyCount, d.LobbyHash)
		return a.found, nil
	}
	if !d.IsDrawn() {
		return a.found, nil
	}
	err = r.auditNumbers(ctx, &a, d, draw(d.Seed, d.Beacon, l))
	return a.found, err
}

// auditNumbers holds the numbers in Redis against the order.
func (r *Room) auditNumbers(ctx context.Context, a *roomAudit, d Draw, o *order) error {
	v, err := r.refresh(ctx)
	if errors.Is(err, errLost) || err == nil && v.generation != d.Generation {
		return nil
	} else if err != nil {
		return err
	}
	var waiting *redis.ZSliceCmd
	var called *redis.MapStringStringCmd
	var finished *redis.StringCmd
	_, err = r.queue.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		waiting = p.ZRangeWithScores(ctx, r.keys[keyWaiting], 0, -1)
		called = p.HGetAll(ctx, r.keys[keyCalled])
		finished = p.Get(ctx, r.keys[keyFinished])
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return unavailable("audit the draw", err)
	}
	holds := map[string]int64{}
	for _, z := range waiting.Val() {
		visitor, _ := z.Member.(string)
		holds[visitor] = int64(z.Score)
	}
	for visitor, row := range called.Val() {
		holds[visitor] = numberOf(row)
	}
	end := d.First + int64(len(o.ids))
	for visitor, number := range holds {
		rank, isDrawn := o.rank(visitor)
		switch drawn := d.First + int64(rank); {
		case number >= d.First && number < end && (!isDrawn || drawn != number):
			a.report(invariant.AsDrawn, "%s has number %d, which was drawn for %s", visitor, number, o.ids[number-d.First])
		case isDrawn && number < d.First:
			a.report(invariant.AsDrawn, "%s has number %d, and %d was drawn", visitor, number, drawn)
		}
	}
	if v.draw != drawNumbered || v.epoch != d.Epoch {
		return nil
	}
	done := finished.Val()
	for rank, id := range o.ids {
		number := d.First + int64(rank)
		isDone := number/8 < int64(len(done)) && done[number/8]&(0x80>>(number%8)) != 0
		if number > v.head && !isDone && holds[id.String()] != number {
			a.report(invariant.AsDrawn, "%s was drawn for number %d and does not have it", id, number)
		}
	}
	return nil
}
