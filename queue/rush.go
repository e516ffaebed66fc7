package queue

import "sync"

// rush is how fast people join of late, whether or not anybody is let in.
type rush struct {
	mu      sync.Mutex
	samples []arrivals // oldest first
}

type arrivals struct{ at, epoch, joined int64 }

// rushOver is how far back it looks, in microseconds: long enough to be steady, and
// short against the life of a challenge.
const rushOver = 10_000_000

func (h *rush) note(v *view) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := arrivals{v.asOf, v.epoch, v.totals.Joined + v.lobby}
	if n := len(h.samples); n > 0 {
		last := h.samples[n-1]
		if last.epoch != now.epoch || last.joined > now.joined {
			h.samples = h.samples[:0] // lost, or reset
		} else if now.at <= last.at {
			return
		}
	}
	h.samples = append(h.samples, now)
	for len(h.samples) > 2 && h.samples[1].at <= now.at-rushOver {
		h.samples = h.samples[1:]
	}
}

// rate is new places a second of late; 0 when not known.
func (h *rush) rate() float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.samples)
	if n < 2 {
		return 0
	}
	first, last := h.samples[0], h.samples[n-1]
	return float64(last.joined-first.joined) / (float64(last.at-first.at) / 1e6)
}
