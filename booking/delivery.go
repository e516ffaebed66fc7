package booking

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"
)

const (
	deliveryDue  = "due"
	deliveryDone = "done"
	deliveryDead = "dead"
)

// deliveryRow is due until it is done or dead. While somebody is at it claim says
// who, and next_at until when; dead, next_at is when it was given up.
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
	began    int64
}

// DueListeners tells which of the listeners have deliveries whose time has come,
// in one query. It may return ErrUnavailable.
func (s *Store) DueListeners(ctx context.Context, listeners []string) ([]string, error) {
	if len(listeners) == 0 {
		return nil, nil
	}
	const one = "EXISTS(SELECT 1 FROM deliveries WHERE listener = ? AND state = 'due' AND next_at <= ?)"
	now := s.Now()
	var args []any
	found, into := make([]int, len(listeners)), make([]any, len(listeners))
	for i, l := range listeners {
		args, into[i] = append(args, l, now), &found[i]
	}
	sql := "SELECT " + strings.Repeat(one+", ", len(listeners)-1) + one
	if err := s.db.WithContext(ctx).Raw(sql, args...).Row().Scan(into...); err != nil {
		return nil, failed("due listeners", err)
	}
	var due []string
	for i, l := range listeners {
		if found[i] != 0 {
			due = append(due, l)
		}
	}
	return due, nil
}

// claimTries is how often a claim is tried anew when others have taken all that it
// had picked: there may be more behind it.
const claimTries = 4

// ClaimDeliveries takes up to limit due deliveries for a listener, which nobody
// else will be given until the lease is over. A delivery is due only when no
// earlier one of the same subject and listener is open, and none is under way.
// With nothing due it costs one query. It may return ErrUnavailable.
func (s *Store) ClaimDeliveries(ctx context.Context, listener string, limit int, lease time.Duration) ([]Delivery, error) {
	for range claimTries {
		ids, err := s.dueDeliveries(ctx, listener, limit)
		if err != nil || len(ids) == 0 {
			return nil, failed("due deliveries", err)
		}
		claimed, err := s.claim(ctx, listener, ids, lease)
		if err != nil || len(claimed) > 0 {
			return claimed, err
		}
	}
	return nil, nil
}

// inTheWay finds what a delivery d must wait for at a time: an earlier one that is
// open, or a later one that is under way, which happens when d was sent again.
const inTheWay = `EXISTS (SELECT 1 FROM deliveries e WHERE e.subject = d.subject AND e.listener = d.listener
	AND e.state = 'due' AND (e.event_id < d.event_id OR (e.event_id > d.event_id AND e.claim <> '' AND e.next_at > ?)))`

func (s *Store) dueDeliveries(ctx context.Context, listener string, limit int) (ids []string, err error) {
	now := s.Now()
	err = s.db.WithContext(ctx).Raw(`SELECT d.event_id FROM deliveries d
		WHERE d.listener = ? AND d.state = 'due' AND d.next_at <= ? AND NOT `+inTheWay+`
		ORDER BY d.next_at, d.event_id LIMIT ?`, listener, now, now, limit).Scan(&ids).Error
	return ids, err
}

// claim takes those of the deliveries that nobody else was quicker to take. Once it
// has begun it is not cut short: what was claimed and not read would wait for its lease.
func (s *Store) claim(ctx context.Context, listener string, ids []string, lease time.Duration) ([]Delivery, error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	claim, now := ulid.Make().String(), s.Now()
	var n int64
	err := s.behindTheSale(ctx, "claim deliveries", func(tx *gorm.DB) (err error) {
		n, err = exec(tx, `UPDATE deliveries SET claim = ?, next_at = ?, tries = tries + 1
			WHERE listener = ? AND event_id IN ? AND state = 'due' AND next_at <= ?`,
			claim, now+lease.Microseconds(), listener, ids, now)
		return err
	})
	if err != nil || n == 0 {
		return nil, err
	}
	return s.claimedBy(ctx, listener, claim, now)
}

// claimedBy reads what a claim has taken. What came to stand in the way of one
// between the look and the claim is seen here, and it is given back.
func (s *Store) claimedBy(ctx context.Context, listener, claim string, now int64) ([]Delivery, error) {
	db := s.db.WithContext(ctx)
	var rows []struct {
		EventID string
		Tries   int
		Blocked int
	}
	err := db.Raw(`SELECT d.event_id, d.tries, `+inTheWay+` AS blocked FROM deliveries d
		WHERE d.claim = ? AND d.listener = ? AND d.state = 'due' ORDER BY d.event_id`, now, claim, listener).Scan(&rows).Error
	if err != nil {
		return nil, failed("claimed deliveries", err)
	}
	var deliveries []Delivery
	var ids, blocked []string
	for _, r := range rows {
		if r.Blocked != 0 {
			blocked = append(blocked, r.EventID)
			continue
		}
		ids = append(ids, r.EventID)
		deliveries = append(deliveries, Delivery{
			Event: Event{ID: r.EventID}, Listener: listener, Tries: r.Tries, claim: claim, began: now,
		})
	}
	if err := s.giveBack(ctx, listener, claim, blocked); err != nil || len(ids) == 0 {
		return nil, err
	}
	var events []eventRow
	if err := db.Where("id IN ?", ids).Order("id").Find(&events).Error; err != nil {
		return nil, failed("claimed events", err)
	}
	byID := map[string]Event{}
	for _, e := range events {
		byID[e.ID] = e.event()
	}
	for i, id := range ids {
		if e, ok := byID[id]; ok { // else one of no known type, which nobody can be told
			deliveries[i].Event = e
		}
	}
	return deliveries, nil
}

func (s *Store) giveBack(ctx context.Context, listener, claim string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return s.transact(ctx, "give deliveries back", func(tx *gorm.DB) error {
		_, err := exec(tx, `UPDATE deliveries SET claim = '', next_at = ?, tries = tries - 1
			WHERE listener = ? AND event_id IN ? AND claim = ? AND state = 'due'`, s.Now(), listener, ids, claim)
		return err
	})
}

// Delivered marks deliveries as done, however many in the four statements of one small
// transaction. Where the lease of one was over and somebody else has claimed it, the mark
// is theirs to make, and the try is written down as late. It may return ErrUnavailable:
// then none is marked.
func (s *Store) Delivered(ctx context.Context, done ...Delivery) error {
	if len(done) == 0 {
		return nil
	}
	now := s.Now()
	which := "(" + strings.Repeat(theDelivery+" OR ", len(done)-1) + theDelivery + ")"
	keys := make([]any, 0, 3*len(done))
	tries := make([]tryRow, len(done))
	for i, d := range done {
		keys = append(keys, d.Event.ID, d.Listener, d.claim)
		tries[i] = d.try(now)
	}
	return s.behindTheSale(ctx, "mark deliveries", func(tx *gorm.DB) error {
		n, err := exec(tx, "UPDATE deliveries SET state = 'done', done_at = ?, last_error = '' WHERE state = 'due' AND "+which,
			append([]any{now}, keys...)...)
		if err != nil {
			return err
		}
		late := map[string]bool{}
		if n < int64(len(done)) {
			if late, err = othersHave(tx, done, which, keys); err != nil {
				return err
			}
		}
		rows := slices.Clone(tries)
		for i := range rows {
			rows[i].Outcome = deliveryDone
			if late[rows[i].Listener+rows[i].EventID] {
				rows[i].Outcome = tryLate
			}
		}
		return tx.Create(&rows).Error
	})
}

// theDelivery is one as its claimer knows it.
const theDelivery = "(event_id = ? AND listener = ? AND claim = ?)"

// othersHave tells by listener and event which of the deliveries are not done under
// their claim.
func othersHave(tx *gorm.DB, done []Delivery, which string, keys []any) (map[string]bool, error) {
	var marked []deliveryRow
	if err := tx.Raw("SELECT event_id, listener FROM deliveries WHERE state = 'done' AND "+which, keys...).Scan(&marked).Error; err != nil {
		return nil, err
	}
	others := map[string]bool{}
	for _, d := range done {
		others[d.Listener+d.Event.ID] = true
	}
	for _, m := range marked {
		delete(others, m.Listener+m.EventID)
	}
	return others, nil
}

// try is the row of this try as it ends now (µs); how it ended is left open.
func (d Delivery) try(now int64) tryRow {
	return tryRow{EventID: d.Event.ID, Listener: d.Listener, Try: d.Tries, At: d.began, TookUs: max(0, now-d.began)}
}

// maxLastError keeps what a listener complained of short enough to read, bytes.
const maxLastError = 500

// NotDelivered sets a delivery aside until after the pause, or for good if it
// is given up.
func (s *Store) NotDelivered(ctx context.Context, d Delivery, cause error, pause time.Duration, giveUp bool) error {
	state, outcome := deliveryDue, tryFailed
	if giveUp {
		state, outcome, pause = deliveryDead, deliveryDead, 0
	}
	complaint, now := clip(cause.Error(), maxLastError), s.Now()
	return s.behindTheSale(ctx, "mark delivery", func(tx *gorm.DB) error {
		n, err := exec(tx, "UPDATE deliveries SET state = ?, next_at = ?, claim = '', last_error = ? WHERE state = 'due' AND "+theDelivery,
			state, now+pause.Microseconds(), complaint, d.Event.ID, d.Listener, d.claim)
		if err != nil {
			return err
		}
		row := d.try(now)
		row.Error, row.Outcome = complaint, outcome
		if n == 0 {
			row.Outcome = tryLate
		}
		return tx.Create(&row).Error
	})
}

// Backlog is how far a listener is behind: its open deliveries, those that were
// given up, and when the event of the oldest open one happened (µs, 0 for none).
type Backlog struct {
	Listener           string
	Open, Dead, Oldest int64
}

// Backlogs are those of all listeners that are behind with anything, by name. It
// may return ErrUnavailable.
func (s *Store) Backlogs(ctx context.Context) ([]Backlog, error) {
	var all []Backlog
	err := s.db.WithContext(ctx).Raw(`SELECT d.listener AS listener,
		SUM(CASE WHEN d.state = 'due' THEN 1 ELSE 0 END) AS open,
		SUM(CASE WHEN d.state = 'dead' THEN 1 ELSE 0 END) AS dead,
		COALESCE(MIN(CASE WHEN d.state = 'due' THEN e.at END), 0) AS oldest
		FROM deliveries d JOIN events e ON e.id = d.event_id
		WHERE d.state IN ('due', 'dead') GROUP BY d.listener ORDER BY d.listener`).Scan(&all).Error
	return all, failed("backlogs", err)
}
