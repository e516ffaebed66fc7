package queue

import (
	"net/netip"
	"sync"
	"time"
)

// turned remembers which addresses a limit of joins has turned away, and until when,
// so that new visitors who come from there meanwhile cost Redis nothing. Only the newest
// some thousands are kept; who is forgotten is turned away by Redis.
type turned struct {
	mu    sync.Mutex
	rules int64 // version of the rules that it is about
	now   map[netip.Prefix]time.Time
	older map[netip.Prefix]time.Time
}

// turnedKept bounds each of two halves.
const turnedKept = 16_384

// wait is how long an address has to wait still; 0 when nothing is known against it.
func (t *turned) wait(rules int64, from netip.Addr) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rules != rules {
		return 0
	}
	address := AddressOf(from)
	until, ok := t.now[address]
	if !ok {
		until = t.older[address]
	}
	if until.IsZero() {
		return 0
	}
	return max(time.Until(until), 0)
}

func (t *turned) put(rules int64, from netip.Addr, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rules != rules || t.now == nil {
		t.rules, t.now, t.older = rules, map[netip.Prefix]time.Time{}, nil
	}
	if len(t.now) >= turnedKept {
		t.now, t.older = map[netip.Prefix]time.Time{}, t.now
	}
	t.now[AddressOf(from)] = time.Now().Add(wait)
}
