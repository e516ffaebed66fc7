// Package queue is the waiting queue of a show: an honest line in Redis that
// issues numbers, lets a fixed number of visitors in per interval, and costs
// Redis nothing when people poll. It knows nothing of seats, SQL or HTTP.
//
// Each gateway keeps a Room per show: a view of the line, refreshed once a second,
// from which it answers every poll; marks of whom it heard of; and two loops, the
// Admitter that lets people in and the Watcher that keeps the view, the windows
// of presence and the ledger, and opens the room again when Redis lost it.
package queue

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Show is what the queue needs to know of a show; MySQL keeps it.
type Show struct {
	ID           string
	Phase        Phase
	Message      string
	MaxWaiting   int // 0: no limit
	Rules        Rules
	RulesVersion int64 // grows with every change of the above
}

// Phase of a show's sale.
type Phase string

// The phases. A lobby before the draw has its place between draft and open.
const (
	Draft  Phase = "draft"
	Open   Phase = "open"
	Closed Phase = "closed"
)

// Options of a Queue. All are needed.
type Options struct {
	Redis  redis.UniversalClient
	Keys   *Keyring
	Ledger Ledger
	Logger *slog.Logger
}

// Queue holds a gateway's rooms.
type Queue struct {
	redis  redis.UniversalClient
	keys   *Keyring
	ledger Ledger
	log    *slog.Logger

	mu    sync.RWMutex
	rooms map[string]*Room
}

// New makes a queue without rooms; Run opens them.
func New(o Options) *Queue {
	return &Queue{redis: o.Redis, keys: o.Keys, ledger: o.Ledger, log: o.Logger, rooms: map[string]*Room{}}
}

// Room returns the room of a show. May return ErrNoRoom.
func (q *Queue) Room(show string) (*Room, error) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if room, ok := q.rooms[show]; ok {
		return room, nil
	}
	return nil, ErrNoRoom
}

// followEvery is how often Run looks for shows that are new, changed or gone.
const followEvery = 250 * time.Millisecond

// Run keeps a room, with its loops, for every show that `shows` lists and that is
// not a draft, until ctx ends.
func (q *Queue) Run(ctx context.Context, shows func() []Show) error {
	var loops sync.WaitGroup
	defer loops.Wait()
	stops := map[string]context.CancelFunc{}
	defer func() {
		for _, stop := range stops {
			stop()
		}
	}()
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		listed := map[string]bool{}
		for _, show := range shows() {
			if show.Phase == Draft {
				continue
			}
			listed[show.ID] = true
			room := q.Follow(show)
			if stops[show.ID] == nil {
				roomCtx, stop := context.WithCancel(ctx)
				stops[show.ID] = stop
				loops.Go(func() { _ = (&Watcher{room: room}).Run(roomCtx) })
				loops.Go(func() { _ = (&Admitter{room: room}).Run(roomCtx) })
			}
		}
		for show, stop := range stops {
			if !listed[show] {
				stop()
				delete(stops, show)
				q.forget(show)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// Follow makes the room of a show, or tells it of changes. Run does so by itself;
// who runs no loops reads through the room all the same.
func (q *Queue) Follow(show Show) *Room {
	q.mu.Lock()
	defer q.mu.Unlock()
	room, ok := q.rooms[show.ID]
	if !ok {
		room = newRoom(q, show)
		q.rooms[show.ID] = room
	}
	room.follow(show)
	return room
}

func (q *Queue) forget(show string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.rooms, show)
}
