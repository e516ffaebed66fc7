package booking

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// QueueState is what of a show's queue must outlive Redis. Totals is the
// queue's own JSON. Numbers up to Ceiling may have been handed out, those up to
// Head were called, those up to Floor are of older generations.
type QueueState struct {
	Show                                    string
	Generation, Epoch, Ceiling, Head, Floor int64
	Totals                                  string
}

// Admission is one row of the queue's ledger: who was let in, and under which
// rules. At is in µs. Next is the smallest number that still waited after it,
// 0 for none; Served is how many could be inside for the seats left, 0 where no rule asked.
type Admission struct {
	Show                                     string
	Generation, Epoch, Seq, At               int64
	Admit, IntervalMS, MaxActive, Count      int64
	First, Last, Next, ActiveAfter, Returned int64
	Served                                   int64
}

type queueRow struct {
	ShowID     string `gorm:"primaryKey"`
	Generation int64
	Epoch      int64
	Ceiling    int64
	Head       int64
	Floor      int64
	Totals     string
}

func (queueRow) TableName() string { return "queues" }

type admissionRow struct {
	ShowID      string `gorm:"primaryKey"`
	Generation  int64  `gorm:"primaryKey"`
	Epoch       int64  `gorm:"primaryKey"`
	Seq         int64  `gorm:"primaryKey"`
	At          int64
	Admit       int64
	IntervalMS  int64 `gorm:"column:interval_ms"`
	MaxActive   int64
	Admitted    int64
	FirstNumber int64
	LastNumber  int64
	NextNumber  int64
	ActiveAfter int64
	Returned    int64
	Served      int64
}

func (admissionRow) TableName() string { return "admissions" }

// QueueState reads the state of a show's queue. It may return ErrShowNotFound.
func (s *Store) QueueState(ctx context.Context, show string) (QueueState, error) {
	var rows []queueRow
	if err := s.db.WithContext(ctx).Where("show_id = ?", show).Limit(1).Find(&rows).Error; err != nil {
		return QueueState{}, failed("queue state", err)
	}
	if len(rows) == 0 {
		return QueueState{}, ErrShowNotFound
	}
	r := rows[0]
	return QueueState{Show: r.ShowID, Generation: r.Generation, Epoch: r.Epoch, Ceiling: r.Ceiling, Head: r.Head, Floor: r.Floor, Totals: r.Totals}, nil
}

// RaiseCeiling reserves the numbers up to to, if the epoch is still this one
// and its ceiling is from. It tells whether it did.
func (s *Store) RaiseCeiling(ctx context.Context, show string, epoch, from, to int64) (bool, error) {
	n, err := exec(s.db.WithContext(ctx), "UPDATE queues SET ceiling = ? WHERE show_id = ? AND epoch = ? AND ceiling = ? AND ceiling < ?",
		to, show, epoch, from, to)
	return n == 1, failed("raise ceiling", err)
}

// WinEpoch begins the epoch after this one, whose numbers go on above ceiling
// and are reserved up to newCeiling. Of all who try it tells one that it won.
func (s *Store) WinEpoch(ctx context.Context, show string, epoch, ceiling, newCeiling int64) (bool, error) {
	n, err := exec(s.db.WithContext(ctx), "UPDATE queues SET epoch = epoch + 1, ceiling = ? WHERE show_id = ? AND epoch = ? AND ceiling = ?",
		newCeiling, show, epoch, ceiling)
	return n == 1, failed("win epoch", err)
}

// NextGeneration ends this generation of the queue and everybody's place in it,
// and tells the state of the next. Numbers go on above the ceiling: none is ever
// handed out twice, so a number tells its generation. If somebody else has ended
// this one already, it tells theirs.
func (s *Store) NextGeneration(ctx context.Context, show string, generation int64) (QueueState, error) {
	err := s.transact(ctx, "next generation", func(tx *gorm.DB) error {
		n, err := exec(tx, `UPDATE queues SET generation = generation + 1, epoch = epoch + 1, head = ceiling, floor = ceiling, totals = ''
			WHERE show_id = ? AND generation = ?`, show, generation)
		if err != nil || n == 0 {
			return err
		}
		return s.audit(ctx, tx, "reset queue", show, values{"generation": generation}, values{"generation": generation + 1})
	})
	if err != nil {
		return QueueState{}, err
	}
	return s.QueueState(ctx, show)
}

// KeepQueue writes down how far a queue has come, and its admissions; both may
// have been kept before. The head only grows. Head and totals of an epoch that
// is over are left out, and it says false then; admissions are history and kept.
func (s *Store) KeepQueue(ctx context.Context, q QueueState, admissions []Admission) (current bool, err error) {
	rows := make([]admissionRow, len(admissions))
	for i, a := range admissions {
		rows[i] = admissionRow{
			ShowID: a.Show, Generation: a.Generation, Epoch: a.Epoch, Seq: a.Seq, At: a.At,
			Admit: a.Admit, IntervalMS: a.IntervalMS, MaxActive: a.MaxActive, Admitted: a.Count,
			FirstNumber: a.First, LastNumber: a.Last, NextNumber: a.Next, ActiveAfter: a.ActiveAfter, Returned: a.Returned, Served: a.Served,
		}
	}
	err = s.transact(ctx, "keep queue", func(tx *gorm.DB) error {
		n, err := exec(tx, `UPDATE queues SET head = CASE WHEN head < ? THEN ? ELSE head END, totals = ?
			WHERE show_id = ? AND generation = ? AND epoch = ?`, q.Head, q.Head, q.Totals, q.Show, q.Generation, q.Epoch)
		current = n == 1
		if err != nil || len(rows) == 0 {
			return err
		}
		return tx.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(rows, seatsPerInsert).Error
	})
	return current, err
}

// Admissions lists the ledger of a generation in the order in which it was
// written, by epoch and seq.
func (s *Store) Admissions(ctx context.Context, show string, generation int64) ([]Admission, error) {
	var rows []admissionRow
	err := s.db.WithContext(ctx).Where("show_id = ? AND generation = ?", show, generation).Order("epoch, seq").Find(&rows).Error
	if err != nil {
		return nil, failed("admissions", err)
	}
	list := make([]Admission, len(rows))
	for i, r := range rows {
		list[i] = r.admission()
	}
	return list, nil
}

// CalledIn is the admission that called a number first, there or not. It says false for one
// that was not called, or not long enough ago for the ledger to know.
func (s *Store) CalledIn(ctx context.Context, show string, generation, number int64) (Admission, bool, error) {
	var rows []admissionRow
	err := s.db.WithContext(ctx).Where("show_id = ? AND generation = ? AND last_number >= ?", show, generation, number).
		Order("at").Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return Admission{}, false, failed("admission of a number", err)
	}
	return rows[0].admission(), true, nil
}

func (r admissionRow) admission() Admission {
	return Admission{
		Show: r.ShowID, Generation: r.Generation, Epoch: r.Epoch, Seq: r.Seq, At: r.At,
		Admit: r.Admit, IntervalMS: r.IntervalMS, MaxActive: r.MaxActive, Count: r.Admitted,
		First: r.FirstNumber, Last: r.LastNumber, Next: r.NextNumber, ActiveAfter: r.ActiveAfter, Returned: r.Returned, Served: r.Served,
	}
}
