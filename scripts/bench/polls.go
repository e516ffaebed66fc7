package main

import "context"

// poll measures polls of the long line in turns with those of a short one and with
// the baseline.
func (b *bench) poll(ctx context.Context) error {
	if _, err := b.small.warmUp(); err != nil {
		return err
	}
	answer, err := b.line.warmUp()
	if err != nil {
		return err
	}
	long, short := b.line.polls(), b.small.polls()
	long.times = true
	var polls, few, bare, spare, p50, p99, pingP99 []float64
	for range b.rounds() {
		ping, err := b.ping.forTime(b.roundFor())
		if err != nil {
			return err
		}
		tuned, err := b.tuned.forTime(b.roundFor())
		if err != nil {
			return err
		}
		small, err := short.forTime(b.roundFor())
		if err != nil {
			return err
		}
		large, err := long.forTime(b.roundFor())
		if err != nil {
			return err
		}
		if err := b.slow.roundOver(ctx, "polls"); err != nil {
			return err
		}
		polls, few, bare = append(polls, large.perSecond), append(few, small.perSecond), append(bare, ping.perSecond)
		spare = append(spare, tuned.perSecond)
		times := milliseconds(large.times)
		p50, p99 = append(p50, quantile(times, 0.5)), append(p99, quantile(times, 0.99))
		pingP99 = append(pingP99, quantile(milliseconds(ping.times), 0.99))
	}
	b.others.stop() // nothing runs beside what comes
	size := figure(float64(b.size()))
	b.table.ratio("poll ÷ baseline, "+size+" waiting", polls, bare, atLeast(0.85))
	b.table.ratio("poll, "+size+" waiting ÷ 1,000 waiting", polls, few, atLeast(0.95))
	b.table.ratio("poll ÷ baseline, 1,000 waiting", few, bare, nil)
	b.table.ratio("poll ÷ baseline with the gateway's GOGC", polls, spare, nil).Note = gatewayGOGC
	b.table.add("baseline", "/s", bare, nil).Note = "gin, GET /ping"
	b.table.add("polls", "/s", polls, nil)
	b.table.add("a poll's answer", "bytes", []float64{float64(answer)}, nil)
	b.table.add("a poll takes, p50", "ms", p50, nil).Note = "32 ask as fast as answers come"
	b.table.add("a poll takes, p99", "ms", p99, nil)
	b.table.add("the baseline takes, p99", "ms", pingP99, nil)
	return nil
}
