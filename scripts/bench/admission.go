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
		_, popped := total(calls, "zpopmin")
		if err := b.letIn(ctx); err != nil {
			return err
		}
		if calls, err = b.slow.take(ctx); err != nil {
			return err
		}
		n, took := total(calls, "queue/admit")
		if n == 0 || popped == 0 {
			return errors.New("the slow log has no script that admits: is the gateway built from this source?")
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

// total sums up the calls of a script or command that worked: one that found nothing
// to do takes a fraction of one that did.
func total(calls []call, name string) (n int, ms float64) {
	longest := 0.0
	for _, c := range calls {
		if c.name == name {
			longest = max(longest, c.took)
		}
	}
	for _, c := range calls {
		if c.name == name && c.took > longest/4 {
			n, ms = n+1, ms+c.took
		}
	}
	return n, ms
}

// letIn lets exactly one batch in: max_active leaves room for no more. What the
// operator sees is a second old, and nobody comes or goes meanwhile.
func (b *bench) letIn(ctx context.Context) error {
	g := b.line.gateway
	before, err := g.stats(benchShow)
	if err != nil {
		return err
	}
	if err := g.changeRules(benchShow, map[string]any{"admit": batch, "interval_ms": 500, "max_active": before.Active + batch}); err != nil {
		return err
	}
	return g.process.within(20*time.Second, func() error {
		now, err := g.stats(benchShow)
		if err == nil && now.Admitted != before.Admitted+batch {
			err = fmt.Errorf("%d were let in, not %d", now.Admitted-before.Admitted, batch)
		}
		return errors.Join(err, ctx.Err())
	})
}
