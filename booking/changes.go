package booking

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"
	"unicode/utf8"
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
	HoldSeconds *int         `json:"hold_seconds"`
	MaxSeats    *int         `json:"max_seats"`
	MaxWaiting  *int         `json:"max_waiting"`
	Phase       *string      `json:"phase"`
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
		assign(&r.HoldSeconds, p.HoldSeconds)
		assign(&r.MaxSeats, p.MaxSeats)
		assign(&r.MaxWaiting, p.MaxWaiting)
		f := &faults{}
		f.terms(r.terms())
		if p.Phase != nil {
			f.phase(*p.Phase, r.EndsAt, s.Now())
			r.Phase = *p.Phase
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

// SetPhase opens, closes or takes back a show. A show that has ended must be
// given a later end to open again. It may return an *InvalidError or
// ErrShowNotFound.
func (s *Store) SetPhase(ctx context.Context, id, phase string) (Show, error) {
	return s.change(ctx, id, "set phase", func(r *showRow) error {
		f := &faults{}
		f.phase(phase, r.EndsAt, s.Now())
		r.Phase = phase
		return f.err()
	})
}

// phase judges a phase for a show that ends at a time, or never.
func (f *faults) phase(phase string, endsAt *int64, now int64) {
	f.unless(phase == PhaseDraft || phase == PhaseOpen || phase == PhaseClosed, "phase", "must be draft, open or closed")
	f.unless(phase != PhaseOpen || endsAt == nil || *endsAt > now, "ends_at", "has passed")
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
// meanwhile; else it starts over. What f leaves as it was is not written.
func (s *Store) change(ctx context.Context, id, op string, f func(*showRow) error) (Show, error) {
	for range changeTries {
		old, err := findShow(s.db.WithContext(ctx), id)
		if err != nil {
			return Show{}, failed(op, err)
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
		res := s.db.WithContext(ctx).Model(&showRow{}).
			Where("id = ? AND rules_version = ?", id, old.RulesVersion).
			Select("*").Omit("id", "created_at", "layout_version", "seat_count").
			Updates(&row)
		if res.Error != nil && !retryable(res.Error) {
			return Show{}, failed(op, res.Error)
		}
		if res.Error == nil && res.RowsAffected == 1 {
			return row.show(), nil
		}
	}
	return Show{}, fmt.Errorf("%s: %w", op, ErrContended)
}
