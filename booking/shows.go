package booking

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// The phases of a show. Only a show that opens by draw has a lobby.
const (
	PhaseDraft  = "draft"
	PhaseLobby  = "lobby"
	PhaseOpen   = "open"
	PhaseClosed = "closed"
)

// Show is a show as everybody but the buyer of a seat sees it. RulesVersion
// rises with every change of anything that a copy elsewhere may hold: rules,
// phase, message, limits, times. MaxWaiting 0 is no limit.
type Show struct {
	ID, Title, Venue, Currency, Phase string
	PlaysAt, StartsAt, EndsAt         *int64
	CancelUntil                       *int64 // until when visitors may cancel; nil: not at all
	HoldSeconds, MaxSeats, MaxWaiting int
	Rules                             json.RawMessage
	RulesVersion                      int64
	Message                           string
	LayoutVersion, SeatCount          int
	Draw                              *DrawPlan       // nil: it opens without one
	Theme                             json.RawMessage // how its pages look; nil: as they come
	CreatedAt, UpdatedAt              int64
}

// plan names one layout of one show for good, also when a show of the same id
// is deleted and made again.
func (w Show) plan() string {
	return strconv.FormatInt(w.CreatedAt, 10) + "." + strconv.Itoa(w.LayoutVersion)
}

type showRow struct {
	ID            string `gorm:"primaryKey"`
	Title         string
	Venue         string
	Currency      string
	Phase         string
	PlaysAt       *int64
	StartsAt      *int64
	EndsAt        *int64
	CancelUntil   *int64
	HoldSeconds   int
	MaxSeats      int
	MaxWaiting    int
	Rules         string
	RulesVersion  int64
	Message       string
	LayoutVersion int
	SeatCount     int
	Draw          *string
	Theme         *string
	CreatedAt     int64 `gorm:"autoCreateTime:false"`
	UpdatedAt     int64 `gorm:"autoUpdateTime:false"`
}

func (showRow) TableName() string { return "shows" }

func (r showRow) show() Show {
	w := Show{
		ID: r.ID, Title: r.Title, Venue: r.Venue, Currency: r.Currency, Phase: r.Phase,
		PlaysAt: r.PlaysAt, StartsAt: r.StartsAt, EndsAt: r.EndsAt, CancelUntil: r.CancelUntil,
		HoldSeconds: r.HoldSeconds, MaxSeats: r.MaxSeats, MaxWaiting: r.MaxWaiting,
		RulesVersion: r.RulesVersion, Message: r.Message,
		LayoutVersion: r.LayoutVersion, SeatCount: r.SeatCount, Draw: readPlan(r.Draw), CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
	if r.Rules != "" {
		w.Rules = json.RawMessage(r.Rules)
	}
	if r.Theme != nil {
		w.Theme = json.RawMessage(*r.Theme)
	}
	return w
}

func (r *showRow) terms() terms {
	return terms{
		title: r.Title, venue: r.Venue, playsAt: r.PlaysAt, startsAt: r.StartsAt, endsAt: r.EndsAt, cancelUntil: r.CancelUntil,
		holdSeconds: r.HoldSeconds, maxSeats: r.MaxSeats, maxWaiting: r.MaxWaiting, draw: readPlan(r.Draw),
	}
}

// set takes over what a Spec says of a show apart from its layout. Rules that
// the Spec does not mention stay as they are.
func (r *showRow) set(p Spec) {
	r.Title, r.Venue, r.Currency = p.Title, p.Venue, p.Currency
	r.PlaysAt, r.StartsAt, r.EndsAt = micros(p.PlaysAt), micros(p.StartsAt), micros(p.EndsAt)
	r.CancelUntil = micros(p.CancelUntil)
	r.HoldSeconds, r.MaxSeats, r.MaxWaiting = *p.HoldSeconds, *p.MaxSeats, *p.MaxWaiting
	if len(p.Admission) > 0 {
		r.Rules = string(p.Admission)
	}
}

// FindShow reads a show from the database; requests ask a Catalogue instead. It
// may return ErrShowNotFound.
func (s *Store) FindShow(ctx context.Context, id string) (Show, error) {
	row, err := findShow(s.db.WithContext(ctx), id)
	return row.show(), failed("find show", err)
}

func findShow(tx *gorm.DB, id string) (showRow, error) {
	var rows []showRow
	if !showPattern.MatchString(id) {
		return showRow{}, ErrShowNotFound
	}
	if err := tx.Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return showRow{}, err
	}
	if len(rows) == 0 {
		return showRow{}, ErrShowNotFound
	}
	return rows[0], nil
}

// CreateShow makes a show with its seats and its queue. It may return an
// *InvalidError or ErrShowExists.
func (s *Store) CreateShow(ctx context.Context, p Spec) (Show, error) {
	if err := p.Validate(); err != nil {
		return Show{}, err
	}
	p = p.WithDefaults()
	row := showRow{ID: p.Show, Phase: p.Phase, LayoutVersion: 1, SeatCount: countSeats(p.Sections), Draw: p.Draw.column()}
	row.set(p)
	row.CreatedAt = s.Now()
	row.UpdatedAt = row.CreatedAt
	row.RulesVersion = row.CreatedAt // it must not fall when a show is made anew under an id
	err := s.transact(ctx, "create show", func(tx *gorm.DB) error {
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		if err := insertLayout(tx, p.Show, row.LayoutVersion, p.Sections); err != nil {
			return err
		}
		if err := openQueue(tx, p.Show); err != nil {
			return err
		}
		return s.audit(ctx, tx, "create show", p.Show, nil, row.values())
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return Show{}, fmt.Errorf("create show %s: %w", p.Show, ErrShowExists)
	}
	return row.show(), err
}

// PutShow creates the show or makes an existing one what the Spec says: title,
// times, limits, rules, and the layout as long as no seat was ever held or
// sold. The phase of an existing show stays, and so do the seats that are not for
// sale as long as the layout does. It may return an *InvalidError or
// ErrLayoutInUse.
func (s *Store) PutShow(ctx context.Context, p Spec) (w Show, created bool, err error) {
	w, err = s.CreateShow(ctx, p)
	if !errors.Is(err, ErrShowExists) {
		return w, err == nil, err
	}
	p = p.WithDefaults()
	if err := s.putLayout(ctx, p); err != nil {
		return Show{}, false, err
	}
	w, err = s.change(ctx, p.Show, "put show", func(r *showRow) error {
		f := &faults{}
		f.replan(r, p.Draw)
		r.set(p)
		return f.err()
	})
	return w, false, err
}

// putLayout replaces the seats of a show by those of the Spec if they differ.
func (s *Store) putLayout(ctx context.Context, p Spec) error {
	w, err := s.FindShow(ctx, p.Show)
	if err != nil {
		return err
	}
	old, err := s.Layout(ctx, w)
	if err != nil || reflect.DeepEqual(old.Sections, forSale(p.Sections)) {
		return err
	}
	err = s.transact(ctx, "put layout", func(tx *gorm.DB) error {
		// A seat that was ever touched has a fence; a hold that comes meanwhile
		// waits for these rows, or these wait for it and come out one short.
		if err := must(tx, int64(w.SeatCount), "DELETE FROM seats WHERE show_id = ? AND fence = 0", w.ID); err != nil {
			return err
		}
		if _, err := exec(tx, "DELETE FROM sections WHERE show_id = ?", w.ID); err != nil {
			return err
		}
		if err := insertLayout(tx, w.ID, w.LayoutVersion+1, p.Sections); err != nil {
			return err
		}
		if err := must(tx, 1, "UPDATE shows SET layout_version = layout_version + 1, seat_count = ? WHERE id = ? AND layout_version = ?",
			countSeats(p.Sections), w.ID, w.LayoutVersion); err != nil {
			return err
		}
		return s.audit(ctx, tx, "put layout", w.ID, values{"layout_version": w.LayoutVersion, "seats": w.SeatCount},
			values{"layout_version": w.LayoutVersion + 1, "seats": countSeats(p.Sections)})
	})
	if errors.Is(err, errRollback) {
		return fmt.Errorf("put layout of %s: %w", w.ID, ErrLayoutInUse)
	}
	if err == nil {
		s.forgetDoor(ctx, w.ID) // its ordinals mean other seats now
	}
	return err
}

// DeleteShow removes a draft or closed show that nobody holds seats of and
// nobody bought from, with all that belongs to it. Its queue's generation is
// kept, so that old tokens stay old should the id be used again. It may return
// ErrShowInUse or ErrShowNotFound.
func (s *Store) DeleteShow(ctx context.Context, id string) error {
	if _, err := s.FindShow(ctx, id); err != nil {
		return err
	}
	err := s.transact(ctx, "delete show", func(tx *gorm.DB) error {
		// Holds first, as everywhere: a payment under way is waited for, and its
		// order then keeps the show.
		if _, err := exec(tx, "DELETE FROM holds WHERE show_id = ? AND (state IN ('released', 'expired') OR (state = 'held' AND expires_at <= ?))",
			id, s.Now()); err != nil {
			return err
		}
		row, err := findShow(tx, id)
		if err != nil {
			return err
		}
		if err := must(tx, 1, `DELETE FROM shows WHERE id = ? AND phase IN ('draft', 'closed')
			AND NOT EXISTS (SELECT 1 FROM holds WHERE show_id = ?) AND NOT EXISTS (SELECT 1 FROM orders WHERE show_id = ?)`, id, id, id); err != nil {
			return err
		}
		for _, table := range []string{"delivery_tries", "deliveries"} {
			if _, err := exec(tx, "DELETE FROM "+table+" WHERE event_id IN (SELECT id FROM events WHERE show_id = ?)", id); err != nil {
				return err
			}
		}
		for _, table := range []string{"purchase_limits", "seats", "sections", "events", "admissions", "payments", "draws", "draw_chunks", "sales_minutes", "waiting_list", "pictures", "bans"} {
			if err := tx.Where("show_id = ?", id).Table(table).Delete(nil).Error; err != nil {
				return err
			}
		}
		return s.audit(ctx, tx, "delete show", id, row.values(), nil)
	})
	if errors.Is(err, errRollback) {
		return fmt.Errorf("delete show %s: %w", id, ErrShowInUse)
	}
	if err == nil {
		s.forgetDoor(ctx, id)
	}
	return err
}

// openQueue makes the queue of a new show, or the next generation of one that
// had the same id.
func openQueue(tx *gorm.DB, show string) error {
	return tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "show_id"}},
		DoUpdates: clause.Assignments(map[string]any{
			"generation": gorm.Expr("generation + 1"), "epoch": gorm.Expr("epoch + 1"),
			"head": gorm.Expr("ceiling"), "floor": gorm.Expr("ceiling"), "totals": "",
		}),
	}).Create(&queueRow{ShowID: show, Generation: 1}).Error
}
