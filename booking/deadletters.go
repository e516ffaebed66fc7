package booking

import (
	"context"
	"regexp"
	"strings"

	"gorm.io/gorm"
)

// DeadLetter is a delivery that was given up at DeadAt (µs), after so many tries.
type DeadLetter struct {
	Event    Event
	Listener string
	Tries    int
	Error    string
	DeadAt   int64
}

// Cursor is what DeadLettersQuery.After takes to go on behind this one.
func (d DeadLetter) Cursor() string { return d.Event.ID + "." + d.Listener }

// DeadLettersQuery picks dead letters, of all shows and listeners where these are
// empty, behind After, at most Limit of them.
type DeadLettersQuery struct {
	Show, Listener, After string
	Limit                 int
}

// MostDeadLetters bounds one page.
const MostDeadLetters = 500

var listenerPattern = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// DeadLetters lists deliveries that were given up, the earliest event first. It may
// return an *InvalidError or ErrUnavailable.
func (s *Store) DeadLetters(ctx context.Context, q DeadLettersQuery) ([]DeadLetter, error) {
	f := &faults{}
	f.within("limit", q.Limit, 1, MostDeadLetters)
	f.unless(q.Show == "" || showPattern.MatchString(q.Show), "show", "must match [a-z0-9-]{1,40}")
	f.unless(q.Listener == "" || listenerPattern.MatchString(q.Listener), "listener", "must match [a-z0-9-]{1,40}")
	event, listener, ok := strings.Cut(q.After, ".")
	f.unless(q.After == "" || ok && isID(event) && listenerPattern.MatchString(listener), "after", "must be the `next` of an earlier answer")
	if err := f.err(); err != nil {
		return nil, err
	}
	query := s.db.WithContext(ctx).Table("deliveries d").Joins("JOIN events e ON e.id = d.event_id").Where("d.state = 'dead'")
	if q.Show != "" {
		query = query.Where("e.show_id = ?", q.Show)
	}
	if q.Listener != "" {
		query = query.Where("d.listener = ?", q.Listener)
	}
	if q.After != "" {
		query = query.Where("(d.event_id > ? OR (d.event_id = ? AND d.listener > ?))", event, event, listener)
	}
	var rows []struct {
		Event     eventRow `gorm:"embedded"`
		Listener  string
		Tries     int
		LastError string
		NextAt    int64
	}
	err := query.Select("e.*, d.listener AS listener, d.tries, d.last_error, d.next_at").
		Order("d.event_id, d.listener").Limit(q.Limit).Scan(&rows).Error
	letters := make([]DeadLetter, len(rows))
	for i, r := range rows {
		letters[i] = DeadLetter{Event: r.Event.event(), Listener: r.Listener, Tries: r.Tries, Error: r.LastError, DeadAt: r.NextAt}
	}
	return letters, failed("dead letters", err)
}

// Redrive makes a dead letter due again, with all its tries before it, in its order
// among what is open of the same subject. It may return ErrNoDeadLetter or
// ErrUnavailable.
func (s *Store) Redrive(ctx context.Context, event, listener string) error {
	if !isID(event) || !listenerPattern.MatchString(listener) {
		return ErrNoDeadLetter
	}
	n, err := s.redrive(ctx, listener, []string{event})
	if err == nil && n == 0 {
		return ErrNoDeadLetter
	}
	return err
}

// redriveBatch is how many dead letters go in one transaction.
const redriveBatch = 500

// RedriveAll makes all dead letters of a listener due again and tells how many there
// were; each is touched once, however soon it is given up again. It may return an
// *InvalidError or ErrUnavailable.
func (s *Store) RedriveAll(ctx context.Context, listener string) (redriven int64, err error) {
	if !listenerPattern.MatchString(listener) {
		return 0, invalid("listener", "must match [a-z0-9-]{1,40}")
	}
	for after := ""; ; {
		var ids []string
		err := s.db.WithContext(ctx).Model(&deliveryRow{}).Where("listener = ? AND state = 'dead' AND event_id > ?", listener, after).
			Order("event_id").Limit(redriveBatch).Pluck("event_id", &ids).Error
		if err != nil || len(ids) == 0 {
			return redriven, failed("redrive", err)
		}
		n, err := s.redrive(ctx, listener, ids)
		redriven += n
		if err != nil || len(ids) < redriveBatch {
			return redriven, err
		}
		after = ids[len(ids)-1]
	}
}

func (s *Store) redrive(ctx context.Context, listener string, ids []string) (n int64, err error) {
	err = s.transact(ctx, "redrive", func(tx *gorm.DB) (err error) {
		n, err = exec(tx, `UPDATE deliveries SET state = 'due', tries = 0, next_at = ?, claim = ''
			WHERE listener = ? AND event_id IN ? AND state = 'dead'`, s.Now(), listener, ids)
		return err
	})
	if err == nil && n > 0 {
		s.nudge()
	}
	return n, err
}
