package queue

import (
	"context"
	"time"
)

// DrawBook is what of a draw must outlive Redis, and what makes gateways that work
// on the same draw agree. The functions keep it in MySQL; the queue does not know
// how.
type DrawBook struct {
	// Load reads the show's last draw, of this generation or an earlier one; without a
	// state when there never was one.
	Load func(ctx context.Context, show string) (Draw, error)
	// Commit stores generation, seed, commitment and the beacon's source, unless a draw
	// of that generation is stored.
	Commit func(ctx context.Context, d Draw) error
	// Reserve keeps numbers for those who will be drawn, before the lobby is frozen; false
	// when somebody else did.
	Reserve func(ctx context.Context, d Draw, first, reserved int64) (bool, error)
	// StoreLobby stores a part of a frozen lobby, unless it is stored.
	StoreLobby func(ctx context.Context, show string, generation, epoch, seq int64, visitors string) error
	// Freeze notes which lobby was frozen, when all of it is stored; false when another was.
	Freeze func(ctx context.Context, d Draw) (bool, error)
	// Lobby reads the parts of that lobby in their order.
	Lobby func(ctx context.Context, d Draw) ([]string, error)
	// Reveal makes the seed public; false when a beacon is awaited, or it was done.
	Reveal func(ctx context.Context, show string, generation int64) (bool, error)
	// Open opens the show, when everybody has their number.
	Open func(ctx context.Context, show string, generation int64) error
	// Attend says who works on a draw for a while; false: somebody else does. It saves
	// work and guards nothing.
	Attend func(ctx context.Context, show string, generation int64, worker string, lasts time.Duration) (bool, error)
}

// The states of a stored draw, in their order. None is ever left backwards.
const (
	drawCommitted = "committed" // the seed is made, and its hash is public
	drawFreezing  = "freezing"  // numbers are reserved: the lobby is closed at any moment
	drawFrozen    = "frozen"    // the lobby is stored, and its hash is public
	drawDrawn     = "drawn"     // beacon and seed are public: the order is fixed
	drawNumbered  = "numbered"  // everybody has their number
)

// Draw is one draw of a show, as stored. Times are in us; 0 is none.
type Draw struct {
	Show                 string
	Generation           int64
	State                string
	Seed, Commitment     string
	CommittedAt          int64
	BeaconSource, Beacon string
	First, Reserved      int64 // the numbers kept for those who are drawn
	Epoch                int64 // of the lobby that was frozen
	LobbyHash            string
	LobbyCount           int64
	FrozenAt, DrawnAt    int64
}

// IsFrozen tells whether it is settled who is drawn.
func (d Draw) IsFrozen() bool { return d.State == drawFrozen || d.IsDrawn() }

// IsDrawn tells whether the order is settled, and the seed public.
func (d Draw) IsDrawn() bool { return d.State == drawDrawn || d.State == drawNumbered }

// isPast tells whether everybody of this generation has their number.
func (d Draw) isPast(generation int64) bool {
	return d.State == drawNumbered && d.Generation == generation
}
