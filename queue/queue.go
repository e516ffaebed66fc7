// Package queue is the waiting queue of a show: an honest line in Redis that
// issues numbers, lets a fixed number of visitors in per interval, and costs
// Redis nothing when people poll. It knows nothing of SQL or HTTP, and of seats no more than
// how many there are (see Stock).
//
// Each gateway keeps a Room per show: a view of the line, refreshed once a second,
// from which it answers every poll; marks of whom it heard of; and two loops, the
// Admitter that lets people in and the Watcher that keeps the view, the windows
// of presence and the ledger, and opens the room again when Redis lost it. A third,
// the Drawer, opens the show by draw where it is to open so.
package queue

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/gather"
)

// Show is what the queue needs to know of a show; MySQL keeps it.
type Show struct {
	ID           string
	CreatedAt    int64 // us; another show may have had this id before
	Phase        Phase
	Message      string
	MaxWaiting   int // 0: no limit
	Rules        Rules
	StartsAt     int64     // us; 0: not known
	Draw         *DrawPlan // nil: the show opens without a draw
	RulesVersion int64     // grows with every change of the above
}

// DrawPlan says how a show opens by draw.
type DrawPlan struct {
	Beacon string // names the public value that will be mixed in; empty: none
}

// Phase of a show's sale.
type Phase string

// The phases. Only a show that opens by draw has a lobby.
const (
	Draft  Phase = "draft"
	Lobby  Phase = "lobby"
	Open   Phase = "open"
	Closed Phase = "closed"
)

// Options of a Queue. Keys may be missing where nobody joins or polls.
type Options struct {
	Redis  redis.UniversalClient
	Keys   *Keyring
	Ledger Ledger
	Draws  DrawBook // may be missing where no show opens by draw
	// Stock says how a show's seats stand, a second or so ago; an error where that is not
	// known. May be missing where nobody is let in by the seats that are left.
	Stock  func(ctx context.Context, show string) (Stock, error)
	List   ListBook // may be missing where nobody joins a waiting list
	Logger *slog.Logger
}

// Queue holds a gateway's rooms.
type Queue struct {
	redis  redis.UniversalClient
	keys   *Keyring
	ledger Ledger
	draws  DrawBook
	stock  func(ctx context.Context, show string) (Stock, error)
	list   ListBook
	log    *slog.Logger
	looks  *gather.Gather[*Room, looked]
	beat   time.Duration // how far into a second this gateway's watchers tick
	moves  moves

	mu    sync.RWMutex
	rooms map[string]*Room
}

// New makes a queue without rooms; Run opens them.
func New(o Options) *Queue {
	q := &Queue{
		redis: o.Redis, keys: o.Keys, ledger: o.Ledger, draws: o.Draws, stock: o.Stock, list: o.List, log: o.Logger,
		beat: rand.N(watchEvery), rooms: map[string]*Room{},
	}
	q.looks = &gather.Gather[*Room, looked]{Most: mostLooks, Moment: lookMoment, Whole: true, Within: roundTrip, Ask: q.askLooks}
	return q
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
	attended := map[string]attendance{}
	defer func() {
		for _, a := range attended {
			a.stop()
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
			if a := attended[show.ID]; a.room == room {
				continue
			} else if a.room != nil {
				a.stop()
			}
			roomCtx, stop := context.WithCancel(ctx)
			attended[show.ID] = attendance{room, stop}
			loops.Go(func() { _ = (&Watcher{room: room}).Run(roomCtx) })
			loops.Go(func() { _ = (&Admitter{room: room}).Run(roomCtx) })
			loops.Go(func() { _ = newDrawer(room).Run(roomCtx) })
		}
		for show, a := range attended {
			if !listed[show] {
				a.stop()
				delete(attended, show)
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

// attendance is a room whose loops run.
type attendance struct {
	room *Room
	stop context.CancelFunc
}

// Follow makes the room of a show, or tells it of changes. A show that was made anew
// under an id gets a room of its own. Run does so by itself; who runs no loops reads
// through the room all the same.
func (q *Queue) Follow(show Show) *Room {
	q.mu.Lock()
	defer q.mu.Unlock()
	room, ok := q.rooms[show.ID]
	if ok && room.rules.Load().CreatedAt > show.CreatedAt {
		return room // the catalogue is behind
	}
	if !ok || room.rules.Load().CreatedAt < show.CreatedAt {
		room = newRoom(q, show)
		q.rooms[show.ID] = room
	}
	room.follow(show)
	return room
}

// Discard throws the room of a deleted show away, in Redis too.
func (q *Queue) Discard(ctx context.Context, show string) error {
	q.forget(show)
	return q.redis.Unlink(ctx, append(keys(show), codesKey(show))...).Err()
}

func (q *Queue) forget(show string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.rooms, show)
}
