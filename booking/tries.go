package booking

import "context"

// How a try may end beside done and dead: see the migration.
const (
	tryFailed = "failed"
	tryLate   = "late"
)

type tryRow struct {
	EventID  string `gorm:"primaryKey"`
	Listener string `gorm:"primaryKey"`
	Try      int    `gorm:"primaryKey"`
	At       int64  `gorm:"primaryKey"`
	TookUs   int64
	Outcome  string
	Error    string
}

func (tryRow) TableName() string { return "delivery_tries" }

// Try is one time that a listener was told of an event: which one of the delivery,
// from when (µs) and for how long (µs). Outcome is done, failed (and tried again
// later), dead (given up), or late (its lease was over, and somebody else had the
// delivery by then); Error is what the listener said.
type Try struct {
	Event, Type, Listener string
	Try                   int
	At, TookUs            int64
	Outcome, Error        string
}

// mostTries bounds what is listed of a subject: a dozen listeners that fail an hour each.
const mostTries = 1000

// Tries lists how the listeners were told of the events of a subject (an order or a
// hold), the earliest first. It may return ErrUnavailable.
func (s *Store) Tries(ctx context.Context, subject string) ([]Try, error) {
	if !isID(subject) {
		return nil, nil
	}
	var tries []Try
	err := s.db.WithContext(ctx).Raw(`SELECT t.event_id AS event, e.type AS type, t.listener AS listener,
		t.try AS try, t.at AS at, t.took_us AS took_us, t.outcome AS outcome, t.error AS error
		FROM events e JOIN delivery_tries t ON t.event_id = e.id
		WHERE e.subject = ? ORDER BY t.at, t.event_id, t.listener, t.try LIMIT ?`, subject, mostTries).Scan(&tries).Error
	return tries, failed("tries", err)
}
