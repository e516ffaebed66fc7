package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// batch is how many are let in at once where admission is measured.
const batch = 5_000

// admission lets batches in, and compares Redis's own times for the scripts with
// taking as many off a plain copy of the line, in turns.
func (b *bench) admission(ctx context.Context) error {
	copied := "fr:{" + benchShow + "}:copy"
	if err := b.redis.Copy(ctx, "fr:{"+benchShow+"}:waiting", copied, 0, true).Err(); err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // Redis answered nobody meanwhile
	if err := b.slow.keep(ctx, 0); err != nil {
		return err
	}
	var raw, whole, scripts []float64
	for range b.rounds() {
		if _, err := b.slow.take(ctx); err != nil {
			return err
		}
		if err := b.redis.ZPopMin(ctx, copied, batch).Err(); err != nil {
			return err
		}
		calls, err := b.slow.take(ctx)
		if err != nil {
			return err
		}
		_, popped := total(calls, "zpopmin", 1)
		admitting, err := b.letIn(ctx)
		if err != nil {
			return err
		}
		if calls, err = b.slow.take(ctx); err != nil {
			return err
		}
		n, took := total(calls, "queue/admit", admitting)
		if n < admitting {
			return errors.New("the slow log lacks scripts that admit: is the gateway built from this source?")
		}
		b.slow.note("admission", calls)
		raw, whole, scripts = append(raw, popped), append(whole, took), append(scripts, float64(n))
	}
	if err := b.redis.Unlink(ctx, copied).Err(); err != nil {
		return err
	}
	b.table.ratio(fmt.Sprintf("admit %s ÷ ZPOPMIN", figure(batch)), whole, raw, atMost(2.5)).Note = "of Redis's own time"
	b.table.add(fmt.Sprintf("admit %s takes Redis", figure(batch)), "ms", whole, nil)
	b.table.add("scripts to admit them", "", scripts, nil)
	return b.slow.keep(ctx, slower)
}

// total sums up the latest calls of a script or command, so many of them.
func total(calls []call, name string, latest int) (n int, ms float64) {
	for _, c := range calls { // the latest come first
		if c.name == name && n < latest {
			n, ms = n+1, ms+c.took
		}
	}
	return n, ms
}

// letIn lets exactly one batch in, for which max_active leaves room, and returns once
// it is in: how many scripts that took. Those that found nothing to do came before.
func (b *bench) letIn(ctx context.Context) (scripts int, err error) {
	g := b.line.gateway
	before, err := b.admitted(ctx)
	if err != nil {
		return 0, err
	}
	inside, err := g.stats(benchShow) // a second old, but nobody comes or goes meanwhile
	if err != nil {
		return 0, err
	}
	rules := map[string]any{"admit": batch, "interval_ms": 1500, "max_active": inside.Active + batch}
	if err := g.changeRules(benchShow, rules); err != nil {
		return 0, err
	}
	now := before
	for until := time.Now().Add(20 * time.Second); now.visitors < before.visitors+batch; time.Sleep(2 * time.Millisecond) {
		if now, err = b.admitted(ctx); err != nil {
			return 0, err
		}
		if time.Now().After(until) {
			return 0, fmt.Errorf("%d were let in, not %d", now.visitors-before.visitors, batch)
		}
	}
	return now.scripts - before.scripts, nil
}

// admissions counts what a room has admitted: visitors, and the scripts that did.
type admissions struct{ visitors, scripts int }

func (b *bench) admitted(ctx context.Context) (a admissions, err error) {
	var room struct {
		Admitted   int `redis:"admitted"`
		Admissions int `redis:"admissions"`
	}
	err = b.redis.HMGet(ctx, "fr:{"+benchShow+"}:room", "admitted", "admissions").Scan(&room)
	return admissions{room.Admitted, room.Admissions}, err
}
