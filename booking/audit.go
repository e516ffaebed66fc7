package booking

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"
)

// Actor is who changes something as the operator: the name that they go by, the
// address that they come from, and the request's id.
type Actor struct {
	Operator, Address, Request string
}

type actorKey struct{}

// WithActor says in whose name what is done with the context is done. A context and
// not a parameter, since a reset reaches the database through the queue, which knows
// nothing of operators.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// itself is who acts when nobody is named: the gateway.
var itself = Actor{Operator: "frontrow"}

func actorOf(ctx context.Context) (a Actor, named bool) {
	a, named = ctx.Value(actorKey{}).(Actor)
	if !named {
		a = itself
	}
	return a, named
}

// AuditEntry is one change: who made it, when (µs), and the fields that it changed, as
// JSON objects, before and after. Show is empty for what is of no show; Subject
// names what was changed where that is not the show.
type AuditEntry struct {
	ID, Show, Subject, Action string
	Actor
	Before, After json.RawMessage
	At            int64
}

type auditRow struct {
	ID        string `gorm:"primaryKey"`
	ShowID    string
	Subject   string
	Action    string
	Operator  string
	Address   string
	RequestID string
	Was       string
	Became    string
	At        int64
}

func (auditRow) TableName() string { return "audit" }

// values are what something is made of, by the names that the interface has for them.
type values map[string]any

// NotePreferred writes down that an operator has a visitor called before their turn, from a position in
// line. It may return ErrUnavailable.
func (s *Store) NotePreferred(ctx context.Context, show, visitor string, position int64) error {
	return s.transact(ctx, "prefer visitor", func(tx *gorm.DB) error {
		return s.auditOf(ctx, tx, "prefer visitor", show, visitor, values{"preferred": false}, values{"preferred": true, "position": position})
	})
}

// audit writes down a change of a show, in the transaction that makes it. What is
// the same before and after is left out.
func (s *Store) audit(ctx context.Context, tx *gorm.DB, op, show string, was, became values) error {
	return s.auditOf(ctx, tx, op, show, "", was, became)
}

// auditOf is audit for something beside a show.
func (s *Store) auditOf(ctx context.Context, tx *gorm.DB, op, show, subject string, was, became values) error {
	was, became = differ(was, became)
	actor, _ := actorOf(ctx)
	return tx.Create(&auditRow{
		ID: ulid.Make().String(), ShowID: show, Subject: subject, Action: strings.ReplaceAll(op, " ", "_"),
		Operator: actor.Operator, Address: clip(actor.Address, 64), RequestID: clip(actor.Request, 64),
		Was: encode(was), Became: encode(became), At: s.Now(),
	}).Error
}

// differ leaves only what differs.
func differ(was, became values) (onlyWas, onlyBecame values) {
	onlyWas, onlyBecame = values{}, values{}
	for name, old := range was {
		now, kept := became[name]
		if kept && reflect.DeepEqual(old, now) {
			continue
		}
		inner, isMap := old.(values)
		if innerNow, both := now.(values); isMap && both {
			onlyInner, onlyNow := differ(inner, innerNow)
			onlyWas[name], onlyBecame[name] = onlyInner, onlyNow
			continue
		}
		onlyWas[name] = old
		if kept {
			onlyBecame[name] = now
		}
	}
	for name, now := range became {
		if _, known := was[name]; !known {
			onlyBecame[name] = now
		}
	}
	return onlyWas, onlyBecame
}

// values are the show as the operator knows it, without its seats.
func (r showRow) values() values {
	v := values{
		"title": r.Title, "venue": r.Venue, "currency": r.Currency, "phase": r.Phase,
		"plays_at": timeText(r.PlaysAt), "starts_at": timeText(r.StartsAt), "ends_at": timeText(r.EndsAt),
		"cancel_until": timeText(r.CancelUntil),
		"hold_seconds": r.HoldSeconds, "max_seats": r.MaxSeats, "max_waiting": r.MaxWaiting,
		"message": r.Message, "layout_version": r.LayoutVersion, "seats": r.SeatCount,
	}
	if r.Rules != "" {
		v["admission"] = object(r.Rules)
	}
	if r.Draw != nil {
		v["draw"] = object(*r.Draw)
	}
	if r.Theme != nil {
		v["theme"] = object(*r.Theme)
	}
	return v
}

func timeText(at *int64) any {
	if at == nil {
		return nil
	}
	return time.UnixMicro(*at).UTC().Format(time.RFC3339Nano)
}

func object(text string) values {
	v := values{}
	_ = json.Unmarshal([]byte(text), &v) // of our own writing
	return v
}

// MostAudit is how many entries are told at once.
const MostAudit = 200

// Audit lists changes, the newest first: of one show, or of everything with an empty
// id; after is the id of an entry, on whose elders the list goes on. more tells whether there
// are further ones. It may return an *InvalidError.
func (s *Store) Audit(ctx context.Context, show, after string, limit int) (list []AuditEntry, more bool, err error) {
	f := &faults{}
	f.unless(show == "" || showPattern.MatchString(show), "show", "must match [a-z0-9-]{1,40}")
	f.unless(after == "" || isID(after), "after", "must be the id of an entry")
	f.within("limit", limit, 1, MostAudit)
	if err := f.err(); err != nil {
		return nil, false, err
	}
	query := s.db.WithContext(ctx).Order("id DESC").Limit(limit + 1)
	if show != "" {
		query = query.Where("show_id = ?", show)
	}
	if after != "" {
		query = query.Where("id < ?", after)
	}
	var rows []auditRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, false, failed("audit", err)
	}
	for _, r := range rows[:min(limit, len(rows))] {
		list = append(list, AuditEntry{
			ID: r.ID, Show: r.ShowID, Subject: r.Subject, Action: r.Action,
			Actor:  Actor{Operator: r.Operator, Address: r.Address, Request: r.RequestID},
			Before: json.RawMessage(r.Was), After: json.RawMessage(r.Became), At: r.At,
		})
	}
	return list, len(rows) > limit, nil
}
