package queue

import "sync"

// pace is the admission rate of late, from the totals of the last views.
type pace struct {
	mu      sync.Mutex
	samples []sample // oldest first
}

type sample struct {
	at, epoch, admitted int64
}

// paceOver is how far back the rate looks, in microseconds.
const paceOver = 30_000_000

func (p *pace) note(v *view) {
	p.mu.Lock()
	defer p.mu.Unlock()
	crowded := v.present() > 0 && v.phase == Open && !v.rules.Paused && !v.isRecovering()
	if n := len(p.samples); n > 0 && p.samples[n-1].epoch != v.epoch || !crowded {
		// What an empty or a paused line admits says nothing of a full one.
		p.samples = p.samples[:0]
	}
	p.samples = append(p.samples, sample{v.asOf, v.epoch, v.totals.Admitted})
	for len(p.samples) > 2 && p.samples[0].at < v.asOf-paceOver {
		p.samples = p.samples[1:]
	}
}

// rate returns visitors let in per second while others waited on; 0 when not
// known: fewer than five seconds of that were seen.
func (p *pace) rate() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.samples)
	if n < 2 {
		return 0
	}
	first, last := p.samples[0], p.samples[n-1]
	if last.at-first.at < 5_000_000 {
		return 0
	}
	return float64(last.admitted-first.admitted) / (float64(last.at-first.at) / 1e6)
}
