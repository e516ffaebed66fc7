package booking

import (
	"context"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"
)

const (
	deliveryDue  = "due"
	deliveryDone = "done"
	deliveryDead = "dead"
)

type deliveryRow struct {
	EventID   string `gorm:"primaryKey"`
	Listener  string `gorm:"primaryKey"`
	Subject   string
	State     string
	Tries     int
	NextAt    int64
	Claim     string
	LastError string
	DoneAt    *int64
}

func (deliveryRow) TableName() string { return "deliveries" }

// Delivery is an event on its way to one listener, claimed by one gateway.
// Tries counts this one too.
type Delivery struct {
	Event    Event
	Listener string
	Tries    int
	claim    string
}

// ClaimDeliveries takes up to limit due deliveries for these listeners, which
// nobody else will be given until the lease is over. A delivery is due only
// when no earlier one of the same subject and listener is open. With nothing
// due it costs one query.
func (s *Store) ClaimDeliveries(ctx context.Context, listeners []string, limit int, lease time.Duration) ([]Delivery, error) {
	if len(listeners) == 0 {
		return nil, nil
	}
	db, now := s.db.WithContext(ctx), s.Now()
	var due []deliveryRow
	err := db.Raw(`SELECT d.event_id, d.listener FROM deliveries d
		WHERE d.state = 'due' AND d.next_at <= ? AND d.listener IN ?
		AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.subject = d.subject AND e.listener = d.listener
			AND e.state = 'due' AND e.event_id < d.event_id)
		ORDER BY d.next_at, d.event_id LIMIT ?`, now, listeners, limit).Scan(&due).Error
	if err != nil || len(due) == 0 {
		return nil, failed("due deliveries", err)
	}
	events := map[string][]string{}
	for _, d := range due {
		events[d.Listener] = append(events[d.Listener], d.EventID)
	}
	claim, claimed := ulid.Make().String(), int64(0)
	for listener, ids := range events {
		n, err := exec(db, `UPDATE deliveries SET claim = ?, next_at = ?, tries = tries + 1
			WHERE listener = ? AND event_id IN ? AND state = 'due' AND next_at <= ?`,
			claim, now+lease.Microseconds(), listener, ids, now)
		if err != nil {
			return nil, failed("claim deliveries", err)
		}
		claimed += n
	}
	if claimed == 0 {
		return nil, nil
	}
	return s.claimedBy(db, claim)
}

func (s *Store) claimedBy(db *gorm.DB, claim string) ([]Delivery, error) {
	var rows []deliveryRow
	if err := db.Where("claim = ? AND state = 'due'", claim).Order("event_id, listener").Find(&rows).Error; err != nil {
		return nil, failed("claimed deliveries", err)
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.EventID
	}
	var events []eventRow
	if err := db.Where("id IN ?", ids).Find(&events).Error; err != nil {
		return nil, failed("claimed events", err)
	}
	byID := map[string]Event{}
	for _, e := range events {
		byID[e.ID] = e.event()
	}
	deliveries := make([]Delivery, len(rows))
	for i, r := range rows {
		deliveries[i] = Delivery{Event: byID[r.EventID], Listener: r.Listener, Tries: r.Tries, claim: claim}
	}
	return deliveries, nil
}

// Delivered marks a delivery as done. If its lease was over and somebody else
// has claimed it, the mark is theirs to make, and nothing happens.
func (s *Store) Delivered(ctx context.Context, d Delivery) error {
	_, err := exec(s.db.WithContext(ctx), `UPDATE deliveries SET state = 'done', done_at = ?, last_error = ''
		WHERE event_id = ? AND listener = ? AND claim = ? AND state = 'due'`, s.Now(), d.Event.ID, d.Listener, d.claim)
	return failed("mark delivery", err)
}

// maxLastError keeps what a listener complained of short enough to read, bytes.
const maxLastError = 500

// NotDelivered sets a delivery aside until after the pause, or for good if it
// is given up.
func (s *Store) NotDelivered(ctx context.Context, d Delivery, cause error, pause time.Duration, giveUp bool) error {
	state := deliveryDue
	if giveUp {
		state = deliveryDead
	}
	_, err := exec(s.db.WithContext(ctx), `UPDATE deliveries SET state = ?, next_at = ?, last_error = ?
		WHERE event_id = ? AND listener = ? AND claim = ? AND state = 'due'`,
		state, s.Now()+pause.Microseconds(), clip(cause.Error(), maxLastError), d.Event.ID, d.Listener, d.claim)
	return failed("mark delivery", err)
}

// Deliveries tells how many deliveries are open and how many were given up, and
// when the event of the oldest open one happened (µs, 0 if none is open).
func (s *Store) Deliveries(ctx context.Context) (open, dead, oldest int64, err error) {
	var rows []struct {
		State  string
		Count  int64
		Oldest int64
	}
	err = s.db.WithContext(ctx).Raw(`SELECT d.state AS state, COUNT(*) AS count, MIN(e.at) AS oldest
		FROM deliveries d JOIN events e ON e.id = d.event_id
		WHERE d.state IN ('due', 'dead') GROUP BY d.state`).Scan(&rows).Error
	for _, r := range rows {
		if r.State == deliveryDead {
			dead = r.Count
		} else {
			open, oldest = r.Count, r.Oldest
		}
	}
	return open, dead, oldest, failed("count deliveries", err)
}
