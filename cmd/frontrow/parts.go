package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"

	"frontrow/api"
	"frontrow/booking"
	"frontrow/booking/events"
	"frontrow/queue"
)

// parts are the queue and the sale on their servers, tied together; they run
// nothing by themselves.
type parts struct {
	redis     redis.UniversalClient
	db        *gorm.DB
	store     *booking.Store
	catalogue *booking.Catalogue
	queue     *queue.Queue
	deliver   *events.Dispatcher
}

// assemble ties queue and sale together. What happens outside requests goes through
// function values: they do not know each other. outward are the listeners that
// configuration adds; tracer may be nil.
func assemble(client redis.UniversalClient, db *gorm.DB, keys *queue.Keyring, payments booking.PaymentOptions, outward []events.Listener, tracer trace.Tracer, log *slog.Logger) *parts {
	p := &parts{redis: client, db: db}
	endAdmission := func(ctx context.Context, show, visitor string, number int64) error {
		room, err := p.queue.Room(show)
		if err != nil {
			return err
		}
		return room.Finish(ctx, visitor, number)
	}
	freeSlot := func(ctx context.Context, show, visitor string, number int64) error {
		room, err := p.queue.Room(show)
		if err != nil {
			return err
		}
		held, err := p.store.HeldUntil(ctx, visitor, show)
		if err != nil {
			return err
		}
		return room.Unpin(ctx, visitor, number, held)
	}
	// Everybody who acts on what happened in the sale; a new listener is one line.
	listeners := func(store *booking.Store) []events.Listener {
		return append([]events.Listener{
			events.EndAdmission(endAdmission),
			events.MarkSeats(store),
			events.HandOver(store),
			events.FreeSlot(freeSlot),
			events.SalesFigures(store),
		}, outward...)
	}
	p.store = booking.New(db, client, booking.Options{
		Logger:      log,
		Subscribers: events.Subscribers(listeners(nil)),
		Nudge:       func() { p.deliver.Nudge() },
		Payments:    payments,
		Tracer:      tracer,
		Now:         time.Now,
	})
	p.deliver = events.New(p.store, listeners(p.store), log)
	p.catalogue = booking.NewCatalogue(p.store)
	p.queue = queue.New(queue.Options{
		Redis: client, Keys: keys, Ledger: p.ledger(), Draws: p.draws(), Stock: p.stock, List: p.list(), Logger: log,
	})
	return p
}

// ledger keeps the queue's books in MySQL.
func (p *parts) ledger() queue.Ledger {
	return queue.Ledger{
		Load: func(ctx context.Context, show string) (queue.Kept, error) {
			return kept(p.store.QueueState(ctx, show))
		},
		WinEpoch:     p.store.WinEpoch,
		RaiseCeiling: p.store.RaiseCeiling,
		NextGeneration: func(ctx context.Context, show string, generation int64) (queue.Kept, error) {
			return kept(p.store.NextGeneration(ctx, show, generation))
		},
		Keep: func(ctx context.Context, k queue.Kept, rows []queue.Admission) (bool, error) {
			admissions := make([]booking.Admission, len(rows))
			for i, row := range rows {
				admissions[i] = booking.Admission(row)
			}
			return p.store.KeepQueue(ctx, booking.QueueState{
				Show: k.Show, Generation: k.Generation, Epoch: k.Epoch, Head: k.Head, Totals: k.Totals.String(),
			}, admissions)
		},
		Before: p.before,
	}
}

// errNoDoor says that a show has no door to count seats at.
var errNoDoor = errors.New("not on sale")

// stock counts the seats at the door, as this gateway's keeper last saw it.
func (p *parts) stock(ctx context.Context, id string) (queue.Stock, error) {
	show, ok := p.catalogue.Lookup(id)
	if !ok || show.Phase != booking.PhaseOpen || show.SeatCount == 0 {
		return queue.Stock{}, errNoDoor
	}
	states, err := p.store.SeatStates(ctx, show)
	if err != nil {
		return queue.Stock{}, err
	}
	free, held, sold := states.Count()
	return queue.Stock{
		Free: int64(free), Held: int64(held), Sold: int64(sold), Most: int64(show.MaxSeats), AsOf: states.AsOf,
	}, nil
}

// list keeps the queue's waiting lists in MySQL, and has the sale tell who was called.
func (p *parts) list() queue.ListBook {
	return queue.ListBook{
		Add: func(ctx context.Context, show string, generation int64, l queue.Listed) error {
			return p.store.Enlist(ctx, show, generation, booking.Listed(l))
		},
		Remove: p.store.Unlist,
		Load: func(ctx context.Context, show string, generation int64) ([]queue.Listed, error) {
			rows, err := p.store.WaitingList(ctx, show, generation)
			list := make([]queue.Listed, len(rows))
			for i, row := range rows {
				list[i] = queue.Listed(row)
			}
			return list, err
		},
		Called: func(ctx context.Context, show string, generation int64, rows []queue.Called) error {
			called := make([]booking.CalledPlace, len(rows))
			for i, row := range rows {
				called[i] = booking.CalledPlace(row)
			}
			return p.store.CallListed(ctx, show, generation, called)
		},
	}
}

// draws keeps the queue's draws in MySQL.
func (p *parts) draws() queue.DrawBook {
	return queue.DrawBook{
		Load: func(ctx context.Context, show string) (queue.Draw, error) {
			d, err := p.store.Draw(ctx, show)
			if errors.Is(err, booking.ErrNoDraw) {
				err = nil
			}
			return queue.Draw(d), err
		},
		Commit: func(ctx context.Context, d queue.Draw) error { return p.store.CommitDraw(ctx, booking.Draw(d)) },
		Reserve: func(ctx context.Context, d queue.Draw, first, reserved int64) (bool, error) {
			return p.store.ReserveDraw(ctx, booking.Draw(d), first, reserved)
		},
		StoreLobby: p.store.StoreLobby,
		Freeze:     func(ctx context.Context, d queue.Draw) (bool, error) { return p.store.FreezeDraw(ctx, booking.Draw(d)) },
		Lobby: func(ctx context.Context, d queue.Draw) ([]string, error) {
			return p.store.Lobby(ctx, booking.Draw(d))
		},
		Reveal: p.store.RevealDraw,
		Open:   p.store.OpenDrawn,
		Attend: p.store.AttendDraw,
	}
}

func kept(state booking.QueueState, err error) (queue.Kept, error) {
	if err != nil {
		return queue.Kept{}, err
	}
	totals, err := queue.ParseTotals(state.Totals)
	return queue.Kept{
		Show: state.Show, Generation: state.Generation, Epoch: state.Epoch, Ceiling: state.Ceiling,
		Head: state.Head, Floor: state.Floor, Totals: totals,
	}, err
}

// before makes the sale ready for a room that opens in a new epoch: whatever made
// the queue lose Redis may have cost the door something too.
func (p *parts) before(ctx context.Context, show string) (queue.Known, error) {
	if err := p.store.LoadDoor(ctx, show, true); err != nil {
		return queue.Known{}, fmt.Errorf("load the door: %w", err)
	}
	holds, err := p.store.LiveHolds(ctx, show)
	if err != nil {
		return queue.Known{}, err
	}
	known := queue.Known{}
	for _, h := range holds {
		known.Inside = append(known.Inside, queue.Inside{Visitor: h.Visitor, Number: h.Number, Until: h.ExpiresAt})
	}
	known.Finished, err = p.store.PaidNumbers(ctx, show)
	return known, err
}

// shows lists what the queue has to know; a show whose rules cannot be read is
// left out, and said so.
func (p *parts) shows(log *slog.Logger) func() []queue.Show {
	return func() []queue.Show {
		var shows []queue.Show
		for _, show := range p.catalogue.All() {
			known, err := api.QueueShow(show)
			if err != nil {
				log.Error("rules of a show cannot be read", "show", show.ID, "error", err)
				continue
			}
			shows = append(shows, known)
		}
		return shows
	}
}

// ready says by name how to ask whether a server answers.
func (p *parts) ready() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"redis": func(ctx context.Context) error { return pingRedis(ctx, p.redis) },
		"mysql": p.store.Ping,
	}
}

// openDatabase connects to the database and wants its schema to be this version's.
func openDatabase(ctx context.Context, dsn string) (*gorm.DB, error) {
	db, err := booking.Open(dsn)
	if err != nil {
		return nil, err
	}
	if err := booking.CheckSchema(ctx, db); err != nil {
		closeDatabase(db)
		if errors.Is(err, booking.ErrSchemaBehind) {
			return nil, fmt.Errorf("%w: run `frontrow migrate` first", err)
		}
		return nil, err
	}
	return db, nil
}

func closeDatabase(db *gorm.DB) {
	if sql, err := db.DB(); err == nil {
		_ = sql.Close()
	}
}
