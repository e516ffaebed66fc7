package simulate

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// seatmap is the picture of the seats that everybody looks at, as through the cache
// in front of a gateway: a picture a second, not one a visitor.
type seatmap struct {
	run     *run
	mu      sync.Mutex // held while a new picture is fetched
	picture atomic.Pointer[picture]
}

// picture is the seats at one moment. It does not change.
type picture struct {
	at   time.Time
	free []int // in the order of the layout
	sold int
}

// pictureLasts is how long gateways let caches keep it.
const pictureLasts = time.Second

// look returns a picture about a second old at most. Whoever finds it too old
// fetches the next one; the others do with the old one meanwhile.
func (m *seatmap) look(ctx context.Context) (*picture, error) {
	p := m.picture.Load()
	if p != nil && (time.Since(p.at) < pictureLasts || !m.mu.TryLock()) {
		return p, nil
	}
	if p == nil {
		m.mu.Lock()
	}
	defer m.mu.Unlock()
	if now := m.picture.Load(); now != p {
		return now, nil // somebody was faster
	}
	p, err := m.fetch(ctx)
	if err == nil {
		m.picture.Store(p)
	}
	return p, err
}

func (m *seatmap) fetch(ctx context.Context) (*picture, error) {
	home := 0
	p := &picture{at: time.Now()}
	a, err := m.run.gateways.do(ctx, &home, request{method: http.MethodGet, path: "/v1/shows/" + m.run.show + "/seats/state"})
	if err != nil {
		return nil, err
	}
	var s struct {
		States string `json:"states"`
	}
	if a.status != http.StatusOK || a.into(&s) != nil || len(s.States) != len(m.run.seats) {
		m.run.witness.surprise("seats", a)
		return nil, fmt.Errorf("seats answered %d", a.status)
	}
	for i, letter := range s.States {
		switch letter {
		case 'f':
			p.free = append(p.free, i)
		case 's':
			p.sold++
		}
	}
	return p, nil
}

// soldOut tells whether every seat is sold, for good.
func (p *picture) soldOut(seats int) bool { return p.sold == seats }
