package queue

import (
	"strconv"
	"sync"
	"sync/atomic"
)

// moves remembers which visitors have moved to another device, and when (us), in all rooms
// of a gateway: what was given to them before speaks for nobody. As long as nobody has moved
// it costs a poll one load.
type moves struct {
	any   atomic.Bool
	mu    sync.RWMutex
	since map[string]int64
}

func (m *moves) note(visitor string, since int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.since == nil {
		m.since = map[string]int64{}
	}
	m.since[visitor] = max(m.since[visitor], since)
	m.any.Store(true)
}

// HasMoved tells whether a visitor has moved on to another device since a proof was made,
// which says when they moved to the device that brings it (us; 0: they never did). A proof of a move
// that this gateway did not know of teaches it: so a move outlives the loss of Redis.
func (q *Queue) HasMoved(visitor string, since int64) bool {
	if since == 0 && !q.moves.any.Load() {
		return false
	}
	q.moves.mu.RLock()
	known := q.moves.since[visitor]
	q.moves.mu.RUnlock()
	if since > known {
		q.moves.note(visitor, since)
	}
	return since < known
}

// MovedAt is when a visitor moved to another device last (us), as far as this gateway knows; 0: they
// never did. It is for who proves anew who they are.
func (q *Queue) MovedAt(visitor string) int64 {
	q.moves.mu.RLock()
	defer q.moves.mu.RUnlock()
	return q.moves.since[visitor]
}

// movesKnown is how far a room's moves were read from Redis.
type movesKnown struct {
	epoch int64
	upTo  int64 // us
}

// learnMoves notes the moves that a view brings: visitor, when, visitor, …
func (r *Room) learnMoves(epoch int64, rows []any) {
	known := movesKnown{epoch: epoch}
	old := r.moved.Load()
	for i := 0; i+1 < len(rows); i += 2 {
		visitor, _ := rows[i].(string)
		text, _ := rows[i+1].(string)
		score, _ := strconv.ParseFloat(text, 64) // whole, however it is written
		r.queue.moves.note(visitor, int64(score))
		known.upTo = int64(score)
	}
	switch {
	case old == nil || old.epoch != epoch:
		known.upTo = 0 // asked in another epoch
	case known.upTo < old.upTo:
		return
	}
	r.moved.Store(&known)
}

// movesSeen is what the view script is asked for more than: moves of an earlier epoch are
// read anew, for a clock may have gone back with Redis.
func (r *Room) movesSeen(epoch int64) int64 {
	if known := r.moved.Load(); known != nil && known.epoch == epoch {
		return known.upTo
	}
	return 0
}
