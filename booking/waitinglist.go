package booking

import (
	"context"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// PlacePayload is what an event of a place says; Until is in µs: the place is lost to
// who does not come by then.
type PlacePayload struct {
	Number int64 `json:"number"`
	Until  int64 `json:"until"`
}

// Listed is somebody on the waiting list of a show, under their queue number.
type Listed struct {
	Visitor string
	Number  int64
}

// CalledPlace is a place on the waiting list that was called, until when it may be claimed (µs).
type CalledPlace struct {
	Visitor string
	Until   int64
}

type listedRow struct {
	ShowID     string `gorm:"primaryKey"`
	Generation int64  `gorm:"primaryKey;autoIncrement:false"`
	Visitor    string `gorm:"primaryKey"`
	Number     int64
	ListedAt   int64
	CalledAt   int64
}

func (listedRow) TableName() string { return "waiting_list" }

// Enlist puts a visitor on the waiting list of a queue's generation. Asked again it
// changes nothing; under another number, which somebody gets who was called and did not come, it
// lists them anew.
func (s *Store) Enlist(ctx context.Context, show string, generation int64, l Listed) error {
	row := listedRow{ShowID: show, Generation: generation, Visitor: l.Visitor, Number: l.Number, ListedAt: s.Now()}
	err := s.db.WithContext(ctx).Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "show_id"}, {Name: "generation"}, {Name: "visitor"}},
		// In this order: MySQL sees what was assigned before.
		DoUpdates: clause.Set{
			{Column: clause.Column{Name: "called_at"}, Value: gorm.Expr("CASE WHEN number = ? THEN called_at ELSE 0 END", l.Number)},
			{Column: clause.Column{Name: "number"}, Value: l.Number},
		},
	}).Create(&row).Error
	return failed("enlist", err)
}

// Unlist takes a visitor off the waiting list.
func (s *Store) Unlist(ctx context.Context, show string, generation int64, visitor string) error {
	_, err := exec(s.db.WithContext(ctx), "DELETE FROM waiting_list WHERE show_id = ? AND generation = ? AND visitor = ?", show, generation, visitor)
	return failed("unlist", err)
}

// WaitingList lists who is on the waiting list and has not been called, by number.
func (s *Store) WaitingList(ctx context.Context, show string, generation int64) ([]Listed, error) {
	var list []Listed
	err := s.db.WithContext(ctx).Model(&listedRow{}).
		Where("show_id = ? AND generation = ? AND called_at = 0", show, generation).Order("number").
		Select("visitor", "number").Scan(&list).Error
	return list, failed("waiting list", err)
}

// callsPerTransaction bounds how long one transaction is.
const callsPerTransaction = 50

// CallListed notes who of the waiting list was called, and writes place.called for each
// of them, once: who was noted before, or is not on the list, is left out.
func (s *Store) CallListed(ctx context.Context, show string, generation int64, called []CalledPlace) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	called = slices.SortedFunc(slices.Values(called), func(a, b CalledPlace) int { return strings.Compare(a.Visitor, b.Visitor) })
	for chunk := range slices.Chunk(called, callsPerTransaction) {
		var events []outgoing
		err := s.transact(ctx, "call listed", func(tx *gorm.DB) error {
			events = events[:0]
			for _, c := range chunk {
				e, err := s.callOne(tx, show, generation, c)
				if err != nil {
					return err
				}
				events = append(events, e...)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, e := range events {
			e.told()
		}
	}
	return nil
}

func (s *Store) callOne(tx *gorm.DB, show string, generation int64, c CalledPlace) ([]outgoing, error) {
	n, err := exec(tx, `UPDATE waiting_list SET called_at = ?
		WHERE show_id = ? AND generation = ? AND visitor = ? AND called_at = 0`, s.Now(), show, generation, c.Visitor)
	if err != nil || n == 0 {
		return nil, err
	}
	var row listedRow
	if err := tx.Where("show_id = ? AND generation = ? AND visitor = ?", show, generation, c.Visitor).Take(&row).Error; err != nil {
		return nil, err
	}
	e := s.event(PlaceCalled, show, c.Visitor, c.Visitor, "", PlacePayload{Number: row.Number, Until: c.Until})
	return []outgoing{e}, e.write(tx)
}
