package main

import (
	"context"
	"fmt"
)

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
	bareAnswer, err := b.ping.answer()
	if err != nil {
		return err
	}
	long := b.line.polls()
	long.times = true
	loads := []load{b.ping, b.tuned, b.small.polls(), long}
	rates := make([][]float64, len(loads))
	var p50, p99, pingP99 []float64
	for round := range b.rounds() {
		for turn := range loads {
			i := (round + turn) % len(loads) // none always comes behind the same other
			o, err := loads[i].forTime(b.roundFor())
			if err != nil {
				return err
			}
			rates[i] = append(rates[i], o.perSecond)
			times := milliseconds(o.times)
			switch i {
			case 0:
				pingP99 = append(pingP99, quantile(times, 0.99))
			case len(loads) - 1:
				p50, p99 = append(p50, quantile(times, 0.5)), append(p99, quantile(times, 0.99))
			}
		}
		if err := b.slow.roundOver(ctx, "polls"); err != nil {
			return err
		}
	}
	bare, spare, few, polls := rates[0], rates[1], rates[2], rates[3]
	b.others.stop() // nothing runs beside what comes
	size := figure(float64(b.size()))
	b.table.ratio("poll ÷ baseline, "+size+" waiting", polls, bare, atLeast(0.85))
	b.table.ratio("poll, "+size+" waiting ÷ 1,000 waiting", polls, few, atLeast(0.95))
	b.table.ratio("poll ÷ baseline, 1,000 waiting", few, bare, nil)
	b.table.ratio("poll ÷ baseline with the gateway's GOGC", polls, spare, nil).Note = gatewayGOGC
	b.table.add("baseline", "/s", bare, nil).Note = "gin, GET /ping"
	b.table.add("polls", "/s", polls, nil)
	b.table.add("a poll's answer", "bytes", []float64{float64(answer)}, nil)
	b.table.add("the baseline's answer", "bytes", []float64{float64(bareAnswer)}, nil)
	b.table.add("a poll takes, p50", "ms", p50, nil).Note = fmt.Sprintf("%d ask as fast as answers come", connections)
	b.table.add("a poll takes, p99", "ms", p99, nil)
	b.table.add("the baseline takes, p99", "ms", pingP99, nil)
	return nil
}
