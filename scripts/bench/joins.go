package main

import (
	"context"
	"time"
)

// fill has people join until all wait who shall, and judges rounds that are spread
// over the filling; then what those who wait cost in memory.
func (b *bench) fill(ctx context.Context) error {
	empty, err := b.dataset(ctx)
	if err != nil {
		return err
	}
	if _, err := b.line.join(time.Minute, smallLine, false); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	heapBefore, err := b.line.gateway.heap()
	if err != nil {
		return err
	}
	if err := b.joinRounds(ctx); err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // the view knows everybody
	full, err := b.dataset(ctx)
	if err != nil {
		return err
	}
	heapAfter, err := b.line.gateway.heap()
	if err != nil {
		return err
	}
	size := float64(b.size())
	want := atMost(112)
	if !b.full {
		want = nil // a hash table's share depends on how full it is: the target is for 1,000,000
	}
	b.table.add("Redis memory a visitor, "+figure(size)+" waiting", "bytes", []float64{(full - empty) / size}, want)
	b.table.add("gateway memory a visitor, "+figure(size)+" waiting", "bytes", []float64{(heapAfter - heapBefore) / (size - smallLine)}, atMost(2))
	return nil
}

func (b *bench) joinRounds(ctx context.Context) error {
	var rates, bare, p50, p99 []float64
	each := b.size() / b.rounds()
	for round := range b.rounds() {
		ping, err := b.ping.forTime(b.roundFor())
		if err != nil {
			return err
		}
		upTo := smallLine + (round+1)*each
		if round == b.rounds()-1 {
			upTo = b.size()
		}
		o, err := b.line.join(b.roundFor(), upTo, true)
		if err != nil {
			return err
		}
		if err := b.slow.roundOver(ctx, "joins"); err != nil {
			return err
		}
		times := milliseconds(o.times)
		rates, bare = append(rates, o.perSecond), append(bare, ping.perSecond)
		p50, p99 = append(p50, quantile(times, 0.5)), append(p99, quantile(times, 0.99))
		if err := b.joinUpTo(ctx, upTo); err != nil {
			return err
		}
	}
	b.table.ratio("join ÷ baseline, up to "+figure(float64(b.size()))+" waiting", rates, bare, atLeast(0.60))
	b.table.add("joins", "/s", rates, nil)
	b.table.add("a join takes, p50", "ms", p50, nil)
	b.table.add("a join takes, p99", "ms", p99, nil)
	return nil
}

// joinUpTo joins, unjudged, until so many wait.
func (b *bench) joinUpTo(ctx context.Context, upTo int) error {
	for b.line.joined < upTo && ctx.Err() == nil {
		if _, err := b.line.join(10*time.Second, upTo, false); err != nil {
			return err
		}
		if err := b.slow.roundOver(ctx, "joins"); err != nil {
			return err
		}
		b.say(figure(float64(b.line.joined)) + " waiting")
	}
	return ctx.Err()
}
