package booking

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
)

// OptionalTime is a time in a patch: absent, null (no time), or given.
type OptionalTime struct {
	Given bool
	At    *int64
}

// UnmarshalJSON reads null or an RFC 3339 time.
func (t *OptionalTime) UnmarshalJSON(b []byte) error {
	t.Given, t.At = true, nil
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	var at time.Time
	if err := json.Unmarshal(b, &at); err != nil {
		return err
	}
	t.At = micros(&at)
	return nil
}

func (t OptionalTime) apply(to **int64) {
	if t.Given {
		*to = t.At
	}
}

// ShowPatch changes what it mentions of a show and nothing else.
type ShowPatch struct {
	Title       *string      `json:"title"`
	Venue       *string      `json:"venue"`
	PlaysAt     OptionalTime `json:"plays_at"`
	StartsAt    OptionalTime `json:"starts_at"`
	EndsAt      OptionalTime `json:"ends_at"`
	CancelUntil OptionalTime `json:"cancel_until"`
	HoldSeconds *int         `json:"hold_seconds"`
	MaxSeats    *int         `json:"max_seats"`
	MaxWaiting  *int         `json:"max_waiting"`
	Phase       *string      `json:"phase"`
	Draw        *DrawPlan    `json:"draw"`
}

// PatchShow changes details, times, limits and phase of a show: all of them or none. It may return an *InvalidError
// or ErrShowNotFound.
func (s *Store) PatchShow(ctx context.Context, id string, p ShowPatch) (Show, error) {
	return s.change(ctx, id, "patch show", func(r *showRow) error {
		assign(&r.Title, p.Title)
		assign(&r.Venue, p.Venue)
		p.PlaysAt.apply(&r.PlaysAt)
		p.StartsAt.apply(&r.StartsAt)
		p.EndsAt.apply(&r.EndsAt)
		p.CancelUntil.apply(&r.CancelUntil)
		assign(&r.HoldSeconds, p.HoldSeconds)
		assign(&r.MaxSeats, p.MaxSeats)
		assign(&r.MaxWaiting, p.MaxWaiting)
		f := &faults{}
		if p.Draw != nil {
			f.replan(r, p.Draw)
		}
		f.terms(r.terms())
		if p.Phase != nil {
			if err := s.enter(ctx, r, *p.Phase, f); err != nil {
				return err
			}
		}
		return f.err()
	})
}

func assign[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// ChangeRules replaces the rules of admission by what f makes of them. f may be
// called several times, when others change the show meanwhile; its error is
// returned as it is. It may return ErrShowNotFound.
func (s *Store) ChangeRules(ctx context.Context, id string, f func(old json.RawMessage) (json.RawMessage, error)) (Show, error) {
	return s.change(ctx, id, "change rules", func(r *showRow) error {
		rules, err := f(r.show().Rules)
		if err == nil {
			r.Rules = string(rules)
		}
		return err
	})
}

// SetPhase opens, closes or takes back a show, or opens its lobby. A show that has
// ended must be given a later end to open again. One that opens by draw and is not
// drawn yet goes to its lobby, and the draw is due at once. It may return an
// *InvalidError or ErrShowNotFound.
func (s *Store) SetPhase(ctx context.Context, id, phase string) (Show, error) {
	return s.change(ctx, id, "set phase", func(r *showRow) error {
		f := &faults{}
		if err := s.enter(ctx, r, phase, f); err != nil {
			return err
		}
		return f.err()
	})
}

// enter brings a show into a phase, as far as it may go there.
func (s *Store) enter(ctx context.Context, r *showRow, phase string, f *faults) error {
	now := s.Now()
	switch phase {
	case PhaseDraft, PhaseClosed:
	case PhaseLobby:
		f.unless(r.Draw != nil, "draw", "must be set: no other show has a lobby")
		f.unless(r.Phase == PhaseDraft || r.Phase == PhaseLobby, "phase", "is past the lobby")
		f.unless(r.EndsAt == nil || *r.EndsAt > now, "ends_at", "has passed")
	case PhaseOpen:
		f.unless(r.EndsAt == nil || *r.EndsAt > now, "ends_at", "has passed")
		if r.Draw == nil {
			break
		}
		drawn, err := s.isDrawn(ctx, r.ID)
		if err != nil {
			return err
		}
		if !drawn {
			phase = PhaseLobby
			r.drawAt(now)
		}
	default:
		f.unless(false, "phase", "must be draft, lobby, open or closed")
	}
	r.Phase = phase
	return nil
}

// drawAt makes the draw due, if it is not by itself.
func (r *showRow) drawAt(now int64) {
	if r.StartsAt != nil && *r.StartsAt <= now {
		return
	}
	r.StartsAt = &now
	plan := readPlan(r.Draw)
	if at := micros(plan.LobbyAt); at != nil && *at > now {
		plan.LobbyAt = new(time.UnixMicro(now).UTC())
		r.Draw = plan.column()
	}
}

// SetMessage sets what everybody who waits is told; empty for nothing. It may
// return an *InvalidError or ErrShowNotFound.
func (s *Store) SetMessage(ctx context.Context, id, text string) (Show, error) {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxMessage {
		return Show{}, invalid("text", "must have at most %d characters", maxMessage)
	}
	return s.change(ctx, id, "set message", func(r *showRow) error {
		r.Message = text
		return nil
	})
}

// changeTries bounds how often a change starts over because somebody else
// changed the same show in between; more operators than that do not exist.
const changeTries = 20

// change reads a show, lets f change it, and writes it back if nobody else did
// meanwhile; else it starts over. What f leaves as it was is not written; what it
// changes is in the audit, by the same transaction. With IfVersion it may return
// ErrChanged.
func (s *Store) change(ctx context.Context, id, op string, f func(*showRow) error) (Show, error) {
	for range changeTries {
		old, err := findShow(s.db.WithContext(ctx), id)
		if err != nil {
			return Show{}, failed(op, err)
		}
		if isStale(ctx, old.RulesVersion) {
			return Show{}, ErrChanged
		}
		row := old
		if err := f(&row); err != nil {
			return Show{}, err
		}
		if reflect.DeepEqual(old, row) {
			return row.show(), nil
		}
		row.RulesVersion++
		row.UpdatedAt = s.Now()
		err = s.transact(ctx, op, func(tx *gorm.DB) error {
			res := tx.Model(&showRow{}).
				Where("id = ? AND rules_version = ?", id, old.RulesVersion).
				Select("*").Omit("id", "created_at", "layout_version", "seat_count").
				Updates(&row)
			if res.Error == nil && res.RowsAffected != 1 {
				return errRollback
			}
			if res.Error != nil {
				return res.Error
			}
			return s.audit(ctx, tx, op, id, old.values(), row.values())
		})
		if err == nil {
			return row.show(), nil
		}
		if !errors.Is(err, errRollback) {
			return Show{}, err
		}
	}
	return Show{}, fmt.Errorf("%s: %w", op, ErrContended)
}
