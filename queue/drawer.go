package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Drawer opens one show by draw. Every gateway runs one; whichever comes first does
// the next step, and each step is stored before the next begins, so that any
// other goes on where one has died:
//
//	committed  a seed is made, and its hash is public while people gather
//	freezing   numbers are reserved for them, and those who come later get higher ones
//	frozen     the lobby is stored, and its hash is public
//	drawn      the beacon, if one was announced, is in; the seed is public
//	numbered   everybody has their number, and the show is open
type Drawer struct {
	room   *Room
	worker string // who attends
	until  time.Time
	said   string
}

// newDrawer makes a drawer. Its name is as random as a visitor's.
func newDrawer(r *Room) *Drawer { return &Drawer{room: r, worker: NewVisitor()} }

const (
	drawEvery  = 500 * time.Millisecond // between two looks, while nothing is due
	attendFor  = 5 * time.Second        // a gateway that has died is replaced after so long
	numberPart = 1000                   // numbers that one script gives: some three milliseconds
	scanPart   = 4000
)

// Run draws until ctx ends. A show without a draw costs nothing.
func (d *Drawer) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		next := drawEvery
		more, err := d.RunOnce(ctx)
		if more && err == nil {
			next = 0
		}
		d.report(err)
		timer.Reset(next)
	}
}

func (d *Drawer) report(err error) {
	said := ""
	if _, down := asUnavailable(err); err != nil && !down && !errors.Is(err, context.Canceled) {
		said = err.Error() // of lost servers the watcher tells
	}
	if said != d.said && said != "" {
		d.room.queue.log.Log(context.Background(), slog.LevelWarn, "the draw does not go on", "show", d.room.show, "error", said)
	}
	d.said = said
}

// RunOnce does the next step, if one is due and nobody else does it, and tells
// whether to come again at once.
func (d *Drawer) RunOnce(ctx context.Context) (more bool, err error) {
	show := d.room.rules.Load()
	v := d.room.view.Load()
	if show.Draw == nil || v == nil {
		return false, nil
	}
	if known := d.room.draw.Load(); known != nil && known.isPast(v.generation) && d.room.knows(*known) {
		return false, nil
	}
	stored, err := d.load(ctx)
	if err != nil {
		return false, err
	}
	if stored.Generation != v.generation || stored.State == "" {
		if v.phase != Lobby {
			return false, nil // this generation opened without a draw
		}
		err := d.commit(ctx, v.generation, show.Draw.Beacon)
		return err == nil, err
	}
	switch stored.State {
	case drawCommitted, drawFreezing:
		return d.freeze(ctx, stored)
	case drawFrozen:
		return d.reveal(ctx, stored)
	default:
		return d.number(ctx, stored)
	}
}

func (d *Drawer) load(ctx context.Context) (Draw, error) {
	stored, err := d.room.queue.draws.Load(ctx, d.room.show)
	if err == nil {
		d.room.draw.Store(&stored)
	}
	return stored, err
}

// commit makes a seed. Who makes the first one is stored.
func (d *Drawer) commit(ctx context.Context, generation int64, beacon string) error {
	seed := NewSeed()
	return d.room.queue.draws.Commit(ctx, Draw{
		Show: d.room.show, Generation: generation, Seed: seed, Commitment: Commitment(seed), BeaconSource: beacon,
	})
}

// attends says whether this gateway is the one to work on the draw now. The answer is
// good for a second.
func (d *Drawer) attends(ctx context.Context, of Draw) (bool, error) {
	if time.Now().Before(d.until) {
		return true, nil
	}
	mine, err := d.room.queue.draws.Attend(ctx, of.Show, of.Generation, d.worker, attendFor)
	if mine && err == nil {
		d.until = time.Now().Add(time.Second)
	}
	return mine, err
}

// freeze closes the lobby when the time has come, and stores who is in it.
func (d *Drawer) freeze(ctx context.Context, of Draw) (bool, error) {
	v, err := d.room.fresh()
	if err != nil || v.phase != Lobby || timeOf(v.asOf).Add(time.Since(v.taken)).Before(timeOf(d.room.rules.Load().StartsAt)) {
		return false, err
	}
	if mine, err := d.attends(ctx, of); !mine {
		return false, err
	}
	if v, err = d.room.refresh(ctx); err != nil {
		return false, err
	}
	if of.State == drawCommitted {
		return true, d.reserve(ctx, of, v)
	}
	f, err := d.room.freeze(ctx, of)
	switch {
	case err != nil:
		return false, err
	case f.code == "crowded":
		return true, d.reserve(ctx, of, v)
	case f.code != drawFrozen:
		return false, nil // a moment early, or closed
	}
	return d.store(ctx, of, f)
}

// reserve keeps a number for everybody in the lobby, and for those who come until it is
// frozen. These are fixed before: should Redis lose the frozen lobby before
// it is stored, those who had come later still are behind it when it is frozen again.
func (d *Drawer) reserve(ctx context.Context, of Draw, v *view) error {
	kept, err := d.room.queue.ledger.Load(ctx, of.Show)
	if err != nil {
		return err
	}
	reserved := v.lobby + v.lobby/4 + 10_000
	ceiling := kept.Ceiling + reserved + block
	won, err := d.room.queue.ledger.RaiseCeiling(ctx, of.Show, v.epoch, kept.Ceiling, ceiling)
	if err != nil {
		return err
	}
	if !won {
		return fmt.Errorf("reserve numbers for the draw: the epoch is no longer %d, or another gateway reserves", v.epoch)
	}
	if _, err := d.room.raise(ctx, v.epoch, ceiling); err != nil {
		return err
	}
	_, err = d.room.queue.draws.Reserve(ctx, of, kept.Ceiling+1, reserved)
	return err
}

// frozen is what lua/freeze.lua answers.
type frozen struct {
	code                     string
	now, first, count, epoch int64
}

// freeze closes the lobby in Redis, or has it take over the stored one.
func (r *Room) freeze(ctx context.Context, of Draw) (frozen, error) {
	epoch := of.Epoch
	if !of.IsFrozen() {
		epoch = 0
	}
	a, err := r.run(ctx, "freeze", freezeScript, of.Generation, of.First, of.Reserved, epoch, of.LobbyCount)
	if err != nil {
		return frozen{}, err
	}
	f := frozen{now: a.now}
	f.code, _ = a.rest[0].(string)
	f.first, _ = a.rest[1].(int64)
	f.count, _ = a.rest[2].(int64)
	f.epoch, _ = a.rest[3].(int64)
	return f, nil
}

// store writes down who is in the frozen lobby, and only then that it is frozen.
func (d *Drawer) store(ctx context.Context, of Draw, f frozen) (bool, error) {
	l, err := d.gathered(ctx, f)
	if err != nil {
		return false, err
	}
	for seq, part := range l.parts() {
		if mine, err := d.attends(ctx, of); !mine {
			return false, err
		}
		if err := d.room.queue.draws.StoreLobby(ctx, of.Show, of.Generation, f.epoch, int64(seq), part); err != nil {
			return false, err
		}
	}
	of.First, of.Epoch, of.LobbyHash, of.LobbyCount, of.FrozenAt = f.first, f.epoch, l.hash(), f.count, f.now
	won, err := d.room.queue.draws.Freeze(ctx, of)
	if won {
		d.room.queue.log.InfoContext(ctx, "lobby frozen", "show", of.Show, "visitors", f.count, "hash", of.LobbyHash)
	}
	return err == nil, err
}

// gathered reads the frozen lobby. It is the one that was frozen if Redis still says so
// afterwards, since nothing goes into a frozen lobby or out of it.
func (d *Drawer) gathered(ctx context.Context, f frozen) (lobby, error) {
	ids := make([]visitorID, 0, f.count)
	for cursor := uint64(0); ; {
		page, next, err := d.room.queue.redis.ZScan(ctx, d.room.keys[keyLobby], cursor, "", scanPart).Result()
		if err != nil {
			return nil, unavailable("read the lobby", err)
		}
		for i := 0; i < len(page); i += 2 {
			id, ok := visitorBits(page[i])
			if !ok {
				return nil, fmt.Errorf("%q is in the lobby", page[i])
			}
			ids = append(ids, id)
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	l := newLobby(ids)
	again, err := d.room.freeze(ctx, Draw{Generation: d.room.draw.Load().Generation, First: f.first, Reserved: f.count})
	if err != nil {
		return nil, err
	}
	if again.code != f.code || again.epoch != f.epoch || again.first != f.first || int64(len(l)) != f.count {
		return nil, fmt.Errorf("the lobby has %d visitors, %d were frozen: another gateway is ahead, or Redis was lost", len(l), f.count)
	}
	return l, nil
}

// reveal publishes the seed, unless a beacon is awaited.
func (d *Drawer) reveal(ctx context.Context, of Draw) (bool, error) {
	if of.BeaconSource != "" && of.Beacon == "" {
		return false, nil
	}
	won, err := d.room.queue.draws.Reveal(ctx, of.Show, of.Generation)
	if won {
		d.room.queue.log.InfoContext(ctx, "lobby drawn", "show", of.Show, "visitors", of.LobbyCount)
	}
	return won, err
}

// knows tells whether this gateway has the order of a draw.
func (r *Room) knows(d Draw) bool {
	known := r.drawn.Load()
	return known != nil && known.generation == d.Generation
}

// number gives the drawn their numbers, from wherever others have got to.
func (d *Drawer) number(ctx context.Context, of Draw) (bool, error) {
	if !d.room.knows(of) {
		order, err := d.room.readOrder(ctx, of)
		if err != nil {
			return false, err
		}
		d.room.drawn.Store(&drawn{generation: of.Generation, first: of.First, order: order})
	}
	if of.State == drawNumbered {
		return false, nil
	}
	order := d.room.drawn.Load().order
	cursor := 0
	for {
		if mine, err := d.attends(ctx, of); !mine {
			return false, err
		}
		code, next, err := d.room.place(ctx, of, cursor, order.some(cursor, numberPart))
		if err != nil {
			return false, err
		}
		switch code {
		case "placed", "moved":
			cursor = next
		case "other":
			_, err := d.room.freeze(ctx, of)
			return false, err
		case drawNumbered:
			d.room.queue.log.InfoContext(ctx, "everybody drawn has a number", "show", of.Show, "first", of.First, "visitors", of.LobbyCount)
			return true, d.room.queue.draws.Open(ctx, of.Show, of.Generation)
		default:
			return false, nil // closed
		}
	}
}

// place gives the next visitors their numbers; see lua/number.lua.
func (r *Room) place(ctx context.Context, of Draw, cursor int, visitors []string) (code string, next int, err error) {
	args := make([]any, 0, 3+len(visitors))
	args = append(args, of.Generation, of.Epoch, cursor)
	for _, visitor := range visitors {
		args = append(args, visitor)
	}
	a, err := r.run(ctx, "number", numberScript, args...)
	if err != nil {
		return "", 0, err
	}
	code, _ = a.rest[0].(string)
	to, _ := a.rest[1].(int64)
	return code, int(to), nil
}
