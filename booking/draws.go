package booking

import (
	"context"
	"errors"
	"regexp"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// The states of a draw, in their order. None is ever left backwards.
const (
	DrawCommitted = "committed" // the seed is made, and its hash is public
	DrawFreezing  = "freezing"  // numbers are reserved: the lobby is closed at any moment
	DrawFrozen    = "frozen"    // the lobby is stored, and its hash is public
	DrawDrawn     = "drawn"     // beacon and seed are public: the order is fixed
	DrawNumbered  = "numbered"  // everybody has their number
)

// Draw is one draw of a show, as stored. Times are in µs; 0 is none.
type Draw struct {
	Show                 string
	Generation           int64
	State                string
	Seed, Commitment     string
	CommittedAt          int64
	BeaconSource, Beacon string
	First, Reserved      int64 // the numbers kept for those who are drawn
	Epoch                int64 // of the lobby that was frozen
	LobbyHash            string
	LobbyCount           int64
	FrozenAt, DrawnAt    int64
}

type drawRow struct {
	ShowID       string `gorm:"primaryKey"`
	Generation   int64  `gorm:"primaryKey;autoIncrement:false"`
	State        string
	Seed         string
	Commitment   string
	CommittedAt  int64
	BeaconSource string
	Beacon       string
	FirstNumber  int64
	Reserved     int64
	Epoch        int64
	LobbyHash    string
	LobbyCount   int64
	FrozenAt     *int64
	DrawnAt      *int64
	Worker       string
	WorkerUntil  int64
}

func (drawRow) TableName() string { return "draws" }

type chunkRow struct {
	ShowID     string `gorm:"primaryKey"`
	Generation int64  `gorm:"primaryKey;autoIncrement:false"`
	Epoch      int64  `gorm:"primaryKey;autoIncrement:false"`
	Seq        int64  `gorm:"primaryKey;autoIncrement:false"`
	Visitors   string
}

func (chunkRow) TableName() string { return "draw_chunks" }

func (r drawRow) draw() Draw {
	d := Draw{
		Show: r.ShowID, Generation: r.Generation, State: r.State, Seed: r.Seed, Commitment: r.Commitment, CommittedAt: r.CommittedAt,
		BeaconSource: r.BeaconSource, Beacon: r.Beacon, First: r.FirstNumber, Reserved: r.Reserved, Epoch: r.Epoch,
		LobbyHash: r.LobbyHash, LobbyCount: r.LobbyCount,
	}
	if r.FrozenAt != nil {
		d.FrozenAt = *r.FrozenAt
	}
	if r.DrawnAt != nil {
		d.DrawnAt = *r.DrawnAt
	}
	return d
}

// Draw reads the show's last draw: of this generation, or of an earlier one. It may
// return ErrNoDraw.
func (s *Store) Draw(ctx context.Context, show string) (Draw, error) {
	var rows []drawRow
	err := s.db.WithContext(ctx).Where("show_id = ?", show).Order("generation DESC").Limit(1).Find(&rows).Error
	if err != nil {
		return Draw{}, failed("draw", err)
	}
	if len(rows) == 0 {
		return Draw{}, ErrNoDraw
	}
	return rows[0].draw(), nil
}

// isDrawn tells whether the queue as it is now opened by a draw.
func (s *Store) isDrawn(ctx context.Context, show string) (bool, error) {
	q, err := s.QueueState(ctx, show)
	if err != nil {
		return false, err
	}
	d, err := s.Draw(ctx, show)
	if errors.Is(err, ErrNoDraw) {
		return false, nil
	}
	return d.State == DrawNumbered && d.Generation == q.Generation, err
}

// CommitDraw stores the seed of a generation's draw, its hash, and the beacon's
// source, unless somebody has: the first stays.
func (s *Store) CommitDraw(ctx context.Context, d Draw) error {
	row := drawRow{
		ShowID: d.Show, Generation: d.Generation, State: DrawCommitted, Seed: d.Seed, Commitment: d.Commitment,
		CommittedAt: s.Now(), BeaconSource: d.BeaconSource,
	}
	return failed("commit draw", s.db.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error)
}

// ReserveDraw keeps the numbers from d.First on for those who will be drawn;
// the caller has raised the ceiling over them. What is kept already is replaced only if
// it is what the caller saw. It tells whether it did.
func (s *Store) ReserveDraw(ctx context.Context, d Draw, first, reserved int64) (bool, error) {
	n, err := exec(s.db.WithContext(ctx), `UPDATE draws SET state = ?, first_number = ?, reserved = ?
		WHERE show_id = ? AND generation = ? AND state IN (?, ?) AND first_number = ?`,
		DrawFreezing, first, reserved, d.Show, d.Generation, DrawCommitted, DrawFreezing, d.First)
	return n == 1, failed("reserve draw", err)
}

// StoreLobby stores one part of a frozen lobby: ids of one length, end to end. Parts
// that are stored stay as they are.
func (s *Store) StoreLobby(ctx context.Context, show string, generation, epoch, seq int64, visitors string) error {
	row := chunkRow{ShowID: show, Generation: generation, Epoch: epoch, Seq: seq, Visitors: visitors}
	return failed("store lobby", s.db.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error)
}

// FreezeDraw notes which lobby it is that was frozen, once all parts of it are
// stored. Only one lobby of a generation is ever noted; it tells whether it is this.
func (s *Store) FreezeDraw(ctx context.Context, d Draw) (bool, error) {
	n, err := exec(s.db.WithContext(ctx), `UPDATE draws SET state = ?, first_number = ?, epoch = ?, lobby_hash = ?, lobby_count = ?, frozen_at = ?
		WHERE show_id = ? AND generation = ? AND state = ?`,
		DrawFrozen, d.First, d.Epoch, d.LobbyHash, d.LobbyCount, d.FrozenAt, d.Show, d.Generation, DrawFreezing)
	return n == 1, failed("freeze draw", err)
}

// Lobby reads the parts of the lobby that was frozen, in their order.
func (s *Store) Lobby(ctx context.Context, d Draw) ([]string, error) {
	var parts []string
	err := s.db.WithContext(ctx).Model(&chunkRow{}).
		Where("show_id = ? AND generation = ? AND epoch = ?", d.Show, d.Generation, d.Epoch).
		Order("seq").Pluck("visitors", &parts).Error
	return parts, failed("lobby", err)
}

// beaconPattern keeps out what could not be told apart when it is checked by hand.
var beaconPattern = regexp.MustCompile(`^[\x21-\x7e]{1,200}$`)

// SetBeacon mixes the public value in that the draw waits for: after the freeze, before
// the seed is revealed, and once; the same value again changes nothing. It may return
// an *InvalidError, ErrNoDraw or ErrBeaconNotDue.
func (s *Store) SetBeacon(ctx context.Context, show, value string) (Draw, error) {
	if !beaconPattern.MatchString(value) {
		return Draw{}, invalid("value", "must have 1 to 200 visible ASCII characters")
	}
	d, err := s.Draw(ctx, show)
	if err != nil {
		return Draw{}, err
	}
	const op = "set beacon"
	err = s.transact(ctx, op, func(tx *gorm.DB) error {
		n, err := exec(tx, `UPDATE draws SET beacon = ?
			WHERE show_id = ? AND generation = ? AND state = ? AND beacon = '' AND beacon_source <> ''`,
			value, show, d.Generation, DrawFrozen)
		if err != nil || n == 0 {
			return err
		}
		return s.audit(ctx, tx, op, show, values{"beacon": ""}, values{"beacon": value})
	})
	if err != nil {
		return Draw{}, err
	}
	if d, err = s.Draw(ctx, show); err == nil && d.Beacon != value {
		err = ErrBeaconNotDue
	}
	return d, err
}

// RevealDraw makes the seed public, and so fixes the order, unless a beacon is awaited.
// It tells whether it did.
func (s *Store) RevealDraw(ctx context.Context, show string, generation int64) (bool, error) {
	n, err := exec(s.db.WithContext(ctx), `UPDATE draws SET state = ?, drawn_at = ?
		WHERE show_id = ? AND generation = ? AND state = ? AND (beacon_source = '' OR beacon <> '')`,
		DrawDrawn, s.Now(), show, generation, DrawFrozen)
	return n == 1, failed("reveal draw", err)
}

// OpenDrawn opens a show whose lobby has its numbers; also right when that was done.
// A show that was closed meanwhile stays closed.
func (s *Store) OpenDrawn(ctx context.Context, show string, generation int64) error {
	const op = "open drawn show"
	return s.transact(ctx, op, func(tx *gorm.DB) error {
		n, err := exec(tx, `UPDATE draws SET state = ? WHERE show_id = ? AND generation = ? AND state = ?
			AND generation = (SELECT generation FROM queues WHERE show_id = ?)`, DrawNumbered, show, generation, DrawDrawn, show)
		if err != nil || n == 0 {
			return err
		}
		n, err = exec(tx, "UPDATE shows SET phase = ?, rules_version = rules_version + 1, updated_at = ? WHERE id = ? AND phase = ?",
			PhaseOpen, s.Now(), show, PhaseLobby)
		if err != nil || n == 0 {
			return err
		}
		return s.audit(ctx, tx, op, show, values{"phase": PhaseLobby}, values{"phase": PhaseOpen})
	})
}

// AttendDraw says that one gateway works on a draw for a while, so that others need not;
// false when another does. It saves work and guards nothing: every step is safe by itself.
func (s *Store) AttendDraw(ctx context.Context, show string, generation int64, worker string, lasts time.Duration) (bool, error) {
	now := s.Now()
	n, err := exec(s.db.WithContext(ctx), `UPDATE draws SET worker = ?, worker_until = ?
		WHERE show_id = ? AND generation = ? AND (worker = ? OR worker_until < ?)`,
		worker, now+lasts.Microseconds(), show, generation, worker, now)
	return n == 1, failed("attend draw", err)
}
