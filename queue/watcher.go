package queue

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Watcher keeps a gateway's picture of one room, and what of the room must be
// kept: once a second it fetches the view, tells Redis whom this gateway heard of,
// reserves numbers before they run out, hands admissions to the ledger, tells whom
// the waiting list was called for, puts changed rules in force, and opens the room again when Redis lost it.
type Watcher struct {
	room *Room

	flushed time.Time // when seen was last told
	kept    stamp     // up to where the ledger is kept
	keptAt  time.Time
	said    string // the last trouble logged, so that it is logged once
}

// pokeEvery bounds how often a lost room is looked at.
const pokeEvery = 100 * time.Millisecond

// watchEvery is how old a view gets: the price is one script a second.
const watchEvery = time.Second

// Run watches until ctx ends; then it tells Redis and the ledger what is left.
func (w *Watcher) Run(ctx context.Context) error {
	for {
		began := time.Now()
		w.report(w.RunOnce(ctx))
		next := time.NewTimer(w.untilBeat(time.Now()))
		select {
		case <-ctx.Done():
			next.Stop()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), roundTrip)
			defer cancel()
			w.flushed, w.keptAt = time.Time{}, time.Time{}
			w.report(w.RunOnce(last))
			return ctx.Err()
		case <-next.C:
		case <-w.room.lost:
			next.Stop()
			// Every refused request pokes: MySQL is not asked for each of them.
			pause := time.NewTimer(time.Until(began.Add(pokeEvery)))
			select {
			case <-ctx.Done():
			case <-pause.C:
			}
			pause.Stop()
		}
	}
}

// untilBeat is the time until all watchers of this gateway tick: together, so that
// their looks are one; each gateway in a part of the second of its own.
func (w *Watcher) untilBeat(now time.Time) time.Duration {
	last := now.Add(-w.room.queue.beat).Truncate(watchEvery).Add(w.room.queue.beat)
	return last.Add(watchEvery).Sub(now)
}

func (w *Watcher) report(err error) {
	said := ""
	if err != nil && !errors.Is(err, context.Canceled) {
		said = err.Error()
	}
	switch said {
	case w.said:
	case "":
		w.room.queue.log.Info("queue runs", "show", w.room.show)
	default:
		level := slog.LevelWarn
		if errors.Is(err, errRival) {
			level = slog.LevelInfo // as it goes when several gateways find a room to open
		}
		w.room.queue.log.Log(context.Background(), level, "queue does not run", "show", w.room.show, "error", said)
	}
	w.said = said
}

// RunOnce does all of it once.
func (w *Watcher) RunOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*roundTrip)
	defer cancel()
	w.room.countAnew(time.Now())
	v, err := w.room.refresh(ctx)
	switch {
	case err == nil && v.copied:
		err = w.room.adopt(ctx, v)
	case errors.Is(err, errLost) || err == nil && w.room.isBehind(v):
		err = w.room.reopen(ctx)
	case err == nil:
		return w.beat(ctx, v)
	}
	if err == nil {
		v, err = w.room.refresh(ctx)
	}
	if err != nil {
		return err
	}
	return w.beat(ctx, v)
}

// beat does what a view asks for.
func (w *Watcher) beat(ctx context.Context, v *view) error {
	// The list first: nobody is let in before it is there.
	return errors.Join(w.room.bringList(ctx, v), w.rules(ctx, v), w.seen(ctx, v), w.numbers(ctx, v), w.keep(ctx, v), w.room.tellCalled(ctx, v))
}

// rules puts MySQL's rules in force where Redis has older ones.
func (w *Watcher) rules(ctx context.Context, v *view) error {
	if show := w.room.rules.Load(); show.RulesVersion > v.rulesVer {
		return w.room.Apply(ctx, *show)
	}
	return nil
}

// seen tells Redis whom this gateway heard of. What could not be told is kept.
func (w *Watcher) seen(ctx context.Context, v *view) error {
	if time.Since(w.flushed) < v.rules.flushEvery()-watchEvery/2 {
		return nil
	}
	first, raw := w.room.marks.take(v.head)
	if _, err := w.room.run(ctx, "seen", seenScript, first, raw); err != nil {
		w.room.marks.putBack(first, raw)
		return err
	}
	w.flushed = time.Now()
	return nil
}

// numbers reserves the next block before the last one is used up. The first is
// reserved by the first join: a ceiling of 0 says that nobody ever came.
func (w *Watcher) numbers(ctx context.Context, v *view) error {
	if v.ceiling > 0 && v.phase == Open && v.ceiling-v.issued < block/2 {
		return w.room.reserve(ctx, v.epoch)
	}
	return nil
}

// overtaken follows when MySQL has a newer epoch than Redis had when the view was
// taken: mostly another gateway has just opened it; if that died, somebody must.
func (w *Watcher) overtaken(ctx context.Context, v *view) error {
	now, err := w.room.refresh(ctx)
	if err != nil || now.epoch > v.epoch {
		return err
	}
	return w.room.reopen(ctx)
}

// keepEvery bounds how long the ledger stays silent: it is also how a gateway
// learns that MySQL has a newer epoch than Redis.
const keepEvery = 5 * time.Second

// keep hands what changed to the ledger, and drops from Redis what it has.
func (w *Watcher) keep(ctx context.Context, v *view) error {
	now := stamp{v.epoch, v.version}
	if now == w.kept && time.Since(w.keptAt) < keepEvery {
		return nil
	}
	rows, err := w.room.admissions(ctx, v)
	if err != nil {
		return err
	}
	kept := Kept{Show: w.room.show, Generation: v.generation, Epoch: v.epoch, Head: v.head, Totals: v.totals}
	ok, err := w.room.queue.ledger.Keep(ctx, kept, rows)
	if err != nil {
		return err
	}
	if !ok {
		return w.overtaken(ctx, v)
	}
	w.kept, w.keptAt = now, time.Now()
	if len(rows) == 0 {
		return nil
	}
	_, err = w.room.run(ctx, "trim", trimScript, rows[len(rows)-1].Epoch, rows[len(rows)-1].Seq)
	return err
}
