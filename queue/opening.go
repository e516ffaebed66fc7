package queue

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// block is how many numbers a gateway reserves in MySQL at a time: at 10,000 joins
// a second one statement every some seconds does. A lost Redis skips at most two blocks,
// which costs a bitmap 12 KB.
const block = 50_000

// reserve raises the ceiling for an epoch, in MySQL first.
func (r *Room) reserve(ctx context.Context, epoch int64) error {
	kept, err := r.queue.ledger.Load(ctx, r.show)
	if err != nil {
		return unavailable("reserve numbers", err)
	}
	if kept.Epoch != epoch {
		r.poke()
		return unavailable("reserve numbers", errLost)
	}
	if before, err := r.raise(ctx, epoch, kept.Ceiling); err != nil || before < kept.Ceiling {
		return err // somebody had reserved already
	}
	ceiling := kept.Ceiling + block
	won, err := r.queue.ledger.RaiseCeiling(ctx, r.show, epoch, kept.Ceiling, ceiling)
	if err != nil {
		return unavailable("reserve numbers", err)
	}
	if won {
		_, err = r.raise(ctx, epoch, ceiling)
	}
	return err
}

// raise tells Redis how far numbers are reserved, and says how far it thought.
func (r *Room) raise(ctx context.Context, epoch, ceiling int64) (before int64, err error) {
	a, err := r.run(ctx, "raise", raiseScript, epoch, ceiling)
	if err != nil {
		return 0, err
	}
	before, _ = a.rest[0].(int64)
	return before, nil
}

// reopen opens the room after Redis lost it: it wins a new epoch in MySQL, has the
// others make ready, and opens with issued at the ceiling, so that no number is
// handed out twice. Then tokens, passes and holds put everybody back. Only one
// gateway wins; the others find the room open when they look again.
func (r *Room) reopen(ctx context.Context) error {
	master, err := r.master(ctx)
	if err != nil {
		return err
	}
	kept, ceiling, err := r.win(ctx, r.grace())
	if err != nil {
		return err
	}
	return r.openNext(ctx, kept, ceiling, master)
}

// openNext opens the room in the epoch after the one kept.
func (r *Room) openNext(ctx context.Context, kept Kept, ceiling int64, master string) error {
	level := slog.LevelWarn
	if kept.Epoch == 0 {
		level = slog.LevelInfo // a show's first room is no loss
	}
	r.queue.log.Log(ctx, level, "opening the room in a new epoch", "show", r.show, "epoch", kept.Epoch+1, "issued", kept.Ceiling, "head", kept.Head)
	kept.Epoch++
	return r.open(ctx, kept, ceiling, master)
}

// objection is how long nobody is let in after a room was adopted, so that each gateway has
// looked, and has said if it was told more than the copy knows.
const objection = 3 * watchEvery

// adopt makes the copy of the room that the view is of the room, in a new epoch, when another Redis has become the
// master: numbers were reserved for the one before, which may still hand them out. A copy that knows less than
// MySQL is not taken: the room is opened anew.
func (r *Room) adopt(ctx context.Context, v *view) error {
	master, err := r.master(ctx)
	if err != nil {
		return err
	}
	stored, err := r.drawFields(ctx, v.generation)
	if err != nil {
		return unavailable("load the draw", err)
	}
	kept, ceiling, err := r.win(ctx, rivalGrace)
	if err != nil {
		return err
	}
	if kept.Generation != v.generation || kept.Head > v.head || v.drawIsBehind(stored) {
		return r.openNext(ctx, kept, ceiling, master)
	}
	r.queue.log.WarnContext(ctx, "another redis master has the room: taking it over in a new epoch", "show", r.show, "epoch", kept.Epoch+1, "issued", kept.Ceiling, "head", v.head)
	listDue := 0
	if r.queue.list.Load != nil {
		listDue = 1
	}
	_, err = r.run(ctx, "adopt", adoptScript, kept.Epoch+1, v.epoch, kept.Ceiling, ceiling, master, objection.Microseconds(), listDue)
	return err
}

// drawIsBehind tells whether a draw has got further than the view says; stored is as drawFields has it.
func (v *view) drawIsBehind(stored []any) bool {
	if len(stored) == 0 || stored[1] == drawFreezing {
		return false
	}
	return v.draw != drawNumbered && v.draw != stored[1]
}

// master names the Redis that has the room, so that an epoch can be won for it alone. It fails at one that
// takes no writes: an epoch that is won and cannot be begun costs all others theirs.
func (r *Room) master(ctx context.Context) (string, error) {
	name, err := masterScript.Run(ctx, r.queue.redis, r.keys).Text()
	if err != nil {
		return "", unavailable("master", err)
	}
	return name, nil
}

// win begins the epoch after the one that the ledger has, which it returns, and reserves the first numbers above its ceiling
// up to another, where any were handed out. A rival who won that one has so long to begin it.
func (r *Room) win(ctx context.Context, grace time.Duration) (kept Kept, ceiling int64, err error) {
	kept, err = r.queue.ledger.Load(ctx, r.show)
	if err != nil {
		return kept, 0, unavailable("load the ledger", err)
	}
	ceiling = kept.Ceiling
	if ceiling > 0 {
		ceiling += block
	}
	if !r.mayWin(kept.Epoch, grace) {
		return kept, 0, unavailable("win the epoch", errRival)
	}
	won, err := r.queue.ledger.WinEpoch(ctx, r.show, kept.Epoch, kept.Ceiling, ceiling)
	if err == nil && !won {
		err = errRival
	}
	if err != nil {
		return kept, 0, unavailable("win the epoch", err)
	}
	return kept, ceiling, nil
}

// rivalGrace is how long a gateway that won an epoch has to open the room before
// another may win the next: loading a door of 100,000 seats took
// 0.6 to 1.0 s.
const rivalGrace = 2 * time.Second

// mayWin says whether it is time to win an epoch after this one: at once when Redis was seen
// in it, else after its winner had time to open it.
func (r *Room) mayWin(epoch int64, grace time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if epoch <= max(r.known.epoch, r.begun) {
		return true
	}
	if r.rival.epoch != epoch {
		r.rival.epoch, r.rival.since = epoch, time.Now()
	}
	return time.Since(r.rival.since) >= grace
}

// open opens the room as the ledger keeps it, for an epoch that was won for a master.
func (r *Room) open(ctx context.Context, kept Kept, ceiling int64, master string) error {
	known, err := r.queue.ledger.Before(ctx, r.show)
	if err != nil {
		return unavailable("make ready for the room", err)
	}
	show := *r.rules.Load()
	var recovery int64
	// Else nobody can come back: nobody ever came, or all were sent away.
	if kept.Head < kept.Ceiling || show.Phase == Lobby && kept.Epoch > 1 {
		recovery = show.Rules.recovery().Microseconds()
	}
	known = known.current(kept.Floor)
	fields := append(show.fields(), kept.Totals.fields()...)
	fields = append(fields, "rules_version", show.RulesVersion, "floor", kept.Floor)
	if r.queue.list.Load != nil && kept.Epoch > 1 { // before its first room nobody can be on the list
		fields = append(fields, "list_due", 1)
	}
	drawn, err := r.drawFields(ctx, kept.Generation)
	if err != nil {
		return unavailable("load the draw", err)
	}
	fields = append(fields, drawn...)
	args := []any{
		kept.Epoch, kept.Generation, kept.Ceiling, kept.Head, ceiling,
		recovery, kept.Totals.Active, len(fields) / 2, len(known.Inside), master,
	}
	args = append(args, fields...)
	for _, in := range known.Inside {
		args = append(args, in.Visitor, in.Number, in.Until)
	}
	for _, number := range known.Finished {
		args = append(args, number)
	}
	a, err := r.call(ctx, "open", openScript, args...)
	_, err = r.heard("open", a, err)
	return err
}

// Apply puts a show's rules, phase and message in force, unless newer ones are.
// May return an UnavailableError; the watcher tries again then.
func (r *Room) Apply(ctx context.Context, show Show) error {
	r.follow(show)
	_, err := r.run(ctx, "rules", rulesScript, append([]any{show.RulesVersion}, show.fields()...)...)
	return err
}

// Reset starts the queue anew: a new generation, in which older tokens are told to
// join again. Numbers go on; none is handed out twice.
func (r *Room) Reset(ctx context.Context) error {
	master, err := r.master(ctx)
	if err != nil {
		return err
	}
	kept, err := r.queue.ledger.Load(ctx, r.show)
	if err != nil {
		return unavailable("load the ledger", err)
	}
	kept, err = r.queue.ledger.NextGeneration(ctx, r.show, kept.Generation)
	if err != nil {
		return fmt.Errorf("next generation: %w", err)
	}
	if err := r.open(ctx, kept, kept.Ceiling, master); err != nil {
		return err
	}
	_, err = r.refresh(ctx)
	return err
}

// admissions reads the rows that MySQL may not have yet.
func (r *Room) admissions(ctx context.Context, v *view) ([]Admission, error) {
	const most = 500
	rows, err := r.queue.redis.LRange(ctx, r.keys[keyAdmissions], 0, most-1).Result()
	if err != nil {
		return nil, unavailable("admissions", err)
	}
	admissions := make([]Admission, 0, len(rows))
	for _, row := range rows {
		a, err := parseAdmission(r.show, v.generation, row)
		if err != nil {
			return nil, err
		}
		if a.Epoch <= v.epoch { // an adopted room has rows of the epoch before
			admissions = append(admissions, a)
		}
	}
	return admissions, nil
}
